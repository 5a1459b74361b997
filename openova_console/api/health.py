"""Is it alive, is it ready, and its figures: /healthz, /readyz, /metrics.

Alive means that the event loop turns; a database that is away makes the console not ready, but restarting it would not
help. /metrics is read with a bearer token, or from this machine when no token file is configured.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from sqlalchemy import Engine, text
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from openova_console.access.arrival import Arrival
from openova_console.settings import ConsoleSettings
from openova_console.store.database import in_thread, reading

Check = Callable[[], Awaitable[str]]
_PATIENCE_S = 3.0


class Readiness:
    """What has to be well before the console is of use. Each check answers "" or the sentence that says what is not."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def register(self, name: str, check: Check) -> None:
        """Add a check, or replace the one with this name."""
        self._checks[name] = check

    async def not_ready(self) -> dict[str, str]:
        """What is not ready, by name. All checks run at once; one that hangs or raises counts as not ready."""
        answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        return {name: why for name, why in zip(self._checks, answers, strict=True) if why}

    @staticmethod
    async def _ask(check: Check) -> str:
        try:
            return await asyncio.wait_for(check(), _PATIENCE_S)
        except TimeoutError:
            return f"did not answer within {_PATIENCE_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready; its text may hold addresses
            return f"the check failed ({type(error).__name__})"


def database_check(engine: Engine) -> Check:
    """A check that the database answers."""

    def ask() -> str:
        with reading(engine) as opened:
            opened.connection().execute(text("SELECT version_num FROM alembic_version"))
        return ""

    async def check() -> str:
        return await in_thread(ask)

    return check


def routes(settings: ConsoleSettings, readiness: Readiness) -> list[Route]:
    """The routes of this file."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        missing = await readiness.not_ready()
        body = {"ready": not missing, "not_ready": [{"what": what, "why": why} for what, why in missing.items()]}
        return JSONResponse(body, status_code=503 if missing else 200)

    async def metrics(request: Request) -> Response:
        refusal = await asyncio.to_thread(_metrics_refusal, request, settings.metrics_token_file)
        if refusal is not None:
            return refusal
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), headers={"content-type": content_type})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _metrics_refusal(request: Request, token_file: Path | None) -> Response | None:
    """The answer to somebody who may not read the figures; None for who may. Reads the file anew: tokens rotate."""
    if token_file is None:
        if _from_this_machine(request):
            return None
        sentence = "The figures are for this machine only: set console.metrics_token_file to read them from elsewhere."
        return JSONResponse({"error": sentence}, status_code=403)
    try:
        expected = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        expected = ""
    if not expected:
        sentence = "The token file of console.metrics_token_file cannot be read or is empty: nobody may read the figures."
        return JSONResponse({"error": sentence}, status_code=503)
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected.encode()):
        return None
    sentence = "The figures need the bearer token of console.metrics_token_file."
    return JSONResponse({"error": sentence}, status_code=401, headers={"www-authenticate": "Bearer"})


def _from_this_machine(request: Request) -> bool:
    arrival: Arrival | None = request.scope.get("openova.arrival")
    client = request.client.host if request.client else ""
    # A proxy on this machine makes everybody look local; that it forwards is all that gives it away.
    forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
    return not forwarded and arrival is not None and _is_loopback(arrival.address) and _is_loopback(client)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
