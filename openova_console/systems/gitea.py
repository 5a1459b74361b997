"""Gitea's API v1: repositories, branches, mirrors, and which commits one head has that another has not.

Traps: `last_update` of a push mirror moves on failure too, and is 1970 before the first run; listing push mirrors needs an
administrator of the repository; 404 is also the answer for a private repository that the token may not see; the
`timestamp` of a branch's commit is its author's date, so the committer's is read from the commit itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from openova_console.handbook.mirrors import PushMirror
from openova_console.settings import HttpEndpoint, Network
from openova_console.systems import errors, shape
from openova_console.systems.durations import go_duration
from openova_console.systems.exchange import Exchange, exchange, redact_text
from openova_console.systems.faults import refusal
from openova_console.systems.http import client, decode, fetch

_PAGE, _SHOWN = 50, 160
_LEAN = {"stat": "false", "verification": "false", "files": "false"}


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository says of itself; `pull_updated_at` is None when it never pulled."""

    pull: bool
    pull_interval_s: float
    pull_updated_at: datetime | None
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Only:
    """Commits that one head has and another has not: how many, and the oldest one's committer's date."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Got:
    status: int
    document: Any
    headers: Mapping[str, str]
    exchange: Exchange


class Gitea:
    """One region's Gitea."""

    def __init__(self, http: httpx.AsyncClient, *, source: str, network: Network, deadline_s: float) -> None:
        self._http, self.source = http, source
        self._max_bytes, self._deadline_s = network.max_body_mib * 1024 * 1024, deadline_s

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def repository(self, name: str) -> Repository:
        """One repository.

        Raises:
            Fault: among them `Absent` when it is not there or the token may not see it.
        """
        got = await self._get(name, "")
        if got.status == 404:
            raise errors.Absent(
                self.source, f"{self.source} has no {name}, or the console's token may not see it (404)", call=got.exchange.call
            )
        shape.require(self.source, got.document, "full_name", kind=str)
        interval = go_duration(shape.text(self.source, got.document, "mirror_interval"))
        return Repository(
            shape.require(self.source, got.document, "mirror", kind=bool),
            interval or 0.0,
            _moment(self.source, got.document, "mirror_updated"),
            got.exchange,
        )

    async def head(self, name: str, branch: str) -> tuple[str, Exchange]:
        """The commit at a branch's head; empty when there is no such branch. Raises `Fault`."""
        got = await self._get(name, f"/branches/{quote(branch, safe='/')}")
        if got.status == 404:
            return "", got.exchange
        return shape.require(self.source, got.document, "commit", "id", kind=str)[:64], got.exchange

    async def push_mirrors(self, name: str) -> tuple[tuple[PushMirror, ...], Exchange]:
        """The mirrors that send from here.

        Raises:
            Fault: among them `Refused` when the token's owner does not administer the repository.
        """
        try:
            got = await self._get(name, "/push_mirrors", {"limit": str(_PAGE)})
        except errors.Refused as fault:
            if fault.status != 403:
                raise
            sentence = f"{self.source} lists push mirrors only to an administrator of {name} (403): the console's account is none"
            raise errors.Refused(self.source, sentence, status=403, call=fault.call) from None
        if not isinstance(got.document, list):
            raise shape.malformed(self.source, (), "a list of mirrors")
        return tuple(self._mirror(row) for row in got.document), got.exchange

    async def knows(self, name: str, commit: str) -> bool:
        """Whether the repository has this commit. Raises `Fault`."""
        got = await self._get(name, f"/git/commits/{quote(commit, safe='')}", _LEAN)
        if got.status != 404:
            shape.require(self.source, got.document, "sha", kind=str)
        return got.status != 404

    async def only(self, name: str, head: str, without: str) -> Only:
        """Commits that `head` reaches and `without` does not. Raises `Fault`."""
        params = {"sha": head, "not": without, "limit": str(_PAGE), **_LEAN}
        got = await self._commits(name, params)
        count = int(got.headers["x-total-count"]) if got.headers.get("x-total-count", "").isdecimal() else len(got.document)
        if count > _PAGE:
            got = await self._commits(name, params | {"page": str(-(-count // _PAGE))})
        if not got.document:
            return Only(count, None)
        return Only(count, shape.instant(self.source, got.document, -1, "commit", "committer", "date"))

    async def _commits(self, name: str, params: Mapping[str, str]) -> _Got:
        got = await self._get(name, "/commits", params)
        if got.status == 404 or not isinstance(got.document, list):
            raise shape.malformed(self.source, (), "a list of commits")
        return got

    def _mirror(self, row: Any) -> PushMirror:
        source = self.source
        address = urlsplit(shape.text(source, row, "remote_address"))
        error = " ".join(shape.text(source, row, "last_error").split())
        return PushMirror(
            target=(address.hostname or "another place")[:120],
            updated_at=_moment(source, row, "last_update"),
            error=_short(redact_text(error)),
            interval_s=go_duration(shape.text(source, row, "interval")) or 0.0,
            on_commit=shape.optional(source, row, "sync_on_commit", kind=bool) or False,
        )

    async def _get(self, name: str, below: str, params: Mapping[str, str] | None = None) -> _Got:
        got = await fetch(
            self._http,
            "GET",
            f"/api/v1/repos/{quote(name, safe='/')}{below}",
            source=self.source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
            accept="application/json",
            also=(404,),
            params=dict(params or {}),
        )
        try:
            document = await decode(got.body, self.source, got.call)
        except errors.Malformed:
            document = None
            if got.status != 404:
                raise
        if got.status == 404 and "message" not in (document if isinstance(document, dict) else {}):
            raise refusal(self.source, got.status, got.body, got.headers, got.call)
        call = got.call if got.status == 200 else f"{got.call}\n{got.status}"
        shown = exchange(call, document, answered_at=got.answered_at, duration_ms=got.duration_ms)
        return _Got(got.status, document, got.headers, shown)


def connect(endpoint: HttpEndpoint, *, region: str, network: Network, deadline_s: float) -> Gitea:
    """A client of one region's Gitea. Raises `Misconfigured`."""
    source = f"{region}'s Gitea"
    http = client(
        base_url=endpoint.url,
        network=network,
        ca_file=endpoint.ca_file,
        token_file=endpoint.token_file,
        source=source,
    )
    return Gitea(http, source=source, network=network, deadline_s=deadline_s)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _moment(source: str, document: Any, field: str) -> datetime | None:
    """A time; None for the two ways in which Gitea writes "never" (0001 and 1970)."""
    found = shape.instant(source, document, field)
    return None if found is None or found.timestamp() <= 0 else found
