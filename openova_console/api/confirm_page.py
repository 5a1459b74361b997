"""The password once more, for an approval that asks for it: a plain page that needs no script and no websocket.

The pages of the console send here with `next`, the path that they want to come back to.
"""

import logging
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openova_console.access.gate import CONFIRM, PASSWORD, SIGN_IN, safe_next
from openova_console.access.identity import Who
from openova_console.access.sign_in import LockedOut, SignInRefused, confirm
from openova_console.api import html
from openova_console.api.desk import Desk, go, route, who_of
from openova_console.api.forms import BadForm, arrival_of, read_form
from openova_console.handbook.speech import span
from openova_console.store.database import in_thread, reading
from openova_console.store.tables import AuthSession

logger = logging.getLogger(__name__)


def routes(desk: Desk) -> list[Route]:
    """The routes of this file."""
    return [route(desk, CONFIRM, get=show_confirm, post=post_confirm)]


def _with_next(path: str, target: str) -> str:
    return path if target == "/" else f"{path}?next={quote(target, safe='/')}"


def _target(request: Request) -> str:
    return safe_next(request.query_params.get("next", "/"))


def _first(who: Who | None, target: str) -> Response:
    """Where somebody belongs who cannot confirm anything yet."""
    return go(_with_next(SIGN_IN, target)) if who is None else go(PASSWORD)


async def show_confirm(desk: Desk, request: Request) -> Response:
    who, target = who_of(request), _target(request)
    if who is None or who.must_change:
        return _first(who, target)
    return await _page(desk, request, who, target)


async def _page(desk: Desk, request: Request, who: Who, target: str, *, wrong: str = "", status: int = 200) -> Response:
    standing = _standing(await in_thread(_counts_until, desk, who), desk.now())

    def build(mark: str) -> list[html.Markup]:
        minutes = span(desk.settings.operations.confirm_minutes * 60)
        lead = f"You are signed in as {who.name}. Your password counts for one approval, within {minutes}."
        # Hidden from people, for password managers: without it they do not know whose password this is.
        name = html.Markup(f'<input type="text" name="name" autocomplete="username" hidden{html.attributes(value=who.name)}>')
        password = html.field(
            "Password",
            "password",
            type="password",
            autocomplete="current-password",
            required=True,
            maxlength=256,
            autofocus=True,
        )
        button = html.element("button", "Confirm", type="submit", class_="primary")
        back = html.element("p", html.element("a", "Back" if standing else "Back without confirming", href=target))
        form = html.form(_with_next(CONFIRM, target), mark, name, password, button)
        return [html.error(wrong), standing, html.element("p", lead), form, back]

    return desk.page(request, "Confirm your password", build, status=status)


def _counts_until(desk: Desk, who: Who) -> datetime | None:
    with reading(desk.engine) as opened:
        row = opened.get(AuthSession, who.session_id)
    if row is None or row.confirmed_at is None:
        return None
    return row.confirmed_at + timedelta(minutes=desk.settings.operations.confirm_minutes)


def _standing(until: datetime | None, now: datetime) -> html.Markup:
    if until is None or until <= now:
        return html.Markup("")
    left = span(int((until - now).total_seconds()))
    sentence = f"Your password is confirmed until {until:%H:%M:%S} UTC, for another {left}: you can go back and approve."
    return html.element("div", html.element("span", sentence, class_="what"), class_="strip ok", role="status")


async def post_confirm(desk: Desk, request: Request) -> Response:
    who, target = who_of(request), _target(request)
    if who is None or who.must_change:
        return _first(who, target)
    try:
        fields = await read_form(request)
    except BadForm as bad:
        return await _page(desk, request, who, target, wrong=str(bad), status=bad.status)
    address = arrival_of(request).address
    try:
        await confirm(
            engine=desk.engine,
            settings=desk.settings.console,
            who=who,
            password=fields.get("password", ""),
            address=address,
            now=desk.now(),
        )
    except LockedOut as locked:
        logger.warning("confirmation locked out for %s from %s", who.name, address)
        response = await _page(desk, request, who, target, wrong=str(locked), status=429)
        response.headers["retry-after"] = str(locked.retry_after_s)
        return response
    except SignInRefused:
        logger.warning("confirmation refused for %s from %s", who.name, address)
        response = await _page(desk, request, who, target, wrong="That is not your password.", status=401)
        response.background = desk.note_failure(request, "confirmation", who.name)
        return response
    logger.info("%s confirmed the password", who.name)
    return go(target)
