"""What waits for approval, as this browser looks at it. Nothing moves under a finger: what is decided stays in its place until
the page is opened again, and what is new comes last."""

from dataclasses import dataclass, field, replace
from typing import Any

import reflex as rx
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.speech import listing
from openova_console.operations import ledger, reads
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.policies import policy_from
from openova_console.store.change_tables import OperationRow
from openova_console.web import deciding
from openova_console.web import services as console
from openova_console.web.present import iso
from openova_console.web.run_rows import GuardLine, PlanLine, RunLine, plan_shown, policy_words, run_line


@dataclass(frozen=True, slots=True)
class WaitLine:
    """One request that waits. `against`: why this person cannot approve it; `decided`: what became of it meanwhile."""

    line: RunLine
    sentence: str
    digest: str
    expires: str
    policy: str
    given: str
    against: str
    against_denial: str
    own: bool
    confirm_href: str
    guards: str
    exception: str
    decided: str = ""
    steps: list[PlanLine] = field(default_factory=list)
    aside: list[GuardLine] = field(default_factory=list)


class ApprovalsView(rx.State):
    """The queue. /approvals?operation=<id> opens one of them first."""

    rows: list[WaitLine] = []
    others: list[WaitLine] = []
    title_mark: str = ""
    note: str = ""
    error: str = ""
    error_at: str = ""
    said: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> Any:
        """List what waits: first what this person may approve, then the rest with the reason why not."""
        self.reset()
        yield
        found = await self._read()
        first = self.router.url.query_parameters.get("operation", "")
        lines = sorted(found, key=lambda wait: wait.line.id != first)
        self.rows = [wait for wait in lines if not wait.against or wait.confirm_href]
        self.others = [wait for wait in lines if wait not in self.rows]
        self._count()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: draw what is listed anew in its place, and put what is new at the end."""
        found = {wait.line.id: wait for wait in await self._read()}
        listed = [*self.rows, *self.others]
        gone = [wait.line.id for wait in listed if wait.line.id not in found]
        displays = {r.id: r.display for r in console.services().settings.regions}
        ended = await console.services().read(lambda opened: _ended(opened, gone, displays))

        def anew(wait: WaitLine) -> WaitLine:
            if (now := found.pop(wait.line.id, None)) is not None:
                return now
            line = ended.get(wait.line.id, wait.line)
            return replace(wait, line=line, decided=line.sentence or "It is gone")

        self.rows, self.others = [anew(wait) for wait in self.rows], [anew(wait) for wait in self.others]
        self.rows = [*self.rows, *(wait for wait in found.values() if not wait.against or wait.confirm_href)]
        self.others = [*self.others, *(wait for wait in found.values() if wait.against and not wait.confirm_href)]
        self._count()

    @rx.event
    @needs(Role.VIEWER)
    async def do(self, form: dict[str, Any]) -> Any:
        """Approve, deny or take back, as the form says."""
        self.error = self.error_at = self.said = ""
        yield
        said, self.error = await deciding.outcome(deciding.do(self.router.headers.cookie, form))
        self.said = said or ""
        if self.error:
            self.error_at = str(form.get("operation", ""))[:32] if isinstance(form, dict) else ""
        await ApprovalsView.refresh.fn(self)

    def _count(self) -> None:
        mine = sum(not wait.decided and (not wait.against or bool(wait.confirm_href)) for wait in self.rows)
        self.title_mark = f"({mine}) " if mine else ""
        self.note = "" if self.rows or self.others else "Nothing waits for approval."

    async def _read(self) -> list[WaitLine]:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return []
        displays = {r.id: r.display for r in running.settings.regions}

        def ask(opened: Session) -> list[WaitLine]:
            rows = reads.waiting_for(opened, caller, running.engine.decisions)
            return [_wait(opened, row, against, caller, displays) for row, against in rows]

        return await running.read(ask)


def _wait(opened: Session, row: OperationRow, against: str, caller: Caller, displays: dict[str, str]) -> WaitLine:
    engine = console.services().engine
    shown = plan_shown(ledger.plan_of(row), ledger.rulings_of(row), displays)
    given = [a.name for a in ledger.approvals_of(opened, row.id) if a.decision == "approve" and a.revoked_at is None]
    line = run_line(row, displays)
    confirm = deciding.needs_confirmation(against)
    own = caller.user_id is not None and caller.user_id == row.owner_id
    return WaitLine(
        line=line,
        sentence=CATALOGUE[row.kind].sentence if row.kind in CATALOGUE else "This release does not know this kind.",
        digest=row.digest,
        expires=iso(row.expires_at),
        policy=policy_words(policy_from(row), row.approvals_needed),
        given=f"{len(given)} of {row.approvals_needed} given: {listing(given)}" if given else "",
        against=against,
        against_denial="" if own else engine.decisions.against_denial(opened, row, caller),
        own=own,
        confirm_href=deciding.confirm_href(f"/approvals?operation={row.id}") if confirm else "",
        guards=f"{len(shown.others)} guards allowed it when it was asked for",
        exception=line.exception,
        steps=shown.steps,
        aside=shown.against,
    )


def _ended(opened: Session, ids: list[str], displays: dict[str, str]) -> dict[str, RunLine]:
    found = (opened.get(OperationRow, id_) for id_ in ids)
    return {row.id: run_line(row, displays) for row in found if row is not None}
