"""A real API server on a real etcd: tokens, RBAC, custom resources; no controllers, so status is what a test writes."""

import contextlib
import json
import signal
import ssl
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives import serialization

from openova_console.systems import kinds
from openova_console.systems.kinds import Resource
from openova_console.watch.collectors.kubernetes import MIRRORED
from tests.peers import binaries
from tests.peers.servers.authority import Authority, private_key
from tests.peers.servers.process import Process, wait_until
from tests.support.ports import free_port

CRDS = Path(__file__).parents[1] / "crds"
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)
CONFIG_MAPS = Resource("", "v1", "configmaps")

_READ = dict.fromkeys((*MIRRORED, kinds.EVENTS, kinds.PODS, kinds.CNPG_BACKUPS, kinds.BACKUP_LOCATIONS))
READER_ROLE = {
    "metadata": {"name": "openova-console-reader"},
    "rules": [{"apiGroups": [r.group], "resources": [r.plural], "verbs": ["get", "list", "watch"]} for r in _READ],
}
"""What the console reads, and what its adapters are tested with."""


class ApiServer:
    """One region's etcd and kube-apiserver. Users: admin (everything), reader (the console's role), viewer (nothing)."""

    def __init__(self, folder: Path, authority: Authority, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self.port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca_file = authority.ca_file
        self._certificate = authority.issue(f"kubernetes-{name}")
        self.tokens = {user: folder / f"{user}.token" for user in ("admin", "reader", "viewer")}
        self._etcd: Process | None = None
        self._server: Process | None = None
        self._http = self.client(f"admin-{name}")

    def client(self, token: str) -> httpx.Client:
        """A plain client with this bearer token, for what the console's own never asks."""
        return httpx.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=str(self.ca_file)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
            trust_env=False,
        )

    def start(self) -> None:
        """Start both and define every kind. Raises `Missing` when a binary is not built."""
        etcd = binaries.require("etcd")
        binaries.require("kube-apiserver")
        self._write_credentials()
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        self._etcd = Process(
            f"etcd-{self._name}",
            [
                etcd,
                f"--data-dir={self._folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
            folder=self._folder,
        )
        self.start_server()
        self.define_kinds()

    def _write_credentials(self) -> None:
        groups = {"admin": "system:masters", "reader": "readers", "viewer": "viewers"}
        lines = []
        for number, (user, path) in enumerate(self.tokens.items()):
            path.write_text(f"{user}-{self._name}\n")
            path.chmod(0o600)
            lines.append(f'{user}-{self._name},{user},{number},"{groups[user]}"\n')
        (self._folder / "tokens.csv").write_text("".join(lines))
        key = private_key(self._folder / "accounts.key")
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        (self._folder / "accounts.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))

    def start_server(self) -> None:
        """Start the API server, also again on the same etcd."""
        self._server = Process(
            f"apiserver-{self._name}",
            [
                binaries.require("kube-apiserver"),
                f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
                f"--secure-port={self.port}",
                "--bind-address=127.0.0.1",
                f"--tls-cert-file={self._certificate.cert_file}",
                f"--tls-private-key-file={self._certificate.key_file}",
                "--service-account-issuer=https://kubernetes.default",
                f"--service-account-key-file={self._folder / 'accounts.pub'}",
                f"--service-account-signing-key-file={self._folder / 'accounts.key'}",
                f"--token-auth-file={self._folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--disable-admission-plugins=ServiceAccount",
                "--profiling=false",
            ],
            folder=self._folder,
        )
        wait_until(self._ready, f"the API server of {self._name} is ready", timeout_s=60, process=self._server)

    @property
    def alive(self) -> bool:
        """Whether the API server's process runs."""
        return self._server is not None and self._server.alive

    def kill_server(self) -> None:
        """End the API server at once; etcd stays. On SIGTERM it would take 20 s."""
        if self._server is not None:
            self._server.stop(signal.SIGKILL)

    def stop(self) -> None:
        self._http.close()
        self.kill_server()
        if self._etcd is not None:
            self._etcd.stop()

    def freeze(self) -> None:
        """The server stays connected and answers nothing."""
        assert self._server is not None
        self._server.freeze()

    def thaw(self) -> None:
        assert self._server is not None
        self._server.thaw()

    def freeze_store(self) -> None:
        """Etcd stays connected and answers nothing: what the API server has sent to it may yet be stored."""
        assert self._etcd is not None
        self._etcd.freeze()

    def thaw_store(self) -> None:
        """Etcd goes on; returns when the API server is ready again."""
        assert self._etcd is not None
        self._etcd.thaw()
        wait_until(self._ready, f"the API server of {self._name} is ready", timeout_s=60, process=self._server)

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self._http.get("/readyz").status_code == 200
        return False

    def define_kinds(self) -> None:
        """Custom resources, the reader's role and its binding."""
        files = sorted(CRDS.glob("*.yaml"))
        self.define([definition for file in files for definition in yaml.safe_load_all(file.read_text())])
        self.apply(CLUSTER_ROLES, READER_ROLE)
        subject = {"kind": "Group", "name": "readers", "apiGroup": "rbac.authorization.k8s.io"}
        role = {"kind": "ClusterRole", "name": READER_ROLE["metadata"]["name"], "apiGroup": "rbac.authorization.k8s.io"}
        binding = {"metadata": {"name": "openova-console-reader"}, "subjects": [subject], "roleRef": role}
        self.apply(CLUSTER_ROLE_BINDINGS, binding)

    def define(self, definitions: list[dict[str, Any]]) -> None:
        """Define custom resources; returns when each of them can be listed."""
        paths = []
        for definition in definitions:
            self.apply(DEFINITIONS, definition)
            spec = definition["spec"]
            paths += [f"/apis/{spec['group']}/{v['name']}/{spec['names']['plural']}" for v in spec["versions"] if v["served"]]
        wait_until(
            lambda: all(self._http.get(p, params={"limit": 1}).status_code == 200 for p in paths),
            "every custom resource can be listed",
        )

    def apply(self, resource: Resource, item: dict[str, Any]) -> dict[str, Any]:
        """Create or change an object (server-side apply), its namespace first; then its status, if it has one."""
        namespace = item["metadata"].get("namespace")
        if namespace and self._http.get(NAMESPACES.path(None, namespace)).status_code == 404:
            self._send("POST", NAMESPACES.path(), {"metadata": {"name": namespace}})
        body = {"apiVersion": f"{resource.group}/{resource.version}".lstrip("/"), "kind": _kind(resource), **item}
        path = resource.path(namespace, item["metadata"]["name"])
        found = self._send("PATCH", path, body, apply=True)
        # Velero's definitions have no status subresource: there the status is part of the object.
        if item.get("status") is None or resource is DEFINITIONS or resource.group == "velero.io":
            return found
        return self._send("PATCH", f"{path}/status", {"status": item["status"]})

    def apply_document(self, document: dict[str, Any]) -> dict[str, Any]:
        """Create or change an object as it stands in a manifest."""
        group, _, version = str(document["apiVersion"]).rpartition("/")
        plural = str(document["kind"]).lower() + "s"
        return self.apply(Resource(group, version, plural, namespaced="namespace" in document["metadata"]), document)

    def account_token(self, namespace: str, name: str) -> Path:
        """A file with a token of a service account, as a pod would get one."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
        target = self._folder / f"{name}.token"
        target.write_text(self._send("POST", path, wanted)["status"]["token"] + "\n")
        target.chmod(0o600)
        return target

    def merge(self, resource: Resource, namespace: str, name: str, changes: dict[str, Any]) -> None:
        """Change parts of an object, as whoever else works on it would."""
        self._send("PATCH", resource.path(namespace, name), changes)

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        """An object; empty when it is not there."""
        answer = self._http.get(resource.path(namespace, name))
        if answer.status_code == 404:
            return {}
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def all_of(self, resource: Resource, namespace: str) -> list[dict[str, Any]]:
        """The objects of a namespace."""
        found: list[dict[str, Any]] = self._http.get(resource.path(namespace)).raise_for_status().json()["items"]
        return found

    def allows(self, user: str, attributes: dict[str, str]) -> bool:
        """Whether this user may do that; the API server's own answer (SubjectAccessReview)."""
        group = [f"system:serviceaccounts:{user.split(':')[2]}", "system:serviceaccounts", "system:authenticated"]
        spec = {"user": user, "groups": group, "resourceAttributes": attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        return bool(self._send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask as the administrator."""
        return self._send("POST", path, body)

    def delete(self, resource: Resource, namespace: str | None, name: str) -> None:
        self._http.delete(resource.path(namespace, name)).raise_for_status()

    def _send(self, method: str, path: str, body: dict[str, Any], *, apply: bool = False) -> dict[str, Any]:
        kind = "application/apply-patch+yaml" if apply else "application/merge-patch+json"
        if method == "POST":
            kind = "application/json"
        params = {"fieldManager": "peers", "force": "true"} if apply else {}
        answer = self._http.request(method, path, params=params, content=json.dumps(body), headers={"Content-Type": kind})
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


_KINDS = {
    "namespaces": "Namespace",
    "nodes": "Node",
    "configmaps": "ConfigMap",
    "leases": "Lease",
    "customresourcedefinitions": "CustomResourceDefinition",
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "clusters": "Cluster",
    "backups": "Backup",
    "kustomizations": "Kustomization",
    "helmreleases": "HelmRelease",
    "gitrepositories": "GitRepository",
    "certificates": "Certificate",
    "backupstoragelocations": "BackupStorageLocation",
    "gslbs": "Gslb",
    "canaries": "Canary",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
}


def _kind(resource: Resource) -> str:
    return _KINDS.get(resource.plural, "")
