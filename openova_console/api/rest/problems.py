"""Errors as RFC 9457 problem documents: a stable word for machines, one sentence for people, never anything from inside.

Every answer of `/api/v1` that is no success is one of these, those of the framework included.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from openova_console.operations.guards import Ruling
from openova_console.operations.ledger import NoSuchOperation
from openova_console.operations.operation import plain_mistake
from openova_console.operations.requests import Refused

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
URN = "urn:openova:problem:"

CODES: Mapping[str, tuple[int, str]] = {
    "params": (422, "The request cannot be used"),
    "reason": (422, "A reason is missing"),
    "address": (400, "The request cannot be placed"),
    "host": (421, "Another host is meant"),
    "unauthenticated": (401, "Nobody is signed in"),
    "role": (403, "Not allowed"),
    "confirm": (403, "The password is asked for again"),
    "not-found": (404, "Not there"),
    "method": (405, "This address does not take that method"),
    "guard": (409, "A guard stands against it"),
    "override": (409, "A guard cannot be set aside so"),
    "plan": (409, "It cannot be planned now"),
    "state": (409, "Its state does not allow that"),
    "conflict": (409, "The key was used for another request"),
    "drift": (409, "What was to be approved has changed"),
    "digest": (409, "This is not the plan that was read"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The request is not JSON"),
    "rate": (429, "Too many requests"),
    "failed": (500, "The console failed to answer"),
    "unavailable": (503, "The console cannot answer now"),
}
"""Code → status and title. `Refused.code` is one of these."""

_BY_STATUS = {401: "unauthenticated", 403: "role", 404: "not-found", 405: "method", 413: "too-large", 415: "media-type"}
_SENTENCES = {
    "not-found": "There is nothing at this address: see /api/v1/openapi.json for those that there are.",
    "method": "This address does not take that method: see /api/v1/openapi.json.",
}


class Stands(BaseModel):
    """A guard that stands against a request, and what would clear it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    answer: Literal["allow", "hold", "block"]
    sentence: str
    clears: str


class Problem(BaseModel):
    """What went wrong. `type` is stable; `errors` are by field; `guards` are those that hold or block."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(pattern=f"^{URN}[a-z-]+$")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    errors: dict[str, str] = Field(default_factory=dict)
    guards: list[Stands] = Field(default_factory=list)


class Problematic(Exception):
    """Raised by routes where the engine has nothing to say."""

    def __init__(
        self, code: str, sentence: str, *, errors: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.errors, self.headers = code, sentence, dict(errors or {}), dict(headers or {})


def problem(
    code: str,
    sentence: str,
    *,
    errors: Mapping[str, str] | None = None,
    rulings: Iterable[Ruling] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for one of `CODES`; another code is answered as a conflict, which says too little and never too much."""
    status, title = CODES.get(code, (409, "It cannot be done"))
    guards = [Stands(id=r.guard, answer=r.answer.value, sentence=r.sentence, clears=r.clears) for r in rulings]
    found = Problem(type=URN + code, title=title, status=status, detail=sentence, errors=dict(errors or {}), guards=guards)
    kept = {**(headers or {}), "Cache-Control": "no-store"}
    return JSONResponse(found.model_dump(mode="json"), status_code=status, headers=kept, media_type=MEDIA_TYPE)


def mistakes_of(error: RequestValidationError) -> dict[str, str]:
    """One sentence per field, without the value that was sent."""
    found: dict[str, str] = {}
    for mistake in error.errors():
        where = [str(part) for part in mistake["loc"]]
        field = ".".join(where[1:]) if len(where) > 1 else where[0] if where else "body"
        field = _HEADERS.get(field, field)
        found.setdefault(field, _sentence(mistake))
    return found


_HEADERS = {"idempotency-key": "Idempotency-Key"}


def _sentence(mistake: Any) -> str:
    match mistake["type"]:
        case "extra_forbidden":
            return "is not known here"
        case "string_pattern_mismatch":
            return "has a form that is not allowed"
        case "json_invalid":
            return "is no JSON"
    return plain_mistake(mistake)


async def _invalid(_request: Request, error: Any) -> Response:
    mistakes = mistakes_of(error)
    if any(mistake["loc"][:1] == ("path",) for mistake in error.errors()):
        return problem("not-found", _SENTENCES["not-found"])
    sentence = "; ".join(f"{field} {why}" for field, why in mistakes.items())
    return problem("params", f"The request cannot be used: {sentence}.", errors=mistakes)


async def _refused(_request: Request, error: Any) -> Response:
    return problem(error.code, error.sentence, errors=error.mistakes, rulings=error.rulings)


async def _raised(_request: Request, error: Any) -> Response:
    return problem(error.code, error.sentence, errors=error.errors, headers=error.headers)


async def _absent(_request: Request, error: Any) -> Response:
    return problem("not-found", str(error))


async def _framework(_request: Request, error: Any) -> Response:
    code = _BY_STATUS.get(error.status_code, "params" if error.status_code < 500 else "failed")
    sentence = _SENTENCES.get(code, "The request cannot be used: see /api/v1/openapi.json.")
    return problem(code, sentence, headers=error.headers)


def failure() -> Response:
    """The answer to what nobody has thought of."""
    return problem("failed", "The console failed to answer; read again before you repeat it. Its log says why.")


async def _failed(_request: Request, _error: Exception) -> Response:
    return failure()


async def _silent(_request: Request, _error: Exception) -> Response:
    _log.exception("the database did not answer a request to the API")
    return problem("unavailable", "The console's database does not answer: try again.")


HANDLERS: Mapping[Any, Any] = {
    RequestValidationError: _invalid,
    Refused: _refused,
    Problematic: _raised,
    NoSuchOperation: _absent,
    HTTPException: _framework,
    OperationalError: _silent,
    Exception: _failed,
}
"""Exception handlers of the application."""
