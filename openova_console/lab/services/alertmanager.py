"""Two Alertmanagers of one region, `/peer-1` and `/peer-2`: the v2 API of 0.25, reading only.

Bodies and refusals as captured from 0.25. A gateway in front of them asks for the bearer token and answers 503 for a peer
that is down; Alertmanager itself knows no tokens.
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab.alerts import SEND_EVERY_S, Fired, firing, updated, written
from openova_console.lab.names import REGIONS
from openova_console.lab.site import Service, Site

PEERS = ("peer-1", "peer-2")
_FILE = "alertmanager.token"
_HEADERS = {"Content-Type": "application/json"}
_GROUP_BY = ("alertname", "namespace")
_TRUE = ("1", "t", "true", "yes", "y", "ok", "on", "selected", "checked", "enabled")
_MATCHER = re.compile(r'^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*"?((?:[^"\\]|\\.)*?)"?\s*$')


def application(site: Site) -> web.Application:
    """The routes of both peers."""
    app = web.Application(middlewares=[_gateway(site), _as_alertmanager])
    api = _Api(site)
    for name in PEERS:
        app.router.add_get(f"/{name}/api/v2/alerts", api.alerts)
        app.router.add_get(f"/{name}/api/v2/alerts/groups", api.groups)
        app.router.add_get(f"/{name}/api/v2/status", api.status)
    return app


class BadRequest(Exception):
    """A parameter that Alertmanager refuses, in its words."""


class _Api:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._bodies: dict[tuple[object, ...], bytes] = {}

    async def alerts(self, request: web.Request) -> web.Response:
        return self._once("alerts", request, self._alerts)

    async def groups(self, request: web.Request) -> web.Response:
        return self._once("groups", request, self._groups)

    def _once(self, what: str, request: web.Request, rows: Callable[[web.Request], object]) -> web.Response:
        """Both peers say the same at the same second: thousands of alerts are written out once."""
        site = self._site
        state = (site.epoch.at, site.stores[site.region].revision, int(site.clock.unix()), request.query_string)
        if any(key[1:] != state for key in self._bodies):
            self._bodies.clear()
        if (what, *state) not in self._bodies:
            self._bodies[what, *state] = _text(rows(request))
        return web.Response(body=self._bodies[what, *state], headers=dict(_HEADERS))

    def _alerts(self, request: web.Request) -> list[dict[str, Any]]:
        rows = [self._row(alert) for alert in self._picked(request)]
        rows.sort(key=lambda row: str(row["fingerprint"]))
        return rows

    def _groups(self, request: web.Request) -> list[dict[str, Any]]:
        found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Fired]] = {}
        for alert in self._picked(request):
            labels = tuple((name, value) for name, value in alert.labels if name in _GROUP_BY)
            found.setdefault((_receiver(alert), labels), []).append(alert)
        order = sorted(found.items(), key=lambda item: (len(item[0][1]), item[0][1], item[0][0]))
        return [
            {"alerts": [self._row(a) for a in alerts], "labels": dict(labels), "receiver": {"name": receiver}}
            for (receiver, labels), alerts in order
        ]

    async def status(self, request: web.Request) -> web.Response:
        names = [f"{self._site.region}-{name}" for name in PEERS]
        peers = [{"address": f"10.0.0.{n}:9094", "name": name} for n, name in enumerate(names, 1)]
        cluster = {"name": f"{self._site.region}-{request.path.split('/')[1]}", "peers": peers, "status": "ready"}
        version = {
            "branch": "HEAD",
            "buildDate": "20221222-14:51:36",
            "buildUser": "lab",
            "goVersion": "go1.19.4",
            "revision": "lab",
            "version": "0.25.0",
        }
        config = {"original": "route:\n  receiver: gitea-actions\n  group_by:\n  - alertname\n  - namespace\n"}
        uptime = written(self._site.clock.unix() // 86400 * 86400)
        return _json(200, {"cluster": cluster, "config": config, "uptime": uptime, "versionInfo": version})

    def _picked(self, request: web.Request) -> list[Fired]:
        wanted = {name: request.query.get(name, "true").lower() in _TRUE for name in ("active", "silenced", "inhibited")}
        matchers = [_matcher(given) for given in request.query.getall("filter", [])]
        receiver = _regex(request.query.get("receiver", ".*"))
        return [alert for alert in firing(self._site) if _wanted(alert, wanted, matchers, receiver)]

    def _row(self, alert: Fired) -> dict[str, Any]:
        last = updated(alert, self._site.clock.unix())
        labels = dict(alert.labels)
        suppressed = bool(alert.silenced_by or alert.inhibited_by)
        return {
            "annotations": {"summary": alert.summary},
            "endsAt": written(last + 4 * SEND_EVERY_S),
            "fingerprint": alert.fingerprint,
            "receivers": [{"name": _receiver(alert)}],
            "startsAt": written(alert.since),
            "status": {
                "inhibitedBy": [alert.inhibited_by] if alert.inhibited_by else [],
                "silencedBy": [alert.silenced_by] if alert.silenced_by else [],
                "state": "suppressed" if suppressed else "active",
            },
            "updatedAt": written(last),
            "generatorURL": f"http://prometheus.{self._site.region}.lab.example/graph?g0.expr={labels['alertname']}",
            "labels": labels,
        }


def _receiver(alert: Fired) -> str:
    return "watchdog" if ("alertname", "Watchdog") in alert.labels else "gitea-actions"


Matcher = tuple[str, str, str]


def _wanted(alert: Fired, wanted: Mapping[str, bool], matchers: list[Matcher], receiver: re.Pattern[str]) -> bool:
    if (alert.silenced_by and not wanted["silenced"]) or (alert.inhibited_by and not wanted["inhibited"]):
        return False
    if not wanted["active"] and not (alert.silenced_by or alert.inhibited_by):
        return False
    if not receiver.fullmatch(_receiver(alert)):
        return False
    labels = dict(alert.labels) if matchers else {}
    return all(_matches(labels.get(m[0], ""), m) for m in matchers)


def _matches(value: str, matcher: Matcher) -> bool:
    _, how, wanted = matcher
    same = value == wanted if "~" not in how else bool(re.fullmatch(wanted, value))
    return same if how in ("=", "=~") else not same


@lru_cache(maxsize=64)
def _matcher(given: str) -> Matcher:
    found = _MATCHER.match(given)
    if found is None:
        raise BadRequest(f"bad matcher format: {given}")
    return found[1], found[2], found[3]


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        raise BadRequest(f"failed to parse receiver param: error parsing regexp: missing closing ]: `{pattern})$`") from None


def _gateway(site: Site) -> Middleware:
    token = site.secret(f"{site.region}-{_FILE}")

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
            headers = {"WWW-Authenticate": 'Bearer realm="alertmanager"'}
            return web.Response(status=401, text="Unauthorized\n", headers=headers)
        down = site.region == REGIONS[0] and site.trouble("alertmanager_peer_down")
        if down and request.path.startswith(f"/{PEERS[1]}/"):
            return web.Response(status=503, text="no healthy upstream")
        return await handler(request)

    return guard


@web.middleware
async def _as_alertmanager(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Unknown paths, methods and parameters in Alertmanager's words."""
    path = request.path
    for name in PEERS:
        path = path.removeprefix(f"/{name}")
    try:
        return await handler(request)
    except BadRequest as refusal:
        return _json(400, str(refusal))
    except web.HTTPNotFound:
        if path.startswith("/api/v2/"):
            return _json(404, {"code": 404, "message": f"path {path} was not found"})
        return web.Response(status=404, text="404 page not found\n", headers={"X-Content-Type-Options": "nosniff"})
    except web.HTTPMethodNotAllowed as refusal:
        message = f"method {request.method} is not allowed, but [GET] are"
        return _json(405, {"code": 405, "message": message}, {"Allow": ",".join({*refusal.allowed_methods} - {"HEAD"})})


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=_text(body), headers={**_HEADERS, **(headers or {})})


def _text(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    base = f"http://127.0.0.1:{ports[f'{region}/alertmanager']}"
    return {"alertmanagers": [{"url": f"{base}/{name}", "token_file": f"{files}{region}-{_FILE}"} for name in PEERS]}


ALERTMANAGER = Service(application=application, settings=_settings, secrets=(_FILE,))
