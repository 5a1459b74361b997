"""Sign-in, sign-out and the first set-up: plain pages that need no script and no websocket."""

import logging
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openova_console.access import setup
from openova_console.access.gate import PASSWORD, SIGN_IN, safe_next
from openova_console.access.passwords import MIN_LENGTH, WeakPassword
from openova_console.access.setup import SetupRefused
from openova_console.access.sign_in import LockedOut, SignInRefused, sign_in
from openova_console.access.users import UserError
from openova_console.api import html
from openova_console.api.desk import Desk, go, route, who_of
from openova_console.api.forms import BadForm, arrival_of, drop_session, read_form, set_session
from openova_console.store.database import in_thread, reading, session

logger = logging.getLogger(__name__)

SETUP = "/auth/setup"
PASSWORD_HINT = f"At least {MIN_LENGTH} characters; a sentence is easiest to keep in mind."


def routes(desk: Desk) -> list[Route]:
    """The routes of this file."""
    return [
        route(desk, SIGN_IN, get=show_sign_in, post=post_sign_in),
        route(desk, "/auth/sign-out", get=show_sign_out, post=post_sign_out),
        route(desk, SETUP, get=show_setup, post=post_setup),
    ]


async def _setup_wanted(desk: Desk) -> bool:
    def ask() -> bool:
        with reading(desk.engine) as opened:
            return setup.wanted(session=opened)

    return await in_thread(ask)


async def show_sign_in(desk: Desk, request: Request) -> Response:
    target = safe_next(request.query_params.get("next", "/"))
    if who_of(request) is not None:
        return go(target)
    if await _setup_wanted(desk):
        return go(SETUP)
    return _sign_in_page(desk, request, target)


def _sign_in_page(desk: Desk, request: Request, target: str, *, name: str = "", wrong: str = "", status: int = 200) -> Response:
    def build(mark: str) -> list[html.Markup]:
        inside = (
            html.field(
                "Name",
                "name",
                value=name,
                autocomplete="username",
                autocapitalize="none",
                spellcheck="false",
                required=True,
                maxlength=64,
                autofocus=not name,
            ),
            html.field(
                "Password",
                "password",
                type="password",
                autocomplete="current-password",
                required=True,
                maxlength=256,
                autofocus=bool(name),
            ),
            html.element("button", "Sign in", type="submit", class_="primary"),
        )
        action = SIGN_IN if target == "/" else f"{SIGN_IN}?next={quote(target, safe='/')}"
        return [html.error(wrong), html.form(action, mark, *inside)]

    return desk.page(request, "Sign in", build, status=status)


async def post_sign_in(desk: Desk, request: Request) -> Response:
    target = safe_next(request.query_params.get("next", "/"))
    try:
        fields = await read_form(request)
    except BadForm as bad:
        return _sign_in_page(desk, request, target, wrong=str(bad), status=bad.status)
    name = fields.get("name", "").strip()[:64]
    address = arrival_of(request).address
    try:
        signed_in = await sign_in(
            engine=desk.engine,
            settings=desk.settings.console,
            name=name,
            password=fields.get("password", ""),
            address=address,
            user_agent=request.headers.get("user-agent", ""),
            now=desk.now(),
            glass_broken=desk.glass_broken,
        )
    except LockedOut as locked:
        # The name is not logged: people type passwords into that field.
        logger.warning("sign-in locked out from %s", address)
        response = _sign_in_page(desk, request, target, name=name, wrong=str(locked), status=429)
        response.headers["retry-after"] = str(locked.retry_after_s)
        return response
    except SignInRefused as refused:
        logger.warning("sign-in refused from %s", address)
        response = _sign_in_page(desk, request, target, name=name, wrong=str(refused), status=401)
        response.background = desk.note_failure(request, "sign-in", name)
        return response
    await desk.end_other_session(request)
    logger.info("%s signed in from %s", signed_in.who.name, address)
    response = go(PASSWORD if signed_in.who.must_change else target)
    set_session(request, response, signed_in.token)
    return response


async def show_sign_out(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is None:
        return go(SIGN_IN)

    def build(mark: str) -> list[html.Markup]:
        button = html.element("button", "Sign out", type="submit", class_="primary", autofocus=True)
        back = html.element("a", "Stay signed in", href="/")
        return [html.element("p", f"You are signed in as {who.name}."), html.form("/auth/sign-out", mark, button), back]

    return desk.page(request, "Sign out", build)


async def post_sign_out(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is not None:
        try:
            await read_form(request)
        except BadForm:
            return go("/auth/sign-out")
        await desk.end_session(who, event="person.signed_out")
        logger.info("%s signed out", who.name)
    response = go(SIGN_IN)
    drop_session(request, response)
    return response


async def show_setup(desk: Desk, request: Request) -> Response:
    return _setup_page(desk, request) if await _setup_wanted(desk) else go(SIGN_IN)


def _setup_page(desk: Desk, request: Request, *, name: str = "", wrong: str = "", status: int = 200) -> Response:
    def build(mark: str) -> list[html.Markup]:
        code_hint = "The console wrote it to its log when it started. It works once and for 24 hours."
        inside = (
            html.field("One-time code", "code", hint=code_hint, autocomplete="off", spellcheck="false", required=True),
            html.field("Your name", "name", value=name, autocomplete="username", required=True, maxlength=64),
            html.field(
                "Password",
                "password",
                hint=PASSWORD_HINT,
                type="password",
                autocomplete="new-password",
                minlength=MIN_LENGTH,
                required=True,
            ),
            html.field("Password again", "again", type="password", autocomplete="new-password", required=True),
            html.element("button", "Make the account", type="submit", class_="primary"),
        )
        lead = html.element("p", "Nobody can sign in yet. This makes the first account, an administrator.")
        return [html.error(wrong), lead, html.form(SETUP, mark, *inside)]

    return desk.page(request, "First administrator", build, status=status)


async def post_setup(desk: Desk, request: Request) -> Response:
    if not await _setup_wanted(desk):
        return go(SIGN_IN)
    try:
        fields = await read_form(request)
    except BadForm as bad:
        return _setup_page(desk, request, wrong=str(bad), status=bad.status)
    name, password = fields.get("name", "").strip()[:64], fields.get("password", "")
    if password != fields.get("again", ""):
        return _setup_page(desk, request, name=name, wrong="The two passwords differ: type them again.", status=422)

    address, code = arrival_of(request).address, fields.get("code", "")

    def redeem() -> None:
        with session(desk.engine) as opened:
            setup.redeem(session=opened, code=code, name=name, password=password, now=desk.now(), address=address)

    try:
        await in_thread(redeem)
    except SetupRefused as refused:
        logger.warning("set-up refused from %s", address)
        return _setup_page(desk, request, name=name, wrong=str(refused), status=403)
    except (UserError, WeakPassword) as wrong:
        return _setup_page(desk, request, name=name, wrong=str(wrong), status=422)
    logger.info("the first administrator, %s, was made from %s", name, address)
    return _sign_in_page(desk, request, "/", name=name)
