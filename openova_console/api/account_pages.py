"""One's own account: password and sessions. Plain pages that need no script and no websocket."""

import logging
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openova_console.access import sessions, users
from openova_console.access.gate import PASSWORD, SIGN_IN
from openova_console.access.identity import Who
from openova_console.access.passwords import MIN_LENGTH, WeakPassword
from openova_console.access.sign_in import LockedOut, SignInRefused, confirm_password
from openova_console.access.users import UserError
from openova_console.api import html
from openova_console.api.auth_pages import PASSWORD_HINT
from openova_console.api.desk import Desk, go, route, who_of
from openova_console.api.forms import BadForm, arrival_of, csrf_mark, drop_session, read_form, set_session
from openova_console.store import audit
from openova_console.store.database import in_thread, reading, session
from openova_console.store.tables import AuthSession

logger = logging.getLogger(__name__)

SESSIONS = "/auth/sessions"
EVERYWHERE = "/auth/sign-out-everywhere"


def routes(desk: Desk) -> list[Route]:
    """The routes of this file."""
    return [
        route(desk, PASSWORD, get=show_password, post=post_password),
        route(desk, SESSIONS, get=show_sessions, post=post_sessions),
        route(desk, EVERYWHERE, post=post_sign_out_everywhere),
        route(desk, "/auth/me", get=show_me),
    ]


async def show_me(desk: Desk, request: Request) -> Response:
    """Who is signed in, for scripts of the pages: a page that is cut off asks here whether it is the session's end."""
    who = who_of(request)
    if who is None:
        return JSONResponse({"error": "Nobody is signed in."}, status_code=401)
    mark, _ = csrf_mark(request)
    return JSONResponse({"name": who.name, "role": who.role.value, "csrf": mark})


async def show_password(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    return go(SIGN_IN) if who is None else _password_page(desk, request, who)


def _password_page(desk: Desk, request: Request, who: Who, *, wrong: str = "", status: int = 200) -> Response:
    def build(mark: str) -> list[html.Markup]:
        given = "The password that you were given works once: choose your own before you go on."
        lead = html.element("p", given if who.must_change else "All your other sessions end when it changes.")
        # Hidden from people, for password managers: without it they do not know whose password changes.
        name = html.Markup(f'<input type="text" name="name" autocomplete="username" hidden{html.attributes(value=who.name)}>')
        inside = (
            name,
            html.field(
                "Current password",
                "current",
                type="password",
                autocomplete="current-password",
                required=True,
                autofocus=True,
            ),
            html.field(
                "New password",
                "password",
                hint=PASSWORD_HINT,
                type="password",
                autocomplete="new-password",
                minlength=MIN_LENGTH,
                required=True,
            ),
            html.field("New password again", "again", type="password", autocomplete="new-password", required=True),
            html.element("button", "Change the password", type="submit", class_="primary"),
        )
        return [html.error(wrong), lead, html.form(PASSWORD, mark, *inside)]

    return desk.page(request, "Change your password", build, status=status)


async def post_password(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is None:
        return go(SIGN_IN)
    try:
        fields = await read_form(request)
    except BadForm as bad:
        return _password_page(desk, request, who, wrong=str(bad), status=bad.status)
    password = fields.get("password", "")
    if password != fields.get("again", ""):
        return _password_page(desk, request, who, wrong="The two new passwords differ: type them again.", status=422)
    if password == fields.get("current", ""):
        return _password_page(desk, request, who, wrong="The new password is the old one: choose another.", status=422)
    address = arrival_of(request).address
    try:
        await confirm_password(
            engine=desk.engine,
            settings=desk.settings.console,
            name=who.name,
            password=fields.get("current", ""),
            address=address,
            now=desk.now(),
        )
        ended, token = await in_thread(_change, desk, who, password, address, request.headers.get("user-agent", ""))
    except LockedOut as locked:
        return _password_page(desk, request, who, wrong=str(locked), status=429)
    except SignInRefused:
        refused = _password_page(desk, request, who, wrong="The current password is not right.", status=401)
        refused.background = desk.note_failure(request, "password", who.name)
        return refused
    except (UserError, WeakPassword) as wrong:
        return _password_page(desk, request, who, wrong=str(wrong), status=422)
    await desk.who.ended(ended)
    logger.info("%s changed the password", who.name)
    response = go("/")
    set_session(request, response, token)
    return response


def _change(desk: Desk, who: Who, password: str, address: str, user_agent: str) -> tuple[list[str], str]:
    """Change the password, end all sessions, and start one anew. Returns the ended ones and the new token."""
    now = desk.now()
    with session(desk.engine) as opened:
        user = users.by_name_or_raise(session=opened, name=who.name)
        if user.break_glass:
            raise UserError("The sealed account keeps its word until it is sealed again (operation seal-account).")
        ended = [row.id for row in _standing(desk, opened, who, now)]
        users.set_password(session=opened, user=user, password=password, now=now)
        token, _ = sessions.create(
            session=opened,
            user=user,
            settings=desk.settings.console,
            address=address,
            user_agent=user_agent,
            now=now,
        )
        body = {"address": address, "sessions_ended": len(ended)}
        audit.append(session=opened, event="person.password_changed", actor=user.name, body=body, now=now)
    return ended, token


def _standing(desk: Desk, opened: Session, who: Who, now: datetime) -> list[AuthSession]:
    return list(sessions.current(session=opened, user_id=who.user_id, settings=desk.settings.console, now=now))


async def show_sessions(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is None:
        return go(SIGN_IN)

    def ask() -> list[AuthSession]:
        with reading(desk.engine) as opened:
            return _standing(desk, opened, who, desk.now())

    rows = await in_thread(ask)

    def build(mark: str) -> list[html.Markup]:
        lead = html.element("p", "Where you are signed in. Times are UTC.", class_="muted small")
        listed = html.element("div", *(_session(row, who, mark) for row in rows), class_="stack")
        everywhere = html.element("button", "Sign out everywhere", type="submit", class_="danger")
        links = (html.element("a", "Change the password", href=PASSWORD), " · ", html.element("a", "Back", href="/"))
        return [lead, listed, html.form(EVERYWHERE, mark, everywhere), html.element("p", *links)]

    return desk.page(request, "Your sessions", build)


def _session(row: AuthSession, who: Who, mark: str) -> html.Markup:
    name = browser_name(row.user_agent)
    if row.id == who.session_id:
        end = html.element("span", "this one", class_="pill role")
    else:
        hidden = html.Markup(f"<input{html.attributes(type='hidden', name='session', value=row.id)}>")
        button = html.element("button", "Sign out there", type="submit", aria_label=f"Sign out {name}, {row.address}")
        end = html.form(SESSIONS, mark, hidden, button)
    times = ("signed in ", _time(row.created_at), ", active ", _time(row.last_seen_at))
    return html.element(
        "div",
        html.element("b", name, title=row.user_agent),
        html.element("p", f"from {row.address or 'an unknown address'}, ", *times, class_="muted small"),
        end,
    )


def browser_name(user_agent: str) -> str:
    """What a person calls the browser of a User-Agent: "Firefox on Linux"; its own first words when it is none of them."""
    # Each names those before it as well, for the sake of old pages: the first match counts.
    browsers = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "macOS",
        "Linux": "Linux",
    }
    browser = next((name for mark, name in browsers.items() if mark in user_agent), "")
    system = next((name for mark, name in systems.items() if mark in user_agent), "")
    return f"{browser} on {system}" if browser and system else (user_agent[:40] or "An unknown browser")


def _time(at: datetime) -> html.Markup:
    return html.element("time", f"{at:%Y-%m-%d %H:%M}", datetime=at.isoformat())


async def post_sessions(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is None:
        return go(SIGN_IN)
    try:
        fields = await read_form(request)
    except BadForm:
        return go(SESSIONS)
    session_id = fields.get("session", "")

    def end() -> bool:
        with session(desk.engine) as opened:
            if not sessions.revoke(session=opened, session_id=session_id, user_id=who.user_id, now=desk.now()):
                return False
            body = {"session": session_id, "by": who.session_id}
            audit.append(session=opened, event="person.session_ended", actor=who.name, body=body, now=desk.now())
            return True

    if await in_thread(end):
        await desk.who.ended([session_id])
        logger.info("%s ended another session", who.name)
    return go(SESSIONS)


async def post_sign_out_everywhere(desk: Desk, request: Request) -> Response:
    who = who_of(request)
    if who is None:
        return go(SIGN_IN)
    try:
        await read_form(request)
    except BadForm:
        return go(SESSIONS)

    def end() -> list[str]:
        with session(desk.engine) as opened:
            standing = [row.id for row in _standing(desk, opened, who, desk.now())]
            sessions.revoke_all(session=opened, user_id=who.user_id, now=desk.now())
            body = {"session": who.session_id, "sessions_ended": len(standing)}
            audit.append(session=opened, event="person.signed_out_everywhere", actor=who.name, body=body, now=desk.now())
            return standing

    await desk.who.ended(await in_thread(end))
    logger.info("%s signed out everywhere", who.name)
    response = go(SIGN_IN)
    drop_session(request, response)
    return response
