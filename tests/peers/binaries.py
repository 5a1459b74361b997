"""The servers that come as Go modules, built once from the pins in `build/`.

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
from dataclasses import dataclass
from pathlib import Path

from tests.peers.servers.process import Missing

_BUILD = Path(__file__).parent / "build"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one program is built: the folder of its pins, its package, build tags, and a linker flag for its version."""

    pins: str
    package: str
    tags: str = ""
    stamp: str = ""


_RECIPES = {
    "etcd": Recipe("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": Recipe("kube", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": Recipe("kube", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kwok": Recipe("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "kustomize-controller": Recipe("flux", "github.com/fluxcd/kustomize-controller"),
    "flagger": Recipe("flagger", "github.com/fluxcd/flagger/cmd/flagger"),
    # Its API answers with this version; the one in the module says "development".
    "gitea": Recipe("gitea", "code.gitea.io/gitea", "sqlite sqlite_unlock_notify timetzdata", ' -X "main.Version=1.26.0"'),
    "minio": Recipe("minio", "github.com/minio/minio"),
}
_KUBERNETES = re.compile(r"^\s*k8s\.io/kubernetes (v\S+)", re.MULTILINE)


def cache() -> Path:
    """The folder that holds all builds."""
    named = os.environ.get("OPENOVA_PEERS_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "openova-console" / "peers"


def path(name: str) -> Path:
    """Where the binary is, or will be."""
    pins = pinned(name)
    digest = hashlib.sha256((pins / "go.mod").read_bytes() + (pins / "go.sum").read_bytes()).hexdigest()[:16]
    return cache() / digest / name


def pinned(name: str) -> Path:
    """The folder with the program's go.mod: also where `go list -m` finds the source of what it is built from.

    `crds` is no program: it pins modules of which only files are used, so that a new one of them builds nothing anew.
    """
    return _BUILD / (_RECIPES[name].pins if name in _RECIPES else name)


def go_tool() -> str:
    """The Go command. Raises `Missing`."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Missing("Go is not installed")
    return go


def module_folder(name: str, module: str) -> Path:
    """Where the source of one of the program's modules lies, for files that belong to it. Raises `Missing`."""
    asked = [go_tool(), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module]
    found = subprocess.run(asked, cwd=pinned(name), check=True, capture_output=True, text=True).stdout.strip()
    if not found:
        subprocess.run([go_tool(), "mod", "download", module], cwd=pinned(name), check=True, capture_output=True)
        found = subprocess.run(asked, cwd=pinned(name), check=True, capture_output=True, text=True).stdout.strip()
    if not found:
        raise Missing(f"the source of {module} could not be had")
    return Path(found)


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
    go, recipe = go_tool(), _RECIPES[name]
    # Without this Kubernetes says that it is v0.0.0-master.
    kubernetes = _KUBERNETES.search((pinned(name) / "go.mod").read_text())
    stamp = f" -X k8s.io/component-base/version.gitVersion={kubernetes[1]}" if kubernetes else recipe.stamp
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
        subprocess.run(
            [
                go,
                "build",
                "-trimpath",
                "-mod=readonly",
                "-buildvcs=false",
                f"-tags={recipe.tags}",
                "-ldflags",
                f"-s -w{stamp}",
                "-o",
                f"{fresh}/{name}",
                recipe.package,
            ],
            cwd=pinned(name),
            check=True,
        )
        Path(fresh, name).replace(target)
    return target


def main() -> int:
    for name in _RECIPES:
        try:
            print(f"{name}: {build(name)}", flush=True)
        except (Missing, subprocess.CalledProcessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
