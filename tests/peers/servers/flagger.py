"""Real Flagger on an API server, with what it needs: the Deployment controllers, a kubelet that only pretends (kwok), gates.

No gateway stands behind the HTTPRoutes: Flagger writes and reads their weights, and no traffic flows.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from openova_console.systems import kinds
from openova_console.systems.kinds import Resource
from tests.peers import binaries
from tests.peers.servers.controllers import Controllers
from tests.peers.servers.kubernetes import ApiServer
from tests.peers.servers.process import Process
from tests.support.ports import free_port

NAMESPACE, NODE = "shop", "pretended-1"
DEPLOYMENTS = Resource("apps", "v1", "deployments")
GATEWAY_CRDS = "config/crd/standard"


class Gates:
    """Answers Flagger's webhooks: 200 where open, 403 where closed. All are open, except `rollback/…`.

    Attributes:
        open, closed: paths that differ from that, e.g. "promotion/web" or "rollback/api".
        asked: every path that was asked.
    """

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.closed: set[str] = set()
        self.asked: list[str] = []
        gates = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.strip("/")
                gates.asked.append(path)
                self.send_response(200 if gates.passes(path) else 403)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Flagger's own log says what was asked."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def passes(self, path: str) -> bool:
        """Whether the gate is open."""
        return path in self.open if path.startswith("rollback/") else path not in self.closed

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Flagger:
    """See the module. Everything lies in the namespace `shop`; `stop` ends the programs and removes the node."""

    def __init__(self, folder: Path, api: ApiServer) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._api = folder, api
        self.gates = Gates()
        self._controllers = Controllers(folder, api, node=NODE)
        self._flagger: Process | None = None

    def start(self) -> None:
        """Raises `Missing` when a binary is not built."""
        program = binaries.require("flagger")
        flagger = binaries.module_folder("flagger", "github.com/fluxcd/flagger")
        gateway = binaries.module_folder("crds", "sigs.k8s.io/gateway-api")
        routes = gateway / GATEWAY_CRDS / "gateway.networking.k8s.io_httproutes.yaml"
        self._api.define([*_documents(flagger / "artifacts/flagger/crd.yaml"), *_documents(routes)])
        self._controllers.start()
        self._start_flagger(program)

    def stop(self) -> None:
        self.gates.stop()
        if self._flagger is not None:
            self._flagger.stop(timeout_s=2)
        self._controllers.stop()

    def _start_flagger(self, program: Path) -> None:
        port = free_port()
        self._flagger = Process(
            "flagger",
            [
                program,
                f"--kubeconfig={self._controllers.kubeconfig}",
                "--mesh-provider=gatewayapi:v1",
                "--metrics-server=http://127.0.0.1:9",
                "--control-loop-interval=1s",
                f"--port={port}",
                f"--namespace={NAMESPACE}",
            ],
            folder=self._folder,
        )

    def deploy(self, name: str, version: str) -> None:
        """A Deployment with this image; a new version of one that a Canary watches starts a release."""
        container = {"name": "app", "image": f"registry.example/{name}:{version}", "ports": [{"containerPort": 8080}]}
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"nodeName": NODE, "containers": [container]}}
        if version == "1.0.0":
            spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
            self._api.apply(DEPLOYMENTS, {"metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": spec})
        else:
            # Flagger scales the Deployment itself: the number of replicas is not ours any more.
            self._api.merge(DEPLOYMENTS, NAMESPACE, name, {"spec": {"template": {"spec": {"containers": [container]}}}})

    def watch(self, name: str) -> None:
        """A Canary of the Deployment: half of the traffic in one step, and gates that this object answers."""
        hooks = {"rollout": "check", "confirm-promotion": "promotion", "rollback": "rollback"}
        webhooks = [{"name": path, "type": type_, "url": f"{self.gates.url}/{path}/{name}"} for type_, path in hooks.items()]
        spec: dict[str, Any] = {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "progressDeadlineSeconds": 60,
            "service": {
                "port": 80,
                "targetPort": 8080,
                "hosts": [f"{name}.example.test"],
                "gatewayRefs": [{"name": "edge", "namespace": "edge"}],
            },
            "analysis": {"interval": "10s", "threshold": 3, "maxWeight": 50, "stepWeight": 50, "webhooks": webhooks},
        }
        self._api.apply(kinds.CANARIES, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})

    def last_words(self) -> str:
        """The end of every program's log, for a test that fails."""
        flagger = [self._flagger] if self._flagger is not None else []
        return "\n".join(f"{process.name}: {process.last_words()}" for process in (*self._controllers.running, *flagger))


def _documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]
