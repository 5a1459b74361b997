"""The accounts as this browser looks at them, and the wishes to change them."""

import secrets
from datetime import timedelta
from typing import Any

import reflex as rx
from sqlmodel import Session

from openova_console.access import sessions, users
from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role, allows
from openova_console.web import services as console
from openova_console.web.account_rows import AccountLine, account_line
from openova_console.web.wishes import against, dialog, mistake, words_of

_LABELS = {"name": "Name", "role": "Role"}


class UsersView(rx.State):
    """Everybody signed in sees names and roles; when somebody signed in is for administrators and for himself."""

    rows: list[AccountLine] = []
    closed: list[AccountLine] = []
    count: str = ""
    against: str = ""
    loaded: bool = False
    sees_all: bool = False
    error: str = ""
    error_role: str = ""
    wanted: str = ""
    picked: str = ""
    picked_role: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """List the accounts."""
        self.reset()
        await self._load()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: list them again."""
        await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def make(self, form: dict[str, Any]) -> Any:
        """Open the dialog for a new account."""
        if words_of(form).get("sealed"):
            params = {"name": words_of(form).get("name", "")}
            self.error = mistake("seal-account", params, _LABELS)
            return None if self.error else dialog("seal-account", params)
        params, self.error = _params("add-account", form)
        return None if self.error else dialog("add-account", params)

    @rx.event
    @needs(Role.VIEWER)
    async def pick(self, name: str, role: str) -> None:
        """Open the dialog for another role of this account. `wanted` opens and closes it."""
        named = next((line for line in self.rows if line.name == name and line.role == role), None)
        self.error_role = ""
        self.picked, self.picked_role = (named.name, named.role) if named is not None else ("", "")
        self.wanted = secrets.token_hex(4) if named is not None else ""

    @rx.event
    @needs(Role.VIEWER)
    async def change_role(self, form: dict[str, Any]) -> Any:
        """Open the dialog for another role."""
        params, self.error_role = _params("change-role", form)
        return None if self.error_role else dialog("change-role", params)

    async def _load(self) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        found, self.against = await running.read(lambda opened: _read(opened, caller))
        self.sees_all = allows(caller.role, Role.ADMIN)
        self.rows = [line for line in found if not line.closed]
        self.closed = [line for line in found if line.closed]
        self.count = f"{len(self.rows)} open"
        self.loaded = True


def _params(kind: str, form: Any) -> tuple[dict[str, str], str]:
    words = words_of(form)
    params = {name: words.get(name, "") for name in ("name", "role")}
    return params, mistake(kind, params, _LABELS)


def _read(opened: Session, caller: Caller) -> tuple[list[AccountLine], str]:
    settings, now = console.services().settings, console.now()
    seen = sessions.seen(session=opened, settings=settings.console, now=now)
    lines = [
        account_line(
            user,
            seen.get(user.id or 0),
            own=user.id == caller.user_id,
            sees_all=allows(caller.role, Role.ADMIN),
            fresh_for=timedelta(hours=settings.operations.fresh_account_hours),
            now=now,
        )
        for user in users.everyone(session=opened)
    ]
    return lines, against(opened, "add-account", caller)
