"""What makes an API server a cluster: the controllers of kube-controller-manager that make Pods, and a kubelet that pretends.

The kubelet is kwok: Pods become Ready at once, no container runs. There is no scheduler: a Pod names its node.
"""

from pathlib import Path

import yaml

from openova_console.systems import kinds
from tests.peers import binaries
from tests.peers.servers.kubernetes import ApiServer
from tests.peers.servers.process import Process
from tests.support.ports import free_port

_STAGES = (
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
)
DEPLOYMENTS_ONLY = ("deployment-controller", "replicaset-controller")
WORKLOADS = (*DEPLOYMENTS_ONLY, "statefulset-controller", "daemonset-controller")


def write_kubeconfig(api: ApiServer, path: Path) -> Path:
    """A kubeconfig of the administrator."""
    cluster = {"server": api.url, "certificate-authority": str(api.ca_file)}
    user = {"token": api.tokens["admin"].read_text().strip()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


class Controllers:
    """See the module. `stop` ends the programs and removes the node.

    Args:
        node: name of the node that kwok pretends; every Pod has to name it.
        controllers: only these run: others would take a test's own nodes for dead.
    """

    def __init__(self, folder: Path, api: ApiServer, *, node: str, controllers: tuple[str, ...] = DEPLOYMENTS_ONLY) -> None:
        self._folder, self._api, self._node, self._names = folder, api, node, controllers
        self.kubeconfig = folder / "kubeconfig"
        self.running: list[Process] = []

    def start(self) -> None:
        """The API server has to be ready. Raises `Missing` when a binary is not built."""
        self._folder.mkdir(parents=True, exist_ok=True)
        manager, kwok = binaries.require("kube-controller-manager"), binaries.require("kwok")
        write_kubeconfig(self._api, self.kubeconfig)
        self._start_manager(manager)
        self._start_kwok(kwok)
        self._api.apply(kinds.NODES, {"metadata": {"name": self._node, "annotations": {"kwok.x-k8s.io/node": "fake"}}})

    def stop(self) -> None:
        for process in self.running:
            process.stop(timeout_s=2)
        if self.running:
            self._api.delete(kinds.NODES, None, self._node)

    def _run(self, name: str, command: list[str | Path]) -> None:
        self.running.append(Process(name, command, folder=self._folder))

    def _start_manager(self, program: Path) -> None:
        self._run(
            "controllers",
            [
                program,
                f"--kubeconfig={self.kubeconfig}",
                f"--authentication-kubeconfig={self.kubeconfig}",
                f"--authorization-kubeconfig={self.kubeconfig}",
                "--bind-address=127.0.0.1",
                f"--secure-port={free_port()}",
                f"--cert-dir={self._folder / 'certificates'}",
                "--leader-elect=false",
                f"--controllers={','.join(self._names)}",
            ],
        )

    def _start_kwok(self, program: Path) -> None:
        source = binaries.module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize/stage"
        stages = self._folder / "stages.yaml"
        stages.write_text("\n---\n".join((source / f"{stage}.yaml").read_text() for stage in _STAGES))
        port = free_port()
        self._run(
            "kwok",
            [
                program,
                f"--kubeconfig={self.kubeconfig}",
                f"--config={stages}",
                "--manage-all-nodes=false",
                "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
                "--cidr=10.101.0.0/16",
                "--node-lease-duration-seconds=40",
                "--node-ip=127.0.0.1",
                f"--node-port={port}",
                f"--server-address=127.0.0.1:{port}",
            ],
        )
