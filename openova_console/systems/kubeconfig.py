"""Kubernetes configuration and credentials through the `kubernetes` package: a kubeconfig or the pod's own account.

The package is imported when it is needed: it costs 0.2 s and 44 MB. Everything here blocks; call it in a thread.
Tokens that expire (in-cluster, `tokenFile`, exec plug-ins) are asked for again at most once a minute.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx

from openova_console.settings import KubernetesEndpoint
from openova_console.systems.errors import Misconfigured
from openova_console.systems.http import tls_context

_TOKEN_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach and convince one API server."""

    server: str
    tls: ssl.SSLContext
    auth: httpx.Auth


class _Credentials(httpx.Auth):
    """The Authorization header that the package's configuration gives; a client certificate needs none."""

    def __init__(self, configuration: Any, source: str, server_name: str) -> None:
        self._configuration = configuration
        self._source = source
        self._server_name = server_name
        self._header = ""
        self._read_at = float("-inf")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if time.monotonic() - self._read_at > _TOKEN_FOR_S:
            try:
                self._header = await asyncio.to_thread(self._configuration.get_api_key_with_prefix, "BearerToken") or ""
            except Exception:  # noqa: BLE001 - credential plug-ins fail in any way they like
                raise Misconfigured(self._source, f"{self._source} was not asked: its credentials cannot be renewed") from None
            self._read_at = time.monotonic()
        if self._header:
            request.headers["Authorization"] = self._header
        if self._server_name:
            request.extensions = {**request.extensions, "sni_hostname": self._server_name}
        yield request


def load(endpoint: KubernetesEndpoint, source: str) -> Access:
    """Read the kubeconfig or the pod's account. Blocks.

    Raises:
        Misconfigured: it cannot be read, has no such context, or asks not to verify the server's certificate.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    what = "the pod's own account" if endpoint.in_cluster else f"the kubeconfig {endpoint.kubeconfig}"
    try:
        if endpoint.in_cluster:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(str(endpoint.kubeconfig), endpoint.context, configuration, persist_config=False)
    except Exception:  # noqa: BLE001 - the package raises its own, YAML's and the system's errors, with file contents in some
        context = f" with the context {endpoint.context}" if endpoint.context else ""
        raise Misconfigured(source, f"{source} was not asked: {what}{context} cannot be used") from None
    if not configuration.verify_ssl:
        why = f"{what} says not to verify the server's certificate; give it a certificate-authority"
        raise Misconfigured(source, f"{source} was not asked: {why}")
    tls = tls_context(configuration.ssl_ca_cert, source)
    if configuration.cert_file:
        try:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
        except (OSError, ssl.SSLError):
            raise Misconfigured(source, f"{source} was not asked: the client certificate of {what} cannot be used") from None
    return Access(configuration.host, tls, _Credentials(configuration, source, configuration.tls_server_name or ""))
