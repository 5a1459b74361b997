"""Writes to the regions' Kubernetes APIs: a log of those that were accepted, and what can be wrong with them.

The troubles hold in both regions: `writes_throttled` and `writes_forbidden` refuse, `write_conflicts` lets another writer move
the object just before (only metadata: no generation moves), `writes_slow` answers late and `answer_dropped` not at all, both
after the write was applied. The log has names of what was written and never a value.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from aiohttp import web

from openova_console.lab.clock import Clock
from openova_console.lab.kube import rbac
from openova_console.lab.kube.kinds import served_at
from openova_console.lab.kube.paths import Asked
from openova_console.lab.kube.records import Json
from openova_console.lab.kube.server import WriteHook
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.kube.writes import Answer

KEPT: Final = 10_000
CONFLICTS: Final = 2
SLOW_S: Final = 2.0
RETRY_AFTER_S: Final = 1
OTHER_WRITER: Final = "lab.openova.example/other-writer"
"""The label that the other writer of `write_conflicts` counts in."""


class WritesError(Exception):
    """A setting that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One accepted write.

    Attributes:
        at: the lab's time, ISO 8601.
        verb: create, update, patch or delete.
        keys: JSON pointers of every value in the body, sorted; of a JSON patch its paths.
    """

    at: str
    region: str
    method: str
    verb: str
    path: str
    user: str
    user_agent: str
    field_manager: str
    keys: tuple[str, ...]


class Writes:
    """Both regions' writes.

    Attributes:
        conflicts: how many times `write_conflicts` moves each object before a write to it goes through.
        slow_s: seconds that `writes_slow` takes to answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._log: deque[Write] = deque(maxlen=KEPT)
        self._troubles: frozenset[str] = frozenset()
        self._moved: Counter[tuple[str, ...]] = Counter()
        self.conflicts, self.slow_s = CONFLICTS, SLOW_S

    @property
    def log(self) -> tuple[Write, ...]:
        """The newest `KEPT` accepted writes, oldest first; a dry run is none."""
        return tuple(self._log)

    def switch(self, troubles: frozenset[str]) -> None:
        """Let these troubles hold; the conflicts are counted anew."""
        self._troubles = troubles
        self._moved.clear()

    def configure(self, *, conflicts: int | None = None, slow_s: float | None = None) -> None:
        """Set how often and how slow. Raises `WritesError`."""
        if conflicts is not None and not 0 <= conflicts <= 1000:
            raise WritesError(f"conflicts is between 0 and 1000, not {conflicts}")
        if slow_s is not None and not 0 <= slow_s <= 600:
            raise WritesError(f"slow_s is between 0 and 600 seconds, not {slow_s:g}")
        self.conflicts = self.conflicts if conflicts is None else conflicts
        self.slow_s = self.slow_s if slow_s is None else slow_s
        self._moved.clear()

    def state(self) -> dict[str, Any]:
        """The log and the settings, JSON-ready."""
        return {"conflicts": self.conflicts, "slow_s": self.slow_s, "writes": [asdict(write) for write in self._log]}

    def hook(self, region: str, store: ObjectStore) -> WriteHook:
        """What the region's API server puts around each write that its caller may do."""

        async def around(
            request: web.Request, account: rbac.Account, asked: Asked, act: Callable[[], Awaitable[Answer]]
        ) -> Answer:
            self._refuse(account, asked)
            if "write_conflicts" in self._troubles:
                self._move(region, store, asked)
            answer = await act()
            if not request.query.get("dryRun"):
                self._log.append(self._entry(region, request, account, asked, await request.read()))
            if "writes_slow" in self._troubles:
                await asyncio.sleep(self.slow_s)
            if "answer_dropped" in self._troubles and request.transport is not None:
                request.transport.abort()
            return answer

        return around

    def _refuse(self, account: rbac.Account, asked: Asked) -> None:
        if "writes_throttled" in self._troubles:
            # Priority and fairness answers in plain text, not with a Status.
            headers = {"Retry-After": str(RETRY_AFTER_S), "X-Content-Type-Options": "nosniff"}
            raise web.HTTPTooManyRequests(text="Too many requests, please try again later.\n", headers=headers)
        if "writes_forbidden" in self._troubles:
            raise rbac.forbidden(account, asked)

    def _move(self, region: str, store: ObjectStore, asked: Asked) -> None:
        """Another writer was just there: a write that carries a resourceVersion is too late by one."""
        kind = served_at(asked.group, asked.version, asked.plural)
        key = (region, asked.group, asked.plural, asked.namespace, asked.name)
        namespace = asked.namespace if kind is not None and kind.namespaced else ""
        if kind is None or self._moved[key] >= self.conflicts or store.find(kind, namespace, asked.name) is None:
            return
        self._moved[key] += 1
        store.apply_inside(kind, namespace, asked.name, _count)

    def _entry(self, region: str, request: web.Request, account: rbac.Account, asked: Asked, text: bytes) -> Write:
        return Write(
            at=self._clock.now().isoformat(),
            region=region,
            method=request.method,
            verb=asked.verb,
            path=request.path,
            user=account.name,
            user_agent=request.headers.get("User-Agent", ""),
            field_manager=request.query.get("fieldManager", ""),
            keys=keys(text),
        )


def _count(document: Json) -> None:
    labels = document["metadata"].setdefault("labels", {})
    labels[OTHER_WRITER] = str(int(labels.get(OTHER_WRITER, "0")) + 1)


def keys(text: bytes) -> tuple[str, ...]:
    """JSON pointers of every value in a JSON body, sorted; none for a body that is no JSON object or patch."""
    try:
        body = json.loads(text)
    except ValueError:
        return ()
    if isinstance(body, list):
        return tuple(sorted(str(row.get("path", "")) for row in body if isinstance(row, dict)))
    return tuple(sorted(_pointers(body, ""))) if isinstance(body, dict) else ()


def _pointers(value: Any, base: str) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield base
        return
    for key, item in value.items():
        yield from _pointers(item, f"{base}/{key.replace('~', '~0').replace('/', '~1')}")
