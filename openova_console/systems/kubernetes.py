"""Kubernetes API with raw JSON: list in pages, watch, get, and a merge patch that insists on a resource version.

Typed models of the client library cost half a second for 500 objects; raw documents cost a tenth and only the fields
that are needed are read. The library is used for what it is good at: kubeconfig and in-cluster configuration, tokens
and their renewal.

A watch on a version that is too old is answered with 200 and one ERROR line of code 410: it comes out as `Expired`.
A 404 of a whole group is plain text without a Status object: `NotInstalled`. Of one object: `Absent`.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from openova_console.handbook.speech import size, span
from openova_console.settings import KubernetesEndpoint, Network
from openova_console.systems import errors, kubeconfig, shape
from openova_console.systems.exchange import Exchange
from openova_console.systems.faults import raise_transport, refusal
from openova_console.systems.http import client, decode, fetch_json, read_body
from openova_console.systems.kinds import Resource
from openova_console.systems.permit import Permit

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_STALL_AFTER_S = 10.0
_MAX_PAGES = 1000
_SPECIAL, _ESCAPED = re.compile(r"([\\,=])"), r"\\\1"


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole list; `resource_version` is where a watch goes on."""

    items: tuple[dict[str, Any], ...]
    resource_version: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Document:
    """One object with the exchange that brought it."""

    body: dict[str, Any]
    exchange: Exchange

    @property
    def resource_version(self) -> str:
        found = self.body.get("metadata", {}).get("resourceVersion", "")
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Version:
    """The API server's version, e.g. v1.34.2."""

    git_version: str
    exchange: Exchange


EventKind = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change; of a BOOKMARK only the resource version counts."""

    kind: EventKind
    object: dict[str, Any]
    resource_version: str


async def connect(
    endpoint: KubernetesEndpoint, *, region: str, network: Network, deadline_s: float | None = None
) -> "KubernetesApi":
    """A Kubernetes API from its settings; nothing is asked yet.

    Args:
        region: display name, e.g. "Region 1".
        deadline_s: seconds for one whole answer; by default the network's read time-out.

    Raises:
        Misconfigured: the kubeconfig, its context, the pod's account or a file cannot be used.
    """
    source = f"{region}'s Kubernetes API"
    if endpoint.server is not None:
        # In a thread: reading the system's certificate authorities takes some tens of milliseconds.
        http = await asyncio.to_thread(
            client,
            base_url=endpoint.server,
            network=network,
            ca_file=endpoint.ca_file,
            token_file=endpoint.token_file,
            source=source,
        )
    else:
        access = await asyncio.to_thread(kubeconfig.load, endpoint, source)
        http = client(base_url=access.server, network=network, tls=access.tls, auth=access.auth, source=source)
    return KubernetesApi(
        http, region=region, max_bytes=network.max_body_mib * 2**20, deadline_s=deadline_s or network.read_timeout_s
    )


class KubernetesApi:
    """One region's Kubernetes API."""

    def __init__(self, http: httpx.AsyncClient, *, region: str, max_bytes: int, deadline_s: float) -> None:
        self.source = f"{region}'s Kubernetes API"
        self._http = http
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s

    async def aclose(self) -> None:
        """Close the connections; watches that are open end with `Unreachable`."""
        await self._http.aclose()

    async def version(self) -> Version:
        """The server's version: the smallest question that shows that it answers. Raises `Fault`."""
        answer = await self._ask("GET", "/version")
        return Version(shape.require(self.source, answer[0], "gitVersion", kind=str)[:80], answer[1])

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        page: int = 100,
        metadata_only: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> Listing:
        """Every object of a kind, read in pages of `page` objects so that decoding never holds the loop for long.

        When the version under the pages expires half way, the list is read once more from its start.

        Args:
            fields: only objects whose fields have these values; each kind supports few fields.

        Raises:
            NotInstalled: the server does not have this kind.
            Expired: the pages expired twice.
            Fault: as `http.fetch_json`.
        """
        try:
            return await self._list(resource, namespace, page, metadata_only, fields)
        except errors.Expired:
            return await self._list(resource, namespace, page, metadata_only, fields)

    async def _list(
        self, resource: Resource, namespace: str | None, page: int, metadata_only: bool, fields: Mapping[str, str] | None
    ) -> Listing:
        wanted = {"fieldSelector": _field_selector(fields)} if fields else {}
        items: list[dict[str, Any]] = []
        first: Exchange | None = None
        token = ""
        for _ in range(_MAX_PAGES):
            params = {"limit": str(page)} | wanted | ({"continue": token} if token else {})
            accept = _METADATA_ONLY if metadata_only else "application/json"
            document, shown = await self._ask("GET", resource.path(namespace), params=params, accept=accept)
            first = first or shown
            shape.require(self.source, document, "items", kind=list)
            items += shape.rows(self.source, document, "items")
            token = shape.text(self.source, document, "metadata", "continue")
            if not token:
                version = shape.require(self.source, document, "metadata", "resourceVersion", kind=str)
                return Listing(tuple(items), version, first)
        raise errors.TooLarge(self.source, f"{self.source} gave more than {_MAX_PAGES} pages of {resource.plural}")

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Document:
        """One object. Raises `Absent` when there is none of that name, and `Fault`."""
        document, shown = await self._ask("GET", resource.path(namespace, name))
        return Document(self._object(document), shown)

    async def merge_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        *,
        resource_version: str,
        permit: Permit,
    ) -> Document:
        """Change an object only if it still has this resource version.

        Args:
            body: the merge patch; `metadata.resourceVersion` is added to it.
            resource_version: of the copy whose fields were compared just before. Never empty.
            permit: of the run that sends it.

        Returns:
            The object as changed.

        Raises:
            Conflict: it has changed since; read and compare again.
            Fault: as `http.fetch_json`. After `Unreachable` it is not known whether the change was made.
        """
        if not resource_version:
            raise ValueError("a change needs the resource version that it was decided on")
        metadata = {**body.get("metadata", {}), "resourceVersion": resource_version}
        document, shown = await self._ask(
            "PATCH",
            resource.path(namespace, name),
            params={"fieldManager": "openova-console", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/merge-patch+json", "User-Agent": permit.user_agent},
            json={**body, "metadata": metadata},
        )
        return Document(self._object(document), shown)

    async def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any], *, permit: Permit) -> Document:
        """Make an object.

        Returns:
            The object as made.

        Raises:
            Conflict: there is one of that name (`reason` is AlreadyExists).
            Fault: as `http.fetch_json`. After `Unreachable` it is not known whether it was made.
        """
        document, shown = await self._ask(
            "POST",
            resource.path(namespace),
            params={"fieldManager": "openova-console", "fieldValidation": "Strict"},
            headers={"User-Agent": permit.user_agent},
            json=body,
        )
        return Document(self._object(document), shown)

    async def watch(
        self, resource: Resource, *, resource_version: str, timeout_s: float, namespace: str | None = None
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after `resource_version`, until the server ends the stream after about `timeout_s` seconds.

        Ends without an error when the server ended it. Close it with `contextlib.aclosing` when leaving early.

        Raises:
            Expired: that version is too old; list again.
            TimedOut: nothing at all was heard for 10 s longer than the server was to keep the stream open.
            Fault: as `http.fetch_json`.
        """
        params = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(timeout_s))),
        }
        stall = timeout_s + _STALL_AFTER_S
        timeout = httpx.Timeout(self._deadline_s, read=stall)
        request = self._http.build_request("GET", resource.path(namespace), params=params, timeout=timeout)
        call = f"GET {request.url}"
        try:
            response = await self._open(request, call)
            try:
                async for line in self._lines(response, call):
                    yield await self._event(line, call)
            finally:
                await response.aclose()
        except httpx.ReadTimeout:
            raise errors.TimedOut(self.source, f"{self.source} has been silent for {span(stall)}", call=call) from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise_transport(error, self.source, call)

    async def _open(self, request: httpx.Request, call: str) -> httpx.Response:
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._http.send(request, stream=True)
                if response.is_success:
                    return response
                try:
                    body = await read_body(response, self._max_bytes, self.source, call)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise errors.TimedOut(
                self.source, f"{self.source} did not answer within {span(self._deadline_s)}", call=call
            ) from None
        raise refusal(self.source, response.status_code, body, response.headers, call)

    async def _lines(self, response: httpx.Response, call: str) -> AsyncIterator[bytes]:
        pending = bytearray()
        async for chunk in response.aiter_bytes():
            start = len(pending)
            pending += chunk
            while (end := pending.find(b"\n", start)) >= 0:
                line = bytes(pending[:end]).strip()
                del pending[: end + 1]
                start = 0
                if line:
                    yield line
            if len(pending) > self._max_bytes:
                sentence = f"{self.source} sent a change of more than {size(self._max_bytes)}: it was not read"
                raise errors.TooLarge(self.source, sentence, call=call)
        if pending.strip():
            raise errors.Unreachable(self.source, f"{self.source} broke off in the middle of a change", call=call)

    async def _event(self, line: bytes, call: str) -> WatchEvent:
        document = await decode(line, self.source, call)
        kind = shape.require(self.source, document, "type", kind=str)
        body = shape.require(self.source, document, "object", kind=dict)
        if kind == "ERROR":
            code = shape.optional(self.source, body, "code", kind=int) or 500
            raise refusal(self.source, code if code >= 400 else 500, json.dumps(body).encode(), {}, call)
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            raise shape.malformed(self.source, ("type",), "a kind of change")
        version = shape.require(self.source, body, "metadata", "resourceVersion", kind=str)
        return WatchEvent(kind, body, version)  # type: ignore[arg-type]

    def _object(self, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise shape.malformed(self.source, (), "an object")
        shape.require(self.source, document, "metadata", kind=dict)
        return document

    async def _ask(self, method: str, path: str, **kw: Any) -> tuple[Any, Exchange]:
        answer = await fetch_json(
            self._http, method, path, source=self.source, max_bytes=self._max_bytes, deadline_s=self._deadline_s, **kw
        )
        return answer.document, answer.exchange


def _field_selector(fields: Mapping[str, str]) -> str:
    """Fields and the values that they must have; what would end a value early is escaped."""
    return ",".join(f"{field}={_SPECIAL.sub(_ESCAPED, value)}" for field, value in fields.items())
