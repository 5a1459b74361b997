"""Watches: chunked streams of changes that the embedder can hold silent or end at once.

A stream starts at a revision, or with the present state when none is named. A revision that has left the log is told
as one ERROR event with code 410 under HTTP 200, and the stream ends. Bookmarks come at an interval when they are
asked for. A client that left is noticed within a second, a cancelled handler at once.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import web

from openova_console.lab.kube.errors import watch_too_old
from openova_console.lab.kube.media import View
from openova_console.lab.kube.options import ListOptions
from openova_console.lab.kube.records import Change, dump
from openova_console.lab.kube.store import Expired, ObjectStore

_LOOK_FOR_CLIENT_S = 1.0
_DEFAULT_TIMEOUT_S = (1800.0, 3600.0)


@dataclass(slots=True, eq=False)
class _Open:
    """One open stream: `wake` is set whenever there may be something to do."""

    request: web.Request
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False


class Streams:
    """All open watches of one API server.

    Args:
        bookmark_s: seconds between two bookmarks of a stream that wants them.
    """

    def __init__(self, *, bookmark_s: float) -> None:
        self.bookmark_s = bookmark_s
        self._held = False
        self._open: set[_Open] = set()

    def __len__(self) -> int:
        return len(self._open)

    def close(self, *, abort: bool = False) -> None:
        """End every open stream: in good order, or with `abort` by tearing the connections down."""
        for stream in tuple(self._open):
            stream.ended = True
            stream.wake.set()
            if abort and stream.request.transport is not None:
                stream.request.transport.abort()

    def hold(self, held: bool) -> None:
        """Keep every stream open and silent, as a link that drops packets does; `False` lets them go on."""
        self._held = held
        for stream in self._open:
            stream.wake.set()

    async def serve(
        self, request: web.Request, store: ObjectStore, view: View, namespace: str, options: ListOptions
    ) -> web.StreamResponse:
        """Answer a watch until its time is over, its client leaves or it is closed."""
        options.number()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
        stream = _Open(request)
        unsubscribe = store.subscribe(view.kind, stream.wake.set)
        self._open.add(stream)
        try:
            await response.prepare(request)
            feed = _Feed(store, view, namespace, options)
            await self._run(stream, response, feed, options)
            await response.write_eof()
        except ConnectionError:
            return response  # the client left: nobody is there to be told
        finally:
            unsubscribe()
            self._open.discard(stream)
        return response

    async def _run(self, stream: _Open, response: web.StreamResponse, feed: "_Feed", options: ListOptions) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + (options.timeout_s or random.uniform(*_DEFAULT_TIMEOUT_S))
        bookmark_at = loop.time() + self.bookmark_s
        await _send(response, feed.opening())
        while not feed.broken and not stream.ended and _connected(stream.request):
            now = loop.time()
            if not self._held:
                await _send(response, feed.news())
                if options.bookmarks and now >= bookmark_at:
                    bookmark_at = now + self.bookmark_s
                    await _send(response, iter([feed.bookmark()]))
                if now >= end:
                    return
            if feed.broken or stream.ended:
                return
            next_look = min(_LOOK_FOR_CLIENT_S, max(end - now, 0.01), max(bookmark_at - now, 0.01))
            try:
                await asyncio.wait_for(stream.wake.wait(), next_look)
            except TimeoutError:
                continue
            stream.wake.clear()


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


async def _send(response: web.StreamResponse, events: Iterator[bytes]) -> None:
    chunk = b"".join(events)
    if chunk:
        await response.write(chunk)


class _Feed:
    """What one watch has to tell, in order. `broken` after it fell out of the log."""

    def __init__(self, store: ObjectStore, view: View, namespace: str, options: ListOptions) -> None:
        self._store, self._view, self._namespace, self._options = store, view, namespace, options
        self._from_present = options.initial_events or options.number() == 0
        self._at = store.revision if self._from_present else options.number()
        self.broken = False

    def opening(self) -> Iterator[bytes]:
        """The present state, when the watch starts with it."""
        if not self._from_present:
            return
        for record in self._store.records(self._view.kind, self._namespace):
            if self._options.admits(record):
                yield _event("ADDED", self._view.one(record))
        if self._options.initial_events and self._options.bookmarks:
            yield self.bookmark(initial=True)

    def news(self) -> Iterator[bytes]:
        """The changes since the last call; one ERROR event when they have left the log."""
        try:
            changes = self._store.changes(self._view.kind, self._at)
        except Expired as expired:
            self.broken = True
            yield _event("ERROR", dump(watch_too_old(self._at, expired.oldest).body))
            return
        for change in changes:
            self._at = change.revision
            if not self._namespace or change.last.namespace == self._namespace:
                yield from self._told(change)
        self._at = max(self._at, self._store.revision)

    def _told(self, change: Change) -> Iterator[bytes]:
        """The event as this watch's selectors see it: entering is ADDED, leaving is DELETED."""
        was = change.before is not None and self._options.admits(change.before)
        stays = change.after is not None and self._options.admits(change.after)
        if stays:
            yield _event("MODIFIED" if was else "ADDED", self._view.one(change.last))
        elif was:
            yield _event("DELETED", self._view.one(change.last))

    def bookmark(self, *, initial: bool = False) -> bytes:
        """An event that only says how far the watch has seen."""
        kind = self._view.kind
        metadata: dict[str, object] = {"resourceVersion": str(self._at)}
        if initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        name, api_version, blank = kind.kind, kind.api_version(self._view.version), kind.blank
        if self._view.metadata_only:
            name, api_version, blank = "PartialObjectMetadata", "meta.k8s.io/v1", {}
        return _event("BOOKMARK", dump({"kind": name, "apiVersion": api_version, "metadata": metadata, **blank}))


def _event(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"
