"""What the sign-in and account pages share: the services they work with, and how a page with a form is made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from openova_console.access import sessions
from openova_console.access.identity import Who, WhoCache
from openova_console.api import html
from openova_console.api.forms import csrf_mark, keep_anonymous_secret, session_token
from openova_console.settings import Settings
from openova_console.store.database import in_thread, session


@dataclass(frozen=True)
class Desk:
    """The services behind the pages. `now` is for tests."""

    settings: Settings
    engine: Engine
    who: WhoCache
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def page(self, request: Request, title: str, build: Callable[[str], list[html.Markup]], *, status: int = 200) -> HTMLResponse:
        """A page; `build` is called with the mark that its forms need."""
        mark, secret = csrf_mark(request)
        response = html.page(self.settings.environment, title, *build(mark), status=status)
        keep_anonymous_secret(request, response, secret)
        return response

    async def end_session(self, who: Who) -> None:
        """End this one session, and close what is open for it."""

        def end() -> None:
            with session(self.engine) as opened:
                sessions.revoke(session=opened, session_id=who.session_id, user_id=who.user_id, now=self.now())

        await in_thread(end)
        await self.who.ended([who.session_id])

    async def end_other_session(self, request: Request) -> None:
        """End the session that the browser came with: a new sign-in never lives on beside it."""
        before = await self.who.who(session_token(request))
        if before is not None:
            await self.end_session(before)


Handler = Callable[[Desk, Request], Awaitable[Response]]


def route(desk: Desk, path: str, *, get: Handler | None = None, post: Handler | None = None) -> Route:
    """One page: what shows it and what is posted to it."""
    handlers = {"GET": get, "HEAD": get, "POST": post}

    async def answer(request: Request) -> Response:
        handler = handlers[request.method]
        assert handler is not None, "the route names only methods that have a handler"
        return await handler(desk, request)

    return Route(path, answer, methods=[method for method, handler in handlers.items() if handler is not None])


def who_of(request: Request) -> Who | None:
    """Who is signed in, as the gate has found it."""
    who: Who | None = request.scope["openova.who"]
    return who


def go(path: str) -> RedirectResponse:
    """On to another page, with a GET."""
    return RedirectResponse(path, status_code=303)
