"""A Reflex app with the console's hub and one panel of 48 KB, and a control path that makes it push."""

import json
import os
import time

import reflex as rx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from openova_console.web.hub import Hub


class Bench(rx.State):
    """The panel."""

    made: float = 0.0
    rows: list[dict[str, str]] = []


ROWS = [{"name": f"service-{n}", "verdict": "ok", "sentence": "x" * 40} for n in range(500)]


def make() -> object:
    """The ASGI app, for granian."""
    app = rx.App()
    app.add_page(lambda: rx.el.p("bench"), route="/")
    hub = Hub(app)

    async def control(request: Request) -> Response:
        what = request.path_params["what"]
        if what == "pid":
            return PlainTextResponse(str(os.getpid()))
        if what == "browsers":
            return PlainTextResponse(str(hub.browsers))
        if what == "join" and app.event_namespace is not None:
            for sid in list(app.event_namespace.token_to_sid.values()):
                await hub.join(sid)
        if what == "push":
            await hub.publish({Bench: {"made": time.time(), "rows": ROWS}})
        return PlainTextResponse(str(len(json.dumps(ROWS))))

    app.api_transformer = Starlette(routes=[Route("/bench/{what}", control)])
    return app()
