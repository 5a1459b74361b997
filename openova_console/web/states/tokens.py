"""Machine tokens as this browser looks at them, and the wishes to make one and to take one back."""

from typing import Any

import reflex as rx
from sqlmodel import Session, col, select

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role, allows
from openova_console.operations import policies
from openova_console.operations.catalogue import CATALOGUE
from openova_console.store.change_tables import MachineToken
from openova_console.store.tables import User
from openova_console.web import services as console
from openova_console.web.token_rows import ScopeLine, TokenLine, scope_lines, token_line
from openova_console.web.wishes import against, dialog, mistake, words_of

_SCOPE = "scope:"
_LABELS = {"name": "Name", "owner": "Owner", "scopes": "What it may do", "days": "Days"}


class TokensView(rx.State):
    """Everybody sees his own; administrators see all."""

    own: list[TokenLine] = []
    others: list[TokenLine] = []
    past: list[TokenLine] = []
    scopes: list[ScopeLine] = []
    against: str = ""
    loaded: bool = False
    sees_all: bool = False
    error: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """List the tokens, and what a new one could do."""
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
        """Open the dialog for a new token of this person's."""
        words = words_of(form)
        caller = await console.services().caller(self.router.headers.cookie)
        self.error = ""
        if caller is None:
            return None
        scopes = sorted(name.removeprefix(_SCOPE) for name in words if name.startswith(_SCOPE))
        days = words.get("days", "")
        if not scopes:
            self.error = "What it may do: choose at least one."
        elif not (days.isascii() and days.isdigit() and len(days) < 5):
            self.error = "Days: write a whole number from 1 to 366."
        else:
            params = {"name": words.get("name", ""), "owner": caller.name, "scopes": scopes, "days": int(days)}
            self.error = mistake("create-token", params, _LABELS)
        return None if self.error else dialog("create-token", params)

    async def _load(self) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        found, self.scopes, self.against = await running.read(lambda opened: _read(opened, caller))
        self.sees_all = allows(caller.role, Role.ADMIN)
        self.own = [line for line in found if line.own and not line.over]
        self.others = [line for line in found if not line.own and not line.over]
        self.past = [line for line in found if line.over]
        self.loaded = True


def _read(opened: Session, caller: Caller) -> tuple[list[TokenLine], list[ScopeLine], str]:
    settings, now = console.services().settings, console.now()
    question = select(MachineToken, User).join(User, col(User.id) == col(MachineToken.owner_id))
    if not allows(caller.role, Role.ADMIN):
        question = question.where(MachineToken.owner_id == caller.user_id)
    rows = opened.exec(question.order_by(col(MachineToken.created_at).desc())).all()
    lines = [token_line(row, owner, own=owner.id == caller.user_id, now=now) for row, owner in rows]
    kinds = [operation for operation in CATALOGUE.values() if operation.on_platform]
    known = scope_lines(caller.role, [(kind, policies.current(opened, settings, kind)) for kind in kinds])
    return lines, known, against(opened, "create-token", caller)
