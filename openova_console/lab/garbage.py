"""HTTP endpoints that answer late or answer nonsense, as a middleware before any application.

`refuse`, `freeze` and `bad_tls` happen below HTTP, in the gate.
"""

import asyncio
import json
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from openova_console.lab.faults import Faults

HUGE_BYTES = 10 * 1024 * 1024
LOGIN_PAGE = """<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Sign in to continue</h1><form method="post" action="/login"><input name="user"></form></body></html>
"""
# Left as they are, so that a reader must look deeper than the envelope.
_ENVELOPE = ("status", "resultType", "kind", "apiVersion", "type")


def middleware(endpoint: str, faults: Faults) -> Middleware:
    """The middleware of one endpoint; must stand first."""

    @web.middleware
    async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = faults.state(endpoint)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind != "garbage" or fault.detail == "bad_tls":
            return await handler(request)
        if fault.detail == "html":
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        if fault.detail == "huge":
            return web.Response(body=b'{"padding":"' + b"x" * HUGE_BYTES + b'"}', content_type="application/json")
        body = await _real_body(request, handler)
        if fault.detail == "wrong_type":
            return web.Response(body=wrong_types(body), content_type="application/json")
        if fault.detail == "truncated":
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        return await _drip(request, body, lambda: faults.state(endpoint) == fault)

    return spoil


async def _real_body(request: web.Request, handler: Handler) -> bytes:
    if request.query.get("watch", "0") not in ("0", "false"):
        return b'{"type":"ADDED","object":{"kind":"Thing","metadata":{"name":"thing","resourceVersion":"7"}}}\n'
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        return (refusal.text or "").encode()
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b'{"status":"success"}'


def wrong_types(body: bytes) -> bytes:
    """The same JSON with every value of another type: texts become numbers, numbers texts, lists objects."""
    try:
        document = json.loads(body)
    except ValueError:
        return b'{"value":[1,2,3]}'
    return json.dumps(_twist(document)).encode()


def _twist(value: object) -> object:
    if isinstance(value, dict):
        return {k: v if k in _ENVELOPE and isinstance(v, str) else _twist(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_twist(v) for v in value] if value else {}
    if isinstance(value, str):
        return 7
    return "seven" if isinstance(value, int | float) else []


async def _drip(request: web.Request, body: bytes, still: Callable[[], bool]) -> web.StreamResponse:
    """The right answer at one byte per second."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    for at in range(len(body)):
        if not still():
            break
        await response.write(body[at : at + 1])
        await asyncio.sleep(1)
    return response
