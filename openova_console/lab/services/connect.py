"""Kafka Connect's REST API, as Kafka 3.9 answers: connectors with their states, one's status, one's offsets.

Only the questions that the console asks; anything else gets Connect's own 404 or 405. Connect itself knows no tokens.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from openova_console.lab.names import peer
from openova_console.lab.site import Service, Site
from openova_console.lab.streams import alias, leader, status, worker


def application(site: Site) -> web.Application:
    """The routes of one region's Connect."""
    api = _Api(site)
    app = web.Application(middlewares=[_as_connect])
    app.router.add_get("/", api.version)
    app.router.add_get("/connectors", api.connectors)
    app.router.add_get("/connectors/{name}/status", api.status)
    app.router.add_get("/connectors/{name}/offsets", api.offsets)
    return app


class _Api:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def version(self, request: web.Request) -> web.Response:
        cluster = f"lab-{alias(self._site.region)}"
        return web.json_response({"version": "3.9.1", "commit": "f745dfdcee2b9851", "kafka_cluster_id": cluster})

    async def connectors(self, request: web.Request) -> web.Response:
        found = self._found()
        if "status" not in request.query.getall("expand", []):
            return web.json_response(list(found))
        return web.json_response({name: {"status": body} for name, body in found.items()})

    async def status(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        found = self._found()
        if name not in found:
            return _error(404, f"No status found for connector {name}")
        return web.json_response(found[name])

    async def offsets(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._found():
            return _error(404, f"Connector {name} not found")
        return web.json_response({"offsets": self._offsets() if name.endswith(".MirrorSourceConnector") else []})

    def _found(self) -> dict[str, dict[str, Any]]:
        region = self._site.region
        known = status(self._site.epoch.conditions, region)
        return {name: _status(name, *said, worker(region)) for name, said in known.items()}

    def _offsets(self) -> list[dict[str, Any]]:
        epoch, model, now = self._site.epoch, self._site.world.streams, self._site.clock.unix()
        primary = leader(epoch.conditions) == self._site.region
        cluster = alias(peer(self._site.region))
        return [
            {
                "partition": {"cluster": cluster, "partition": 0, "topic": topic.name},
                "offset": {"offset": model.committed(epoch, topic, now)},
            }
            for topic in model.topics
            if topic.name == "heartbeats" or not primary
        ]


def _status(name: str, state: str, kind: str, tasks: list[str], trace: str, where: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for number, said in enumerate(tasks):
        row: dict[str, Any] = {"id": number, "state": said, "worker_id": where}
        rows.append(row | ({"trace": trace} if said == "FAILED" else {}))
    return {"name": name, "connector": {"state": state, "worker_id": where}, "tasks": rows, "type": kind}


@web.middleware
async def _as_connect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Connect's own words for what it does not have."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _error(404, "HTTP 404 Not Found")
    except web.HTTPMethodNotAllowed:
        return _error(405, "HTTP 405 Method Not Allowed")


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=code)


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    return {"kafka_connect": {"url": f"http://127.0.0.1:{ports[f'{region}/connect']}"}}


CONNECT = Service(application=application, settings=_settings)
