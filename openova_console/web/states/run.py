"""One operation as this browser looks at it: the timeline of its run, what it rests on, and what this person can do with it."""

from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.redaction import redacted
from openova_console.operations import ledger, reads
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.policies import policy_from
from openova_console.operations.reads import Detail
from openova_console.operations.runbook import About, runbook
from openova_console.operations.words import State
from openova_console.web import deciding
from openova_console.web import services as console
from openova_console.web.present import iso, utc
from openova_console.web.rows import Fact
from openova_console.web.run_rows import (
    ApprovalLine,
    EventLine,
    EvidenceLine,
    GuardLine,
    RunLine,
    StepLine,
    approval_lines,
    event_lines,
    evidence_lines,
    fact_lines,
    guard_line,
    policy_words,
    run_line,
    step_lines,
)

LABELS = {
    "approve": ("Approve", "Say yes to exactly this plan"),
    "deny": ("Deny", "The request is over then"),
    "withdraw": ("Take it back", "You asked for it; the request is over then"),
    "revoke": ("Take my approval back", "As long as the run has not begun"),
    "pause": ("Pause", "It stops before its next step"),
    "resume": ("Go on", "It goes on with the step that it stands at"),
    "skip": ("Skip this step", "It goes on with the next one"),
    "abort": ("Stop for good", "No further step is done; what was done stays"),
    "acknowledge": ("Acknowledge", "It was looked at: the same may be done again before its pause is over"),
}
_EMPTY = RunLine("", "", "", "quiet", "", "", "", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class DoLine:
    """Something that a person can do with this run. `against`: why not now; "" when it can be done."""

    name: str
    label: str
    what: str
    against: str


class RunView(rx.State):
    """The selection comes from the address: /runs/<id>."""

    id: str = ""
    title: str = "Run"
    note: str = ""
    line: RunLine = _EMPTY
    kind: str = ""
    policy: str = ""
    facts: list[Fact] = []
    digest: str = ""
    steps: list[StepLine] = []
    progress: str = ""
    guards: list[GuardLine] = []
    aside: list[Fact] = []
    rests: list[Fact] = []
    evidence: list[EvidenceLine] = []
    evidence_at: str = ""
    approvals: list[ApprovalLine] = []
    events: list[EventLine] = []
    possible: list[DoLine] = []
    impossible: list[DoLine] = []
    confirm_href: str = ""
    runbook: str = ""
    error: str = ""
    said: str = ""
    read_at: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> Any:
        """Read which run the address names, and load it; one that there is not is said to be none."""
        self.reset()
        asked = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        self.id = asked if asked.isalnum() and len(asked) <= 32 else ""
        # What was shown before goes first: nobody must press a button of another run.
        yield
        await self._load(whole=True)

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: load again."""
        self.read_at = iso(console.now())
        if self.id and not self.note:
            await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def do(self, form: dict[str, Any]) -> Any:
        """Approve, deny, steer or acknowledge this run, as the form says."""
        self.error = self.said = ""
        yield
        said, self.error = await deciding.outcome(deciding.do(self.router.headers.cookie, form))
        self.said = said or ""
        await self._load()

    async def _load(self, *, whole: bool = False) -> None:
        """Read the run. `whole`: also what was settled when it was asked for, which is long and stays as it is."""
        self.read_at = iso(console.now())
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        try:
            found, choices = await running.read(lambda opened: _ask(opened, self.id, caller))
        except ledger.NoSuchOperation:
            self.note = "There is no such run. It may be one of the other region's console: each keeps its own books."
            return
        if whole:
            self._show_settled(found)
        self._show(found)
        own = caller.user_id == found.row.owner_id
        lines = [DoLine(n, *LABELS["withdraw" if own and n == "deny" else n], against) for n, against in choices.items()]
        self.possible = [line for line in lines if not line.against]
        # What never applies to a state is left out; what a person could clear is shown with its reason.
        self.impossible = [line for line in lines if line.against and line.name in _worth_saying(State(found.row.state))]
        self.confirm_href = (
            deciding.confirm_href(f"/runs/{found.row.id}") if deciding.needs_confirmation(choices["approve"]) else ""
        )

    def _show_settled(self, found: Detail) -> None:
        row = found.row
        self.title, self.digest = row.title, row.digest
        self.kind = CATALOGUE[row.kind].title if row.kind in CATALOGUE else row.kind
        self.policy = policy_words(policy_from(row), row.approvals_needed)
        self.aside = [Fact(guard, why) for guard, why in found.overrides.items()]
        self.rests, self.evidence = fact_lines(found.facts), evidence_lines(found.evidence)
        self.evidence_at = iso(found.evidence.at)
        about = About(row.id, row.title, row.actor, row.reason, row.digest, row.created_at)
        self.runbook = runbook(found.plan.model_validate(redacted(found.plan.model_dump(mode="json"))), about)

    def _show(self, found: Detail) -> None:
        displays = {r.id: r.display for r in console.services().settings.regions}
        self.line = run_line(found.row, displays)
        self.steps = step_lines(found.plan, found.steps, displays)
        done = sum(line.look in ("ok", "warn") for line in self.steps)
        self.progress = f"{done} of {len(self.steps)} steps done"
        self.guards = [guard_line(ruling) for ruling in found.rulings]
        self.approvals, self.events = approval_lines(found.approvals), event_lines(found.events)
        self.facts = _facts(found)


def _ask(opened: Session, operation_id: str, caller: Caller) -> tuple[Detail, dict[str, str]]:
    found = reads.detail(opened, operation_id)
    return found, deciding.choices(opened, found.row, caller)


def _worth_saying(state: State) -> tuple[str, ...]:
    if state is State.PENDING:
        return ("approve", "deny")
    if state.ended:
        return ()
    return ("pause", "abort", "resume", "skip") if state.paused else ("pause", "abort")


def _facts(found: Detail) -> list[Fact]:
    row = found.row
    facts = [
        Fact("Kind", row.kind),
        Fact("Asked for by", row.actor, utc(row.created_at)),
        Fact("Reason", row.reason),
        Fact("Digest of what is approved", row.digest),
    ]
    if State(row.state) is State.PENDING:
        facts.append(Fact("Expires", utc(row.expires_at)))
    if row.started_at is not None:
        facts.append(Fact("Began", utc(row.started_at)))
    if row.ended_at is not None:
        facts.append(Fact("Ended", utc(row.ended_at)))
    if found.incident is not None:
        facts.append(Fact("Incident", found.incident.title, f"declared by {found.incident.by}"))
    if row.acknowledged_by:
        facts.append(Fact("Acknowledged by", row.acknowledged_by))
    for review in found.reviews:
        state = f"closed by {review.closed_by}: {review.finding}" if review.closed_at else "nobody has reviewed it yet"
        facts.append(Fact("Review", review.what, state))
    return facts
