"""What the sign-in pages are posted: small forms that provably came from one of these pages.

The mark in each form is keyed by a secret in a cookie that no other site can read: the session's token for whoever is
signed in, a random one for whoever is not. The gate has checked the Origin before; this holds where a proxy drops it.
"""

import hashlib
import hmac
import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from openova_console.access.arrival import Arrival, header_of
from openova_console.access.identity import cookie_name, token_from_cookies

_MOST_BYTES = 16 * 1024


class BadForm(Exception):
    """The form cannot be used; the message is one sentence. `status` is the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def arrival_of(request: Request) -> Arrival:
    """How the request arrived, as the gate has found it."""
    arrival: Arrival = request.scope["openova.arrival"]
    return arrival


def session_token(request: Request) -> str | None:
    """The session's token in the request's cookie, valid or not."""
    return token_from_cookies(header_of(request.scope, b"cookie"), secure=arrival_of(request).secure)


def _anonymous_name(request: Request) -> str:
    return cookie_name(secure=arrival_of(request).secure) + "-csrf"


def _secret(request: Request) -> str:
    signed_in = request.scope.get("openova.who") is not None
    token = session_token(request) if signed_in else request.cookies.get(_anonymous_name(request))
    return token or ""


def _mark(secret: str) -> str:
    return hmac.new(secret.encode(), b"openova form", hashlib.sha256).hexdigest()


def csrf_mark(request: Request) -> tuple[str, str | None]:
    """The mark for a form on the answer to this request, and the new anonymous secret to set as a cookie, if any."""
    secret = _secret(request)
    if secret:
        return _mark(secret), None
    fresh = secrets.token_urlsafe(32)
    return _mark(fresh), fresh


def keep_anonymous_secret(request: Request, response: Response, secret: str | None) -> None:
    """Set the cookie that `csrf_mark` asked for."""
    if secret is not None:
        set_cookie(request, response, _anonymous_name(request), secret)


def set_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its session. The cookie ends with the browser; the session itself ends on the server."""
    set_cookie(request, response, cookie_name(secure=arrival_of(request).secure), token)


def drop_session(request: Request, response: Response) -> None:
    """Take the session cookie back."""
    set_cookie(request, response, cookie_name(secure=arrival_of(request).secure), "", max_age=0)


def set_cookie(request: Request, response: Response, name: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(name, value, max_age=max_age, path="/", secure=arrival_of(request).secure, httponly=True, samesite="lax")


async def read_form(request: Request) -> dict[str, str]:
    """The posted fields. Of a field that is given twice the first counts.

    Raises:
        BadForm: when it is too large, no form, or did not come from one of these pages.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadForm("That was not one of this console's forms: open the page again and use the form there.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise BadForm("The form is too large: nothing was changed.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise BadForm("The form cannot be read: open the page again and use the form there.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    secret = _secret(request)
    if not secret or not hmac.compare_digest(fields.get("csrf", "").encode(), _mark(secret).encode()):
        raise BadForm("The form is out of date or came from elsewhere, so nothing was changed: send it once more.", 403)
    return fields
