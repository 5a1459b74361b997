"""The real kustomize-controller beside an API server, and the source that it applies from.

Source-controller comes in no module that can be built: what it would write into a GitRepository's status is written here, and
its archives are served here. Everything after that, from the download to the inventory, is Flux.
"""

import hashlib
import io
import tarfile
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from openova_console.systems import kinds
from tests.peers import binaries
from tests.peers.servers.kubernetes import CRDS, ApiServer
from tests.peers.servers.process import Process
from tests.support.ports import free_port

NAMESPACE, SOURCE = "flux-system", "platform"


class Source:
    """A GitRepository and the archive of its newest revision."""

    def __init__(self, api: ApiServer) -> None:
        self._api, self._archives = api, dict[str, bytes]()
        archives = self._archives

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = archives.get(self.path)
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_: object) -> None:
                """Kustomize-controller's own log says what it fetched."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def push(self, commit: str, files: Mapping[str, Any]) -> str:
        """A new revision.

        Args:
            commit: its hash, 40 hexadecimal digits.
            files: every file of the tree; what is not text is written as YAML.

        Returns:
            The revision as Flux names it.
        """
        body, path, revision = _archive(files), f"/{commit}.tar.gz", f"main@sha1:{commit}"
        self._archives[path] = body
        spec = {"interval": "1h", "url": "https://gitea.example.test/acme/platform.git", "ref": {"branch": "main"}}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "lastTransitionTime": now}
        artifact = {
            "url": f"http://127.0.0.1:{self._server.server_port}{path}",
            "path": path.removeprefix("/"),
            "digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
            "size": len(body),
            "revision": revision,
            "lastUpdateTime": now,
        }
        status = {"observedGeneration": 1, "conditions": [ready], "artifact": artifact}
        metadata = {"name": SOURCE, "namespace": NAMESPACE}
        self._api.apply(kinds.GIT_REPOSITORIES, {"metadata": metadata, "spec": spec, "status": status})
        return revision

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _archive(files: Mapping[str, Any]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            data = (content if isinstance(content, str) else yaml.safe_dump(content)).encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


class KustomizeController:
    """The program. It acts as the administrator, as Flux does in a cluster."""

    def __init__(self, folder: Path, api: ApiServer, kubeconfig: Path) -> None:
        self._folder, self._api, self._kubeconfig = folder, api, kubeconfig
        self._process: Process | None = None

    def start(self) -> None:
        """The API server has to be ready. Raises `Missing` when the binary is not built."""
        program = binaries.require("kustomize-controller")
        files = sorted((CRDS / "flux").glob("*.yaml"))
        self._api.define([document for file in files for document in yaml.safe_load_all(file.read_text()) if document])
        self._process = Process(
            "kustomize-controller",
            [
                program,
                f"--metrics-addr=127.0.0.1:{free_port()}",
                f"--health-addr=127.0.0.1:{free_port()}",
                "--enable-leader-election=false",
                "--watch-all-namespaces",
                "--http-retry=1",
                "--requeue-dependency=1s",
            ],
            folder=self._folder,
            env={"KUBECONFIG": str(self._kubeconfig), "RUNTIME_NAMESPACE": NAMESPACE},
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=1)

    def last_words(self) -> str:
        """The end of its log, for a test that fails."""
        return self._process.last_words() if self._process is not None else ""
