"""Two regions that can be changed: each a real API server with the controllers of workloads, a pretended kubelet, the real
kustomize-controller with its source, and the console's two accounts from `deploy/rbac.yaml`.

The account for changes reaches its API server through a proxy that can lose an answer.
"""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from openova_console.operations.rights import ACTOR, NAMESPACE, READER
from openova_console.systems import kinds
from openova_console.systems.kinds import Resource
from tests.peers.servers.answercut import AnswerCut
from tests.peers.servers.authority import Authority
from tests.peers.servers.background import Background
from tests.peers.servers.controllers import WORKLOADS, Controllers
from tests.peers.servers.flux import KustomizeController, Source
from tests.peers.servers.kubernetes import ApiServer
from tests.peers.servers.process import wait_until
from tests.support.engines import R1, R2

SHOP, NODE = "shop", "pretended-1"
RBAC = Path(__file__).parents[3] / "deploy" / "rbac.yaml"


class RegionServers:
    """One region.

    Attributes:
        tokens: files by account: openova-console-reader, openova-console-actor; admin, reader, viewer of the server itself.
    """

    def __init__(self, folder: Path, authority: Authority, background: Background, region: str) -> None:
        self.id = region
        self.api = ApiServer(folder / "kubernetes", authority, region)
        self.controllers = Controllers(folder / "controllers", self.api, node=NODE, controllers=WORKLOADS)
        self.flux = KustomizeController(folder / "flux", self.api, self.controllers.kubeconfig)
        self.source = Source(self.api)
        self.cut = AnswerCut(background, self.api.port, authority, region)
        self.tokens: dict[str, Path] = {}

    def start(self) -> None:
        """Raises `Missing` when a binary is not built."""
        self.api.start()
        for document in yaml.safe_load_all(RBAC.read_text()):
            self.api.apply_document(document)
        accounts = {name: self.api.account_token(NAMESPACE, name) for name in (READER, ACTOR)}
        self.tokens = {**self.api.tokens, **accounts}
        self.controllers.start()
        self.flux.start()
        self.cut.start()

    def stop(self) -> None:
        self.cut.stop()
        self.source.stop()
        self.flux.stop()
        with contextlib.suppress(Exception):
            # The API server may be down: then nothing needs to be removed from it.
            self.controllers.stop()
        self.api.stop()

    def deploy(self, name: str, *, workload: str = "Deployment", replicas: int = 2, wait: bool = True) -> None:
        """A workload in the namespace `shop`; returns when its pods are ready."""
        resource = Resource("apps", "v1", f"{workload.lower()}s")
        self.api.apply(resource, workload_document(name, workload, replicas))
        wanted = 1 if workload == "DaemonSet" else replicas
        if wait:
            wait_until(lambda: len(self.ready_pods(name)) == wanted, f"{name} has {wanted} ready pods")

    def ready_pods(self, name: str) -> dict[str, dict[str, Any]]:
        """The ready pods of a workload that are not ending, by uid."""
        pods = [p for p in self.api.all_of(kinds.PODS, SHOP) if (p["metadata"].get("labels") or {}).get("app") == name]
        return {
            pod["metadata"]["uid"]: pod
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp")
            and any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or [])
        }

    def last_words(self) -> str:
        """The end of the programs' logs, for a test that fails."""
        return "\n".join((*(p.last_words() for p in self.controllers.running), self.flux.last_words()))


def workload_document(name: str, workload: str = "Deployment", replicas: int = 2) -> dict[str, Any]:
    """A workload in the namespace `shop` whose pods run on the pretended node."""
    labels = {"app": name}
    container = {"name": "app", "image": f"registry.example/{name}:1.0.0"}
    # Nobody takes the taint of a new node away: the controller that would do it would also take silent nodes for dead.
    pod = {"nodeName": NODE, "tolerations": [{"operator": "Exists"}], "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if workload != "DaemonSet":
        spec["replicas"] = replicas
    if workload == "StatefulSet":
        spec["serviceName"] = name
    metadata = {"name": name, "namespace": SHOP}
    return {"apiVersion": "apps/v1", "kind": workload, "metadata": metadata, "spec": spec}


class Platform:
    """Both. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Platform":
        try:
            authority = Authority(self.folder / "authority")
            background = self._stack.enter_context(Background())
            self.regions = {r: RegionServers(self.folder / r, authority, background, r) for r in (R1, R2)}
            for region in self.regions.values():
                self._stack.callback(region.stop)
            with ThreadPoolExecutor(len(self.regions)) as pool:
                list(pool.map(RegionServers.start, self.regions.values()))
        except BaseException:
            self._stack.close()
            raise
        self.config_file = self.write_config("console.yaml")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write_config(self, name: str, *, actor: str = ACTOR) -> Path:
        """The settings of a console that looks at these regions from Region 1.

        Args:
            actor: whose token changes things.
        """
        path = self.folder / name
        document = {
            "environment": {"name": "peers", "kind": "staging"},
            "console": {"looks_from": R1, "data_dir": str(self.folder / "console")},
            "regions": [self._region(region, actor) for region in self.regions.values()],
            "link": {"kind": "native"},
        }
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    def _region(self, region: RegionServers, actor: str) -> dict[str, Any]:
        ca_file = str(region.api.ca_file)
        return {
            "id": region.id,
            "display": region.id.replace("-", " ").capitalize(),
            "role": "primary" if region.id == R1 else "dr",
            "kubernetes": {"server": region.api.url, "ca_file": ca_file, "token_file": str(region.tokens[READER])},
            "actor": {"server": region.cut.url, "ca_file": ca_file, "token_file": str(region.tokens[actor])},
        }


def required() -> bool:
    """Whether a missing program fails the tests instead of skipping them."""
    return os.environ.get("OPENOVA_PEERS_REQUIRED") == "1"
