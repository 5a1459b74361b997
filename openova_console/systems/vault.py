"""HashiCorp Vault or OpenBao: health of the node that answers, and the metadata of KV v2 secrets. Never a value.

Traps: `sys/health` speaks through its status (429 standby, 472 DR secondary, 473 performance standby, 474 standby without
its active node, 501 not initialised, 503 sealed, 530 removed), so none of these is an error; all are asked to be 200, and
read right where a server does not heed that. A node may say 429 although it is a DR secondary: its body decides. A 404 of
a secret carries an empty list of errors, one of a mount says that there is no route. 403 is the answer both to a token
that is not accepted and to one whose policy lacks the path.

The trace of a secret is made of what is used of it: whatever else lies in its metadata is not kept.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from openova_console.handbook.vault import SecretMark, VaultState
from openova_console.settings import HttpEndpoint, Network
from openova_console.settings.vault import VaultSettings
from openova_console.systems import errors, shape
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.faults import refusal
from openova_console.systems.http import Received, TokenFile, client, decode, fetch

_STATES = {
    200: VaultState.ACTIVE,
    429: VaultState.STANDBY,
    472: VaultState.DR_SECONDARY,
    473: VaultState.PERFORMANCE_STANDBY,
    474: VaultState.CUT_STANDBY,
    501: VaultState.UNINITIALISED,
    503: VaultState.SEALED,
    530: VaultState.REMOVED,
}
_ALL_OK = {
    "standbyok": "true",
    "perfstandbyok": "true",
    "drsecondarycode": "200",
    "haunhealthycode": "200",
    "removedcode": "200",
    "sealedcode": "200",
    "uninitcode": "200",
}
_AT_ONCE = 8
_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class Health:
    """What the node that answered says of itself."""

    state: VaultState
    version: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Marked:
    """One secret's metadata, or why it could not be read; one of the two is None."""

    mark: SecretMark | None
    fault: errors.Fault | None
    exchange: Exchange | None


class Vault:
    """One region's vault."""

    def __init__(
        self, http: httpx.AsyncClient, *, source: str, settings: VaultSettings, network: Network, deadline_s: float
    ) -> None:
        self._http, self.source, self._settings = http, source, settings
        self._max_bytes, self._deadline_s = network.max_body_mib * 1024 * 1024, deadline_s

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def health(self) -> Health:
        """Ask the node how it is.

        Raises:
            Fault: nothing answers, or something that is not a vault.
        """
        got = await self._get("/v1/sys/health", also=tuple(_STATES), params=_ALL_OK)
        document = await self._decoded(got)
        try:
            state = _state(self.source, got.status, document)
        except errors.Malformed:
            if got.status == 200:
                raise
            raise _refusal(got, self.source) from None
        shown = exchange(f"{got.call}\n{got.status}", document, answered_at=got.answered_at, duration_ms=got.duration_ms)
        return Health(state, shape.text(self.source, document, "version")[:60], shown)

    async def marks(self, keys: Sequence[str]) -> dict[str, Marked]:
        """The metadata of each secret, a few at once. A token that is refused is not tried on every secret."""
        limit = asyncio.Semaphore(_AT_ONCE)
        refused: list[errors.Fault] = []

        async def one(key: str) -> Marked:
            async with limit:
                if refused:
                    return Marked(None, refused[0], None)
                try:
                    mark, shown = await self.mark(key)
                    return Marked(mark, None, shown)
                except errors.Refused as fault:
                    refused.append(fault)
                    return Marked(None, fault, None)
                except errors.Fault as fault:
                    return Marked(None, fault, None)

        return dict(zip(keys, await asyncio.gather(*(one(key) for key in keys)), strict=True))

    async def mark(self, key: str) -> tuple[SecretMark, Exchange]:
        """The metadata of one secret; one that is not there is a mark as well.

        Raises:
            Fault: among them `Refused` with the policy that is missing, `NotInstalled` when the mount is no KV v2 engine.
        """
        path = f"{self._settings.mount}/metadata/{self._relative(key)}"
        got = await self._get(f"/v1/{quote(path, safe='/')}", also=(403, 404))
        if got.status == 403:
            sentence = (
                f"{self.source} does not let the console read {self._settings.mount}/metadata/* (403): its token is not "
                f"accepted, or its policy lacks read there"
            )
            raise errors.Refused(self.source, sentence, status=403, call=got.call)
        document = await self._decoded(got)
        if got.status == 404:
            if shape.optional(self.source, document, "errors", kind=list):
                sentence = f"{self.source} has no KV v2 engine at {self._settings.mount} (404)"
                raise errors.NotInstalled(self.source, sentence, call=got.call)
            return SecretMark(False), _shown(got, {"errors": []})
        mark = self._mark(document)
        return mark, _shown(got, _summary(mark))

    def _relative(self, key: str) -> str:
        """The key below the mount: ESO takes it with or without the mount's name and `data/`, as we do."""
        key = key.strip("/")
        if key.startswith(f"{self._settings.mount}/"):
            key = key.removeprefix(f"{self._settings.mount}/").removeprefix("data/")
        return key

    def _mark(self, document: Any) -> SecretMark:
        source, settings = self.source, self._settings
        current = shape.require(source, document, "data", "current_version", kind=int)
        versions = shape.require(source, document, "data", "versions", kind=dict)
        custom = shape.optional(source, document, "data", "custom_metadata", kind=dict) or {}
        newest = shape.optional(source, versions, str(current), kind=dict)
        gone = newest is None or bool(shape.text(source, newest, "deletion_time")) or newest.get("destroyed") is True
        written = [shape.instant(source, versions, version, "created_time") for version in versions]
        return SecretMark(
            not gone,
            shape.text(source, custom, settings.rotation_id_key)[:200],
            shape.text(source, custom, settings.fingerprint_key)[:200],
            tuple(sorted(at for at in written if at is not None)[-_VERSIONS:]),
        )

    async def _decoded(self, got: Received) -> Any:
        """The body; what is no JSON under a refusing status is that refusal, from something before the vault perhaps."""
        try:
            return await decode(got.body, self.source, got.call)
        except errors.Malformed:
            if got.status == 200:
                raise
            raise _refusal(got, self.source) from None

    async def _get(self, path: str, *, also: tuple[int, ...], params: dict[str, str] | None = None) -> Received:
        return await fetch(
            self._http,
            "GET",
            path,
            source=self.source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
            accept="application/json",
            also=also,
            params=params,
        )


def connect(endpoint: HttpEndpoint, *, region: str, settings: VaultSettings, network: Network, deadline_s: float) -> Vault:
    """A client of one region's vault. Raises `Misconfigured`."""
    source = f"{region}'s Vault"
    http = client(
        base_url=endpoint.url,
        network=network,
        ca_file=endpoint.ca_file,
        auth=TokenFile(endpoint.token_file, source, header="X-Vault-Token", scheme="") if endpoint.token_file else None,
        headers={"X-Vault-Request": "true", **({"X-Vault-Namespace": settings.namespace} if settings.namespace else {})},
        source=source,
    )
    return Vault(http, source=source, settings=settings, network=network, deadline_s=deadline_s)


def _refusal(got: Received, source: str) -> errors.Fault:
    return refusal(source, got.status, got.body, got.headers, got.call)


def _state(source: str, status: int, document: Any) -> VaultState:
    """The body decides, the status adds what a body cannot say. Raises `Malformed` when it is no health answer."""
    initialised = shape.require(source, document, "initialized", kind=bool)
    sealed = shape.require(source, document, "sealed", kind=bool)
    standby = shape.require(source, document, "standby", kind=bool)
    told = _STATES[status]
    if not initialised or told is VaultState.UNINITIALISED:
        return VaultState.UNINITIALISED
    if shape.optional(source, document, "removed_from_cluster", kind=bool) or told is VaultState.REMOVED:
        return VaultState.REMOVED
    if sealed or told is VaultState.SEALED:
        return VaultState.SEALED
    if shape.text(source, document, "replication_dr_mode") == "secondary" or told is VaultState.DR_SECONDARY:
        return VaultState.DR_SECONDARY
    if shape.optional(source, document, "ha_connection_healthy", kind=bool) is False or told is VaultState.CUT_STANDBY:
        return VaultState.CUT_STANDBY
    if shape.optional(source, document, "performance_standby", kind=bool) or told is VaultState.PERFORMANCE_STANDBY:
        return VaultState.PERFORMANCE_STANDBY
    return VaultState.STANDBY if standby or told is VaultState.STANDBY else VaultState.ACTIVE


def _summary(mark: SecretMark) -> dict[str, Any]:
    """What is used of the metadata, for "Show source"."""
    newest: datetime | None = mark.written[-1] if mark.written else None
    return {
        "versions_kept": len(mark.written),
        "newest_written": newest.isoformat() if newest else None,
        "newest_deleted": not mark.exists,
        "rotation_id": mark.rotation_id or None,
        "fingerprint": "present, not shown" if mark.fingerprint else None,
    }


def _shown(got: Received, document: Any) -> Exchange:
    return exchange(
        f"{got.call}\n{got.status}", json.loads(json.dumps(document)), answered_at=got.answered_at, duration_ms=got.duration_ms
    )
