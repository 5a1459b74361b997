"""The API server as an aiohttp application: authentication, authorisation, then the verb.

The embedder may wrap every request (`middlewares`, outermost first, or `app.middlewares.insert(0, …)` before start) and
rules over open watches: `app["close_streams"]()` ends them at once (`abort=True` tears the connections down),
`app["hold_streams"](True)` keeps them open and silent.
"""

import uuid
import warnings
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab.kube import reads, reviews, subresources, writes
from openova_console.lab.kube.errors import (
    NoSuchPath,
    Refusal,
    bad_request,
    method_not_allowed,
    no_such_resource,
    not_found,
)
from openova_console.lab.kube.kinds import BUILTIN_GROUPS, Kind, served_at
from openova_console.lab.kube.media import view_of
from openova_console.lab.kube.options import list_options
from openova_console.lab.kube.paths import Asked, asked_for
from openova_console.lab.kube.rbac import Account, authenticate, authorise
from openova_console.lab.kube.records import dump
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.kube.streams import Streams
from openova_console.lab.kube.writes import Answer

_LARGEST_BODY = 3 * 1024 * 1024
_HEALTH = ("/healthz", "/livez", "/readyz")
_SELF_REVIEWS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
}


WriteHook = Callable[[web.Request, Account, Asked, Callable[[], Awaitable[Answer]]], Awaitable[Answer]]
"""What an embedder puts around each write that its caller may do; the last argument does it."""


def application(
    *,
    store: ObjectStore,
    tokens: dict[str, Account],
    now: Callable[[], datetime],
    middlewares: Sequence[Middleware] = (),
    bookmark_s: float = 60.0,
    around_writes: WriteHook | None = None,
) -> web.Application:
    """Build the application.

    Args:
        store: the region's objects.
        tokens: bearer tokens and who presents them; read at every request, so it may change.
        now: the lab's clock, UTC.
        middlewares: the embedder's, around everything here.
        bookmark_s: seconds between two bookmarks of a watch.
        around_writes: the embedder's, around each write.
    """
    server = _Server(store, tokens, now, Streams(bookmark_s=bookmark_s), around_writes)
    app = web.Application(middlewares=[*middlewares, _statuses], client_max_size=_LARGEST_BODY)
    with warnings.catch_warnings():
        # The hooks are named by plain strings so that an embedder needs no import from here.
        warnings.simplefilter("ignore", web.NotAppKeyWarning)
        app["close_streams"] = server.streams.close
        app["hold_streams"] = server.streams.hold

    async def end_streams(_: web.Application) -> None:
        server.streams.close()

    app.on_shutdown.append(end_streams)
    app.router.add_route("*", "/{path:.*}", server.answer)
    return app


@web.middleware
async def _statuses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into Status objects and unknown paths into the server's bare text."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _json(refusal.code, refusal.body)
    except NoSuchPath:
        return web.Response(status=404, text="404 page not found\n", headers={"X-Content-Type-Options": "nosniff"})
    except web.HTTPRequestEntityTooLarge:
        message = f"Request entity too large: limit is {_LARGEST_BODY}"
        return _json(413, Refusal(413, "RequestEntityTooLarge", message, details={}).body)


def _json(code: int, body: Any, warned: Sequence[str] = ()) -> web.Response:
    payload = (body if isinstance(body, bytes) else dump(body)) + b"\n"
    response = web.Response(status=code, body=payload, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache, private"
    response.headers["Audit-Id"] = str(uuid.uuid4())
    for warning in warned:
        response.headers.add("Warning", '299 - "' + warning.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return response


class _Server:
    """One region's API server."""

    def __init__(
        self,
        store: ObjectStore,
        tokens: dict[str, Account],
        now: Callable[[], datetime],
        streams: Streams,
        around_writes: WriteHook | None,
    ) -> None:
        self._store, self._tokens, self._now, self._around_writes = store, tokens, now, around_writes
        self.streams = streams

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request: who asks, may they, and then what they asked for."""
        account = authenticate(request.headers.get("Authorization"), self._tokens)
        asked = asked_for(request.method, request.path, request.query)
        authorise(account, asked)
        if not asked.is_resource:
            return self._about(asked)
        if (asked.group, asked.plural) in _SELF_REVIEWS and asked.version == "v1":
            return await self._review(request, asked, account)
        kind = served_at(asked.group, asked.version, asked.plural)
        if kind is None or (asked.of_namespace and not kind.namespaced) or not _exists(kind, asked):
            raise _nothing_there(kind, asked)
        if asked.verb in ("get", "list", "watch"):
            return await self._read(request, kind, asked)

        async def act() -> Answer:
            return await self._write(request, kind, asked)

        answer = await (act() if self._around_writes is None else self._around_writes(request, account, asked, act))
        return _json(answer.code, answer.body, answer.warnings)

    def _about(self, asked: Asked) -> web.StreamResponse:
        if asked.verb != "get":
            raise method_not_allowed()
        if asked.path.rstrip("/") == "/version":
            return _json(200, reviews.VERSION)
        if asked.path in _HEALTH:
            return web.Response(text="ok", headers={"X-Content-Type-Options": "nosniff"})
        if not asked.path.startswith("/api"):
            raise NoSuchPath(asked.path)
        return _json(200, reviews.discovery(asked.path))

    async def _review(self, request: web.Request, asked: Asked, account: Account) -> web.StreamResponse:
        if asked.verb != "create":
            raise method_not_allowed()
        stamp = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _json(201, reviews.review(asked.plural, account, await request.read(), stamp))

    async def _read(self, request: web.Request, kind: Kind, asked: Asked) -> web.StreamResponse:
        many = asked.verb == "list"
        namespace = asked.namespace if kind.namespaced else ""
        if asked.subresource == "scale":
            return _json(200, subresources.scale(self._store, kind, asked))
        view = view_of(request.headers.get("Accept", ""), kind, asked.version, many=many)
        if asked.verb == "get":
            if kind.namespaced and not asked.namespace:
                raise _nothing_there(None, asked)
            return _json(200, reads.one(self._store, view, namespace, asked.name))
        options = list_options(request.query, kind)
        if many:
            return _json(200, reads.page(self._store, view, namespace, options))
        return await self.streams.serve(request, self._store, view, namespace, options)

    async def _write(self, request: web.Request, kind: Kind, asked: Asked) -> Answer:
        text = await request.read()
        if not kind.namespaced:
            asked = _cluster_wide(asked)
        media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        match asked.verb, asked.subresource:
            case "create", "eviction" if kind.key == "pods":
                return subresources.evict(self._store, asked, request.query, text)
            case (("update" | "patch"), "scale"):
                return subresources.rescale(self._store, kind, asked, request.query, media, text)
            case "create", "" if not asked.name:
                return writes.create(self._store, kind, asked, request.query, text)
            case "update", ("" | "status") if asked.name:
                return writes.replace(self._store, kind, asked, request.query, text)
            case "patch", ("" | "status") if asked.name:
                return writes.patch(self._store, kind, asked, request.query, media, text)
            case "delete", "":
                return writes.delete(self._store, kind, asked, request.query, text)
        if not kind.builtin and not asked.name and asked.verb in ("update", "patch"):
            raise bad_request("name must be provided")
        raise method_not_allowed()


def _cluster_wide(asked: Asked) -> Asked:
    """A Namespace's own path reads as if it lay in a namespace; its object lies in none."""
    return Asked(asked.path, asked.verb, True, asked.group, asked.version, asked.plural, "", asked.name, asked.subresource)


def _exists(kind: Kind, asked: Asked) -> bool:
    """Whether the kind has the subresource that is asked for."""
    known = {"": True, "status": kind.status, "scale": kind.scale is not None, "eviction": kind.key == "pods"}
    return known.get(asked.subresource, False)


def _nothing_there(kind: Kind | None, asked: Asked) -> Exception:
    """404 for a path that nothing serves: worded by who would serve it."""
    if asked.group in BUILTIN_GROUPS:
        return no_such_resource()
    if kind is not None and asked.subresource:
        return not_found(kind.plural, kind.group, asked.name)
    return NoSuchPath(asked.path)
