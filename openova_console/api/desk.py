"""What the sign-in and account pages share: the services they work with, and how a page with a form is made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from openova_console.access import failures, sessions
from openova_console.access.failures import Attempt
from openova_console.access.identity import Who, WhoCache
from openova_console.access.sign_in import GlassBroken
from openova_console.api import html
from openova_console.api.forms import arrival_of, csrf_mark, keep_anonymous_secret, session_token
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.database import in_thread, session


@dataclass(frozen=True)
class Desk:
    """The services behind the pages. `now` is for tests; `glass_broken` tells everybody that the sealed account signs in."""

    settings: Settings
    engine: Engine
    who: WhoCache
    glass_broken: GlassBroken
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def page(self, request: Request, title: str, build: Callable[[str], list[html.Markup]], *, status: int = 200) -> HTMLResponse:
        """A page; `build` is called with the mark that its forms need."""
        mark, secret = csrf_mark(request)
        response = html.page(self.settings.environment, title, *build(mark), status=status)
        keep_anonymous_secret(request, response, secret)
        return response

    def note_failure(self, request: Request, attempt: Attempt, name: str) -> BackgroundTask:
        """Seal that an attempt has failed, for the answer to do when it is on its way: nobody can measure how long it takes."""
        who, address, now = who_of(request), arrival_of(request).address, self.now()

        def seal() -> None:
            failures.note(
                engine=self.engine,
                settings=self.settings.console,
                attempt=attempt,
                name=name,
                address=address,
                by="" if who is None or attempt == "sign-in" else who.name,
                now=now,
            )

        return BackgroundTask(in_thread, seal)

    async def end_session(self, who: Who, *, event: str) -> None:
        """End this one session, seal that under this name, and close what is open for it."""

        def end() -> None:
            with session(self.engine) as opened:
                if sessions.revoke(session=opened, session_id=who.session_id, user_id=who.user_id, now=self.now()):
                    body = {"session": who.session_id}
                    audit.append(session=opened, event=event, actor=who.name, body=body, now=self.now())

        await in_thread(end)
        await self.who.ended([who.session_id])

    async def end_other_session(self, request: Request) -> None:
        """End the session that the browser came with: a new sign-in never lives on beside it."""
        before = await self.who.who(session_token(request))
        if before is not None:
            await self.end_session(before, event="person.session_replaced")


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
