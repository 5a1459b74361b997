"""One region's Prometheus: `/api/v1/query` for a selector or one of the console's expressions, `/-/ready`, buildinfo.

Shapes and refusals as captured from Prometheus 2.42; a range is (start, end] as in 3.x. A token, when set, is asked for
as a reverse proxy in front of Prometheus does: Prometheus itself knows no tokens.
"""

import hmac
import json
import math
from datetime import datetime
from decimal import Decimal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab import promql
from openova_console.lab.clock import Clock
from openova_console.lab.scrape import Scraper
from openova_console.lab.selectors import BadQuery, NotAnswered, Selector, parse


def application(scraper: Scraper, clock: Clock, *, token: str | None = None) -> web.Application:
    """The server's routes. `token`: bearer token to demand; None demands none."""
    api = _Api(scraper, clock)
    app = web.Application(middlewares=[_as_prometheus, _bearer(token)])
    app.router.add_get("/api/v1/query", api.query)
    app.router.add_post("/api/v1/query", api.query)
    app.router.add_get("/api/v1/status/buildinfo", api.buildinfo)
    app.router.add_get("/-/ready", api.ready)
    app.router.add_get("/-/healthy", api.healthy)
    return app


class _Api:
    def __init__(self, scraper: Scraper, clock: Clock) -> None:
        self._scraper = scraper
        self._clock = clock

    async def query(self, request: web.Request) -> web.Response:
        form = {**request.query, **(await request.post() if request.method == "POST" else {})}
        at_text = str(form.get("time", ""))
        try:
            at = self._clock.unix() if at_text == "" else _instant(at_text)
        except ValueError:
            wrong = f"Invalid time value for 'time': cannot parse {json.dumps(at_text)} to a valid timestamp"
            return _error(400, "bad_data", f'invalid parameter "time": {wrong}')
        query = str(form.get("query", ""))
        try:
            return _success(self._evaluate(parse(query), at))
        except BadQuery as error:
            return _error(400, "bad_data", f'invalid parameter "query": {error}')
        except NotAnswered as error:
            return self._expression(query, at, error)

    def _expression(self, query: str, at: float, refusal: NotAnswered) -> web.Response:
        """One of the console's own expressions; any other gets the selector's `refusal`."""
        try:
            found = promql.terms(query)
        except (BadQuery, NotAnswered):
            return _error(422, "execution", str(refusal))
        vector = promql.evaluate(found, self._scraper, min(at, self._clock.unix()))
        stamp = _unix(round(at, 3))
        result = [{"metric": labels, "value": [stamp, number(value)]} for labels, value in vector]
        return _success({"resultType": "vector", "result": result})

    def _evaluate(self, selector: Selector, at: float) -> dict[str, object]:
        picked = [s for s in self._scraper.series if selector.picks(s.metric)]
        picked.sort(key=lambda s: list(s.metric.items()))
        result: list[dict[str, object]] = []
        # Prometheus has not scraped the future yet, whatever the question's time is.
        until = min(at, self._clock.unix())
        for series in picked:
            if selector.range_s is not None:
                samples = self._scraper.range(series, at - selector.range_s, until)
                if samples:
                    result.append({"metric": series.metric, "values": [[_unix(t), number(v)] for t, v in samples]})
            else:
                value = self._scraper.instant(series, until)
                if value is not None:
                    result.append({"metric": series.metric, "value": [_unix(round(at, 3)), number(value)]})
        return {"resultType": "vector" if selector.range_s is None else "matrix", "result": result}

    async def buildinfo(self, request: web.Request) -> web.Response:
        return _success(
            {
                "version": "2.42.0",
                "revision": "lab",
                "branch": "lab",
                "buildUser": "lab",
                "buildDate": "20260101-00:00:00",
                "goVersion": "go1.19.8",
            }
        )

    async def ready(self, request: web.Request) -> web.Response:
        return web.Response(text="Prometheus Server is Ready.\n")

    async def healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="Prometheus Server is Healthy.\n")


def number(value: float) -> str:
    """A sample's value as Prometheus writes it: the shortest decimal that reads back the same, no exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def _unix(t: float) -> float | int:
    return int(t) if t == int(t) else t


def _instant(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text) from None
        return moment.timestamp()
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _success(data: object) -> web.Response:
    return _json(200, {"status": "success", "data": data})


def _error(status: int, kind: str, message: str) -> web.Response:
    return _json(status, {"status": "error", "errorType": kind, "error": message})


def _json(status: int, body: object) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(status=status, body=text.encode(), headers={"Content-Type": "application/json"})


def _bearer(token: str | None) -> Middleware:
    @web.middleware
    async def demand(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": 'Bearer realm="prometheus"'})
        return await handler(request)

    return demand


@web.middleware
async def _as_prometheus(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer unknown paths and methods in Prometheus' words."""
    nosniff = {"X-Content-Type-Options": "nosniff"}
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return web.Response(status=404, text="404 page not found\n", headers=nosniff)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"} - {"HEAD"}))
        return web.Response(status=405, text="Method Not Allowed\n", headers={**nosniff, "Allow": allowed})
