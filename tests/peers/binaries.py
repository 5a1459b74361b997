"""etcd and kube-apiserver, built once from the Go modules pinned beside this file.

`python -m tests.peers.binaries` builds what is missing. They lie in ${OPENOVA_PEERS_CACHE:-~/.cache/openova-console/peers},
in a folder named by the hash of go.mod and go.sum: a changed pin is a new build, and nothing else is.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers.servers.process import Missing

_BUILD = Path(__file__).parent / "build"
_PACKAGES = {"etcd": ("etcd", "go.etcd.io/etcd/server/v3"), "kube-apiserver": ("kube", "k8s.io/kubernetes/cmd/kube-apiserver")}
_KUBERNETES = re.compile(r"^\s*k8s\.io/kubernetes (v\S+)", re.MULTILINE)


def cache() -> Path:
    """The folder that holds all builds."""
    named = os.environ.get("OPENOVA_PEERS_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "openova-console" / "peers"


def path(name: str) -> Path:
    """Where the binary is, or will be."""
    pins = _BUILD / _PACKAGES[name][0]
    digest = hashlib.sha256((pins / "go.mod").read_bytes() + (pins / "go.sum").read_bytes()).hexdigest()[:16]
    return cache() / digest / name


def require(name: str) -> Path:
    """The path of a built binary. Raises `Missing`."""
    found = path(name)
    if not os.access(found, os.X_OK):
        raise Missing(f"{name} is not built yet (python -m tests.peers.binaries builds it in a few minutes)")
    return found


def build(name: str) -> Path:
    """Build a binary unless it is there. Raises `Missing` without Go, CalledProcessError when the build fails."""
    target = path(name)
    if os.access(target, os.X_OK):
        return target
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Missing(f"{name} cannot be built: Go is not installed")
    folder, package = _PACKAGES[name]
    # Without this Kubernetes says that it is v0.0.0-master.
    pinned = _KUBERNETES.search((_BUILD / folder / "go.mod").read_text())
    stamp = f" -X k8s.io/component-base/version.gitVersion={pinned[1]}" if pinned else ""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
        subprocess.run(
            [
                go,
                "build",
                "-trimpath",
                "-mod=readonly",
                "-buildvcs=false",
                "-ldflags",
                f"-s -w{stamp}",
                "-o",
                f"{fresh}/{name}",
                package,
            ],
            cwd=_BUILD / folder,
            check=True,
        )
        Path(fresh, name).replace(target)
    return target


def main() -> int:
    for name in _PACKAGES:
        try:
            print(f"{name}: {build(name)}", flush=True)
        except (Missing, subprocess.CalledProcessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
