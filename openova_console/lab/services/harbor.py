"""One region's Harbor: health, registries, replication policies and their runs, as Harbor 2.15 documents them."""

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab.harbor import POLICY, REGISTRY, SOURCE, Run
from openova_console.lab.site import Service, Site

USER = "robot$console"
_API = "/api/v2.0"
_COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl", "trivy")
_ZERO = "0001-01-01T00:00:00.000Z"
_CREATED = "2025-02-11T09:30:00.000Z"


def application(site: Site) -> web.Application:
    """The routes of one region's Harbor."""
    api = _Api(site)
    app = web.Application(middlewares=[_as_harbor, _basic(lambda: site.secret(f"{site.region}-harbor.password"))])
    app.router.add_get(f"{_API}/health", api.health)
    app.router.add_get(f"{_API}/registries", api.registries)
    app.router.add_get(f"{_API}/replication/policies", api.policies)
    app.router.add_get(f"{_API}/replication/executions", api.executions)
    return app


class _Api:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def health(self, request: web.Request) -> web.Response:
        sick = {"registry"} if self._site.region != SOURCE and self._site.trouble("harbor_unhealthy") else set()
        rows: list[dict[str, Any]] = [{"name": n, "status": "unhealthy" if n in sick else "healthy"} for n in _COMPONENTS]
        for row in rows:
            if row["status"] != "healthy":
                row["error"] = 'failed to check health: Get "http://registry:5000/": dial tcp: connection refused'
        return web.json_response({"status": "unhealthy" if sick else "healthy", "components": rows})

    async def registries(self, request: web.Request) -> web.Response:
        return _page(request, [self._registry()] if self._site.region == SOURCE else [])

    async def policies(self, request: web.Request) -> web.Response:
        if self._site.region != SOURCE:
            return _page(request, [])
        policy: dict[str, Any] = {
            "creation_time": _CREATED,
            "update_time": _CREATED,
            "id": 1,
            "name": POLICY,
            "override": True,
            "replicate_deletion": True,
            "src_registry": {"id": 0, "name": "Local", "status": "healthy", "type": "harbor", "url": "http://core:8080"},
            "dest_registry": self._registry(),
            "filters": [{"type": "name", "value": "**"}],
            "trigger": {"type": "event_based", "trigger_settings": {}},
            "speed": 0,
            "copy_by_chunk": False,
        }
        # What is false is left out.
        return _page(request, [policy if self._site.trouble("harbor_policy_off") else policy | {"enabled": True}])

    async def executions(self, request: web.Request) -> web.Response:
        wanted = request.query.get("policy_id", "1")
        if self._site.region != SOURCE or wanted != "1":
            return _page(request, [])
        now = self._site.clock.unix()
        runs = self._site.world.harbor.runs(self._site.world.timeline, now)
        if status := request.query.get("status"):
            runs = [run for run in runs if run.status == status]
        if trigger := request.query.get("trigger"):
            runs = [run for run in runs if run.trigger == trigger]
        if request.query.get("sort") != "-start_time":
            runs = runs[::-1]
        return _page(request, [_execution(run) for run in runs])

    def _registry(self) -> dict[str, Any]:
        status = self._site.world.harbor.registry(self._site.epoch, self._site.clock.unix())
        return {
            "creation_time": _CREATED,
            "update_time": _CREATED,
            "id": 1,
            "name": REGISTRY,
            "status": status,
            "type": "harbor",
            "url": "https://harbor.region-2.lab.example",
        }


def _execution(run: Run) -> dict[str, Any]:
    counts = dict.fromkeys(("failed", "in_progress", "stopped", "succeed"), 0)
    counts[{"Failed": "failed", "InProgress": "in_progress", "Succeed": "succeed"}[run.status]] = run.total
    return {
        "end_time": _ZERO if run.ended is None else _stamp(run.ended),
        "id": run.id,
        "policy_id": 1,
        "start_time": _stamp(run.started),
        "status": run.status,
        "status_text": "",
        "total": run.total,
        "trigger": run.trigger,
        **counts,
    }


def _stamp(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(t * 1000) % 1000:03d}Z"


def _page(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    try:
        page, length = int(request.query.get("page", "1")), int(request.query.get("page_size", "10"))
    except ValueError:
        page = length = 0
    if page < 1 or not 0 < length <= 100:
        raise web.HTTPUnprocessableEntity
    shown = rows[(page - 1) * length : page * length]
    return web.json_response(shown, headers={"X-Total-Count": str(len(rows))})


def _basic(password: Callable[[], str]) -> Middleware:
    @web.middleware
    async def demand(request: web.Request, handler: Handler) -> web.StreamResponse:
        wanted = "Basic " + base64.b64encode(f"{USER}:{password()}".encode()).decode()
        given = request.headers.get("Authorization", "")
        if request.path != f"{_API}/health" and not hmac.compare_digest(given.encode(), wanted.encode()):
            raise web.HTTPUnauthorized
        return await handler(request)

    return demand


@web.middleware
async def _as_harbor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Harbor's own words for what it refuses."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        code, message = _SAID.get(refusal.status, ("UNKNOWN", refusal.reason.lower()))
        return web.json_response({"errors": [{"code": code, "message": message}]}, status=refusal.status)


_SAID = {
    401: ("UNAUTHORIZED", "unauthorized"),
    404: ("NOT_FOUND", "path not found"),
    405: ("METHOD_NOT_ALLOWED", "method not allowed"),
    422: ("UNPROCESSABLE_ENTITY", "page and page_size must be positive, and page_size at most 100"),
}


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    where = {"url": f"http://127.0.0.1:{ports[f'{region}/harbor']}", "username": USER}
    return {"harbor": {**where, "password_file": f"{files}{region}-harbor.password"}}


HARBOR = Service(application=application, settings=_settings, secrets=("harbor.password",))
