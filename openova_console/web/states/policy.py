"""The policy of every kind as this browser looks at it, and the wish to change one."""

import secrets
from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlmodel import Session, col, select

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.operations import policies
from openova_console.operations.catalogue import CATALOGUE
from openova_console.store.change_tables import OperationRow, PolicyRow
from openova_console.web import services as console
from openova_console.web.account_rows import POLICY_FIELDS, PolicyLine, changes, policy_line
from openova_console.web.wishes import against, dialog, mistake, words_of

_LABELS = {"kind": "Kind", **{f"policy.{field}": words[:1].upper() + words[1:] for field, words in POLICY_FIELDS.items()}}
_NUMBERS = ("approvals", "valid_minutes", "cool_down_minutes")


@dataclass(frozen=True, slots=True)
class Draft:
    """The part of one kind's policy that people have changed so far, as the form shows it; "" leaves it as it is by itself."""

    kind: str = ""
    title: str = ""
    request: str = ""
    approve: str = ""
    override: str = ""
    approvals: str = ""
    valid_minutes: str = ""
    cool_down_minutes: str = ""
    confirm: str = ""


class PolicyView(rx.State):
    """One row per kind; the form holds the part of one of them."""

    platform: list[PolicyLine] = []
    own: list[PolicyLine] = []
    draft: Draft = Draft()
    wanted: str = ""
    against: str = ""
    error: str = ""
    _parts: dict[str, dict[str, Any]] = {}

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """List the policies."""
        self.reset()
        await self._load()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: list them again. What is in the form stays."""
        await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def choose(self, kind: str) -> None:
        """Open the form with this kind's part. `wanted` opens and closes it."""
        self.error = self.wanted = ""
        if not isinstance(kind, str) or kind not in CATALOGUE:
            return
        part = self._parts.get(kind, {})
        self.draft = Draft(kind, CATALOGUE[kind].title, **{field: _text(part.get(field)) for field in POLICY_FIELDS})
        self.wanted = secrets.token_hex(4)

    @rx.event
    @needs(Role.VIEWER)
    async def ask(self, form: dict[str, Any]) -> Any:
        """Open the dialog for what the form says."""
        words = words_of(form)
        policy, self.error = _policy(words)
        params = {"kind": words.get("kind", ""), "policy": policy}
        self.error = self.error or mistake("change-policy", params, _LABELS)
        return None if self.error else dialog("change-policy", params)

    async def _load(self) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        lines, self._parts, self.against = await running.read(lambda opened: _read(opened, caller))
        self.platform = [line for line in lines if CATALOGUE[line.kind].on_platform]
        self.own = [line for line in lines if not CATALOGUE[line.kind].on_platform]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value or "")


def _policy(words: dict[str, str]) -> tuple[dict[str, Any], str]:
    """The part that a form says, and what is wrong with it; what is left empty is not in it."""
    found: dict[str, Any] = {}
    for field in POLICY_FIELDS:
        if not (text := words.get(field, "")):
            continue
        if field in _NUMBERS:
            try:
                found[field] = int(text) if field == "approvals" else float(text)
            except ValueError:
                return {}, f"{_LABELS[f'policy.{field}']}: “{text[:20]}” is no number."
        elif field == "confirm":
            found[field] = text == "yes"
        else:
            found[field] = text
    return found, ""


def _read(opened: Session, caller: Caller) -> tuple[list[PolicyLine], dict[str, dict[str, Any]], str]:
    settings = console.services().settings
    parts: dict[str, dict[str, Any]] = policies.approved(opened)
    changed = changes(opened.exec(select(PolicyRow).order_by(col(PolicyRow.version))).all())
    ids = [change.operation_id for change in changed.values()]
    actors = dict(opened.exec(select(OperationRow.id, OperationRow.actor).where(col(OperationRow.id).in_(ids))).all())
    lines = []
    for kind, operation in CATALOGUE.items():
        change = changed.get(kind)
        lines.append(
            policy_line(
                operation,
                policies.current(opened, settings, operation),
                settings=settings.operations.kinds.get(kind),
                approved=parts.get(kind, {}),
                change=change,
                by=actors.get(change.operation_id, "") if change is not None else "",
            )
        )
    return lines, parts, against(opened, "change-policy", caller)
