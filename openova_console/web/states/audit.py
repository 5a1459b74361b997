"""The audit as this browser looks at it: search and place in the address, and its verification."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from sqlmodel import Session, col, select

from openova_console.access.needs import needs
from openova_console.access.roles import Role, allows
from openova_console.store import anchors, audit
from openova_console.store.change_tables import AuditEvent, OperationRow
from openova_console.web import services as console
from openova_console.web.audit_rows import (
    GROUPS,
    AuditLine,
    PlaceLine,
    audit_line,
    body_text,
    compared_lines,
    place_lines,
    verdict,
)
from openova_console.web.present import iso
from openova_console.web.rows import Choice
from openova_console.web.verifying import Outcome
from openova_console.web.wishes import words_of

PAGE = 30
EXPORTS = (Role.APPROVER, Role.SECURITY_OFFICER)
"""One of these roles is needed to take the whole audit; `/api/v1/audit/export` asks for the same."""
_NAMES = ("q", "event", "actor", "operation", "from", "to", "before")
_LONGEST = {"q": 200, "event": 60, "actor": 80}
_ID = re.compile(r"[0-9a-f]{32}")
_SEQ = re.compile(r"[0-9]{1,15}")
_LOOK_S = 0.7


class AuditView(rx.State):
    """The list comes from the address: /audit?q=words&event=step&actor=jane&operation=<id>&from=…&to=…&before=<number>."""

    asked: dict[str, str] = {}
    groups: list[Choice] = []
    rows: list[AuditLine] = []
    note: str = ""
    newest: str = ""
    following: str = ""
    newer: str = ""
    opened: str = ""
    body: str = ""
    seal: str = ""
    previous: str = ""
    head: str = ""
    restored: str = ""
    places: list[PlaceLine] = []
    against_export: str = ""
    verifying: str = ""
    look: str = ""
    word: str = ""
    sentence: str = ""
    verified_at: str = ""
    compared: list[PlaceLine] = []

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the search from the address and list that page; what cannot be read is said, and nothing is listed."""
        self.reset()
        running = console.services()
        asked = {name: self.router.url.query_parameters.get(name, "") for name in _NAMES}
        self.asked = asked
        group = asked["event"].partition(".")[0]
        self.groups = [Choice(word, "", self._to(event=name), group == name) for name, word in GROUPS.items()]
        self.newest = self._to() if asked["before"] else ""
        await self._around()
        if running.verifier.last is not None:
            self._verified(running.verifier.last)
        self.note = _mistake(asked)
        if self.note:
            return
        rows, titles = await running.read(lambda opened: _read(opened, asked))
        self.following = self._to(before=str(rows[PAGE - 1].seq)) if len(rows) > PAGE else ""
        self.rows = [
            audit_line(row, titles, self._to(actor=row.actor), self._to(event=row.event, operation="")) for row in rows[:PAGE]
        ]
        if not rows:
            self.note = (
                "No event matches."
                if any(asked.values())
                else "Nothing was written down yet: the first request for a change will be."
            )

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: what is new is counted, so that nothing moves under a reader."""
        await self._around()
        if self.asked.get("before") or _mistake(self.asked):
            return
        asked = dict(self.asked)
        rows, _ = await console.services().read(lambda opened: _read(opened, asked))
        top = int(self.rows[0].number) if self.rows else 0
        count = sum(row.seq > top for row in rows[:PAGE])
        self.newer = f"{count}{'+' if count == PAGE else ''} new: show" if count else ""

    @rx.event
    @needs(Role.VIEWER)
    async def search(self, form: dict[str, Any]) -> Any:
        """Look for what the form says: the address takes it, and the page follows the address."""
        words = words_of(form)
        changes = {name: " ".join(words.get(name, "").split()) for name in ("q", "actor", "operation", "from", "to")}
        self.note = _mistake(changes)
        return None if self.note else rx.redirect(self._to(**changes))

    @rx.event
    @needs(Role.VIEWER)
    async def unfold(self, number: str) -> None:
        """Show one event's body and seal, or fold it again."""
        wanted = number if isinstance(number, str) and _SEQ.fullmatch(number) else ""
        shut = not wanted or wanted == self.opened
        self.opened, self.body, self.seal, self.previous = "", "", "", ""
        if shut:
            return
        row = await console.services().read(lambda opened: opened.get(AuditEvent, int(wanted)))
        if row is not None:
            self.opened, self.body, self.seal, self.previous = wanted, body_text(row), row.seal, row.previous

    @rx.event
    @needs(Role.VIEWER)
    async def verify(self) -> Any:
        """Begin to verify the whole audit, and follow it."""
        console.services().verifier.start()
        self.verifying = "Verifying: reading the heads that lie outside the database…"
        return AuditView.look_on

    @rx.event
    @needs(Role.VIEWER, passive=True)
    async def look_on(self) -> Any:
        """See how far the verification is, for a moment only: this browser's other events wait meanwhile."""
        verifier = console.services().verifier
        outcome = await verifier.wait(_LOOK_S)
        if verifier.running:
            self.verifying = f"Verifying: {verifier.done:,} of {verifier.total:,} events…"
            return AuditView.look_on
        self.verifying = ""
        if outcome is not None:
            self._verified(outcome)
        await self._around()
        return None

    def _verified(self, outcome: Outcome) -> None:
        self.look, self.word, self.sentence = verdict(outcome)
        self.verified_at, self.compared = iso(outcome.at), compared_lines(outcome.places)

    async def _around(self) -> None:
        """Everything beside the list: the head, where it lies, whether the database is an old one, and who may export."""
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        may = any(allows(caller.role, role) for role in EXPORTS)
        needed = " or ".join(role.value for role in EXPORTS)
        self.against_export = "" if may else f"Taking the whole audit needs the role {needed}; yours is {caller.role.value}."
        self.restored = running.engine.records.restored
        regions = [r for r in running.settings.regions if r.actor is None]
        never = [(r.display, "No account that may write there is set (regions[].actor).") for r in regions]

        def ask(opened: Session) -> tuple[tuple[int, str], list[PlaceLine]]:
            lines = place_lines(anchors.newest(opened), anchors.newest(opened, that_worked=True), never)
            return audit.head(opened), lines

        (seq, seal), self.places = await running.read(ask)
        self.head = f"Event {seq:,}, seal {seal[:12]}…" if seq else "No event yet"

    def _to(self, **changes: str) -> str:
        asked = {name: value for name, value in self.asked.items() if name != "before"} | changes
        asked = {name: value for name, value in asked.items() if value}
        return "/audit" + ("?" + urlencode(asked) if asked else "")


def _instant(text: str) -> datetime:
    """An instant from the address or a form: UTC unless it says otherwise. Raises ValueError, OverflowError."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)


def _mistake(asked: dict[str, str]) -> str:
    """What is wrong with a search; "" when nothing is."""
    for name, longest in _LONGEST.items():
        if len(asked.get(name, "")) > longest:
            return f"What to look for is too long: at most {longest} characters."
    if (operation := asked.get("operation", "")) and not _ID.fullmatch(operation):
        return "An operation is named by its 32 digits and letters, as in the address of its run."
    for name in ("from", "to"):
        try:
            if text := asked.get(name, ""):
                _instant(text)
        except (ValueError, OverflowError):
            return f"“{asked[name][:40]}” is no instant: write it as 2026-03-01T12:00, in UTC."
    if (before := asked.get("before", "")) and not _SEQ.fullmatch(before):
        return "The page that the address names is none: go to the newest."
    return ""


def _read(opened: Session, asked: dict[str, str]) -> tuple[Sequence[AuditEvent], dict[str, str]]:
    """One page and one event more, and the titles of the operations that they belong to."""
    rows = audit.search(
        opened,
        words=asked["q"],
        event=asked["event"],
        actor=asked["actor"],
        operation_id=asked["operation"],
        since=_instant(asked["from"]) if asked["from"] else None,
        until=_instant(asked["to"]) if asked["to"] else None,
        before_seq=int(asked["before"]) if asked["before"] else None,
        limit=PAGE + 1,
    )
    ids = {row.operation_id for row in rows if row.operation_id}
    titles = select(OperationRow.id, OperationRow.title).where(col(OperationRow.id).in_(ids))
    return rows, dict(opened.exec(titles).all())
