"""The servers that come as Java archives, fetched once by Maven from the pins in `build/`.

They lie beside the built binaries in the cache, in a folder named by the hash of the pom: a changed pin is a new folder.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.peers.binaries import cache
from tests.peers.servers.process import Missing, program

_BUILD = Path(__file__).parents[1] / "build"


def path(name: str) -> Path:
    """The folder that holds the jars, or will hold them."""
    digest = hashlib.sha256((_BUILD / name / "pom.xml").read_bytes()).hexdigest()[:16]
    return cache() / digest / f"{name}-jars"


def require(name: str) -> Path:
    """The folder with the jars; fetched when it is not there (half a minute). Raises `Missing`."""
    program("java", "openjdk-17-jre-headless")
    target = path(name)
    if target.is_dir():
        return target
    maven = program("mvn", "maven")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
        # Maven writes beside its pom, so it gets a copy.
        shutil.copy(_BUILD / name / "pom.xml", fresh)
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={fresh}/jars"]
        try:
            done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            raise Missing(f"Maven did not fetch the jars of {name} within ten minutes") from None
        if done.returncode != 0:
            raise Missing(f"Maven could not fetch the jars of {name}: {done.stdout[-600:]}{done.stderr[-300:]}")
        if not target.is_dir():
            Path(fresh, "jars").replace(target)
    return target
