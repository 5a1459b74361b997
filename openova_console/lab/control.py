"""The control port: what is switched, and by whom the lab is moved. On loopback, and only with its token.

`GET /state`, `GET /scenarios`, `POST /scenario {"name"}`, `POST /fault {"endpoint", "state"}`,
`POST /trouble {"name", "state"}`, `POST /clock {"advance_s"}`, `GET /writes` (what the regions' Kubernetes APIs accepted),
`POST /writes {"conflicts", "slow_s"}` (how often `write_conflicts`, how slow `writes_slow`),
`GET /messages` (what the chat room was told).
Mistakes get 400 with the sentence that says what would be right.
"""

import hmac
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab.chat import Chat
from openova_console.lab.clock import ClockError
from openova_console.lab.faults import Fault, FaultError
from openova_console.lab.scenarios import SCENARIOS
from openova_console.lab.troubles import TROUBLES
from openova_console.lab.writes import Writes, WritesError


class Controlled(Protocol):
    """What the control port moves."""

    writes: Writes
    chat: Chat

    def state(self) -> dict[str, Any]:
        """What is switched, JSON-ready."""

    async def switch(self, name: str) -> None:
        """Start a scenario."""

    async def set_fault(self, endpoint: str, fault: Fault) -> None:
        """Set one endpoint's state."""

    async def set_trouble(self, name: str, on: bool) -> None:
        """Break one single thing, or mend it."""

    async def advance(self, seconds: float) -> None:
        """Move a manual clock."""


class _Mistake(Exception):
    pass


def application(lab: Controlled, token: str) -> web.Application:
    """The control port's routes; every one demands `token`."""

    async def state(request: web.Request) -> web.Response:
        return web.json_response(lab.state())

    async def scenarios(request: web.Request) -> web.Response:
        rows = [{"name": s.name, "sentence": s.sentence, "expect": s.expect} for s in SCENARIOS.values()]
        return web.json_response({"scenarios": rows})

    async def scenario(request: web.Request) -> web.Response:
        name = await _field(request, "name", str)
        if name not in SCENARIOS:
            raise _Mistake(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
        await lab.switch(name)
        return web.json_response(lab.state())

    async def fault(request: web.Request) -> web.Response:
        endpoint = await _field(request, "endpoint", str)
        try:
            await lab.set_fault(endpoint, Fault.parse(await _field(request, "state", str)))
        except FaultError as error:
            raise _Mistake(str(error)) from None
        return web.json_response(lab.state())

    async def trouble(request: web.Request) -> web.Response:
        name, wanted = await _field(request, "name", str), await _field(request, "state", str)
        if name not in TROUBLES:
            raise _Mistake(f"there is no trouble {name!r}; there are: {', '.join(TROUBLES)}")
        if wanted not in ("on", "off"):
            raise _Mistake(f"a trouble is on or off, not {wanted!r}")
        await lab.set_trouble(name, wanted == "on")
        return web.json_response(lab.state())

    async def clock(request: web.Request) -> web.Response:
        seconds = await _field(request, "advance_s", int, float)
        try:
            await lab.advance(seconds)
        except ClockError as error:
            raise _Mistake(str(error)) from None
        return web.json_response(lab.state())

    async def writes(request: web.Request) -> web.Response:
        return web.json_response(lab.writes.state())

    async def set_writes(request: web.Request) -> web.Response:
        try:
            lab.writes.configure(
                conflicts=await _field(request, "conflicts", int), slow_s=await _field(request, "slow_s", int, float)
            )
        except WritesError as error:
            raise _Mistake(str(error)) from None
        return web.json_response(lab.writes.state())

    async def messages(request: web.Request) -> web.Response:
        return web.json_response(lab.chat.state())

    app = web.Application(middlewares=[_guard(token)], client_max_size=64 * 1024)
    app.router.add_get("/state", state)
    app.router.add_get("/scenarios", scenarios)
    app.router.add_post("/scenario", scenario)
    app.router.add_post("/fault", fault)
    app.router.add_post("/trouble", trouble)
    app.router.add_post("/clock", clock)
    app.router.add_get("/messages", messages)
    app.router.add_get("/writes", writes)
    app.router.add_post("/writes", set_writes)
    return app


async def _field(request: web.Request, name: str, *kinds: type) -> Any:
    try:
        body = await request.json()
    except ValueError:
        raise _Mistake("the body is not JSON") from None
    value = body.get(name) if isinstance(body, dict) else None
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise _Mistake(f"the body needs {name!r}, a {'text' if kinds == (str,) else 'number'}")
    return value


def _guard(token: str) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return web.json_response(
                {"error": "the lab's control token is missing or wrong; it is in the file that control.json names"}, status=401
            )
        try:
            return await handler(request)
        except _Mistake as mistake:
            return web.json_response({"error": str(mistake)}, status=400)
        except web.HTTPException as refusal:
            return web.json_response({"error": refusal.reason}, status=refusal.status, headers=_kept(refusal))

    return guard


def _kept(refusal: web.HTTPException) -> dict[str, str]:
    return {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
