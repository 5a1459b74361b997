"""Standing approvals as this browser looks at them, and the wishes to grant one and to take one back."""

from typing import Any

import reflex as rx
from sqlmodel import Session, col, or_, select

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.operations import standing
from openova_console.operations.catalogue import CATALOGUE
from openova_console.store.change_tables import StandingApprovalRow
from openova_console.web import services as console
from openova_console.web.standing_rows import FieldLine, Option, StandingLine, field_lines, standing_line, targets_of, value_of
from openova_console.web.wishes import against, dialog, mistake, words_of

KINDS = {kind: operation for kind, operation in CATALOGUE.items() if operation.schedulable}
_PAST = 50
_PARAM = "param:"
_NUMBERS = {"per_day": "Runs in 24 h", "per_run": "Objects a run", "days": "Ends in (days)"}
_LABELS = {
    "name": "Name",
    "source": "Name of the schedule or mapping",
    "template": "Parameters",
    "days": "Ends in (days)",
    "limits.per_day": "Runs in 24 h",
    "limits.per_run": "Objects a run",
    "limits.budget": "Money",
    "limits.targets": "Targets",
}


class StandingView(rx.State):
    """What runs without anybody being asked, and the form for more of it."""

    rows: list[StandingLine] = []
    past: list[StandingLine] = []
    kind: str = ""
    fields: list[FieldLine] = []
    most_days: str = ""
    currency: str = ""
    against: str = ""
    against_revoking: str = ""
    loaded: bool = False
    error: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """List them, and begin the form with the first kind that may be scheduled."""
        self.reset()
        settings = console.services().settings
        self.most_days, self.currency = str(settings.operations.standing_days), settings.cost.currency
        self._choose(next(iter(KINDS)))
        await self._load()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: list them again. What is in the form stays."""
        await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def choose(self, kind: str) -> None:
        """Ask for the parameters of this kind."""
        self.error = ""
        self._choose(kind if isinstance(kind, str) and kind in KINDS else next(iter(KINDS)))

    @rx.event
    @needs(Role.VIEWER)
    async def grant(self, form: dict[str, Any]) -> Any:
        """Open the dialog for what the form says."""
        params, self.error = _params(words_of(form))
        self.error = self.error or mistake("grant-standing-approval", params, _LABELS)
        return None if self.error else dialog("grant-standing-approval", params)

    def _choose(self, kind: str) -> None:
        displays = {r.id: r.display for r in console.services().settings.regions}
        self.kind, self.fields = kind, field_lines(KINDS[kind], displays)

    async def _load(self) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        self.rows, self.past, self.against, self.against_revoking = await running.read(lambda opened: _read(opened, caller))
        self.loaded = True


def _params(words: dict[str, str]) -> tuple[dict[str, Any], str]:
    """The parameters that a form says, and what is wrong with it."""
    kind = words.get("kind", "")
    if kind not in KINDS:
        return {}, "Kind: choose one of those that the list offers."
    model = KINDS[kind].params
    template = {name: value_of(model, name, words.get(_PARAM + name, "")) for name in model.model_fields}
    if empty := [name for name, value in template.items() if value == ""]:
        return {}, f"Parameters: {', '.join(empty)} is missing; write * for what the targets say."
    targets, wrong = targets_of(model, words.get("targets", ""))
    numbers: dict[str, int] = {}
    for name, label in _NUMBERS.items():
        text = words.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) < 8):
            wrong = wrong or f"{label}: write a whole number."
            continue
        numbers[name] = int(text)
    limits: dict[str, Any] = {"targets": targets, "per_day": numbers.get("per_day"), "per_run": numbers.get("per_run")}
    if money := words.get("budget", ""):
        try:
            limits["budget"] = float(money)
        except ValueError:
            wrong = wrong or "Money: write a number, or leave it empty."
    source = f"{words.get('source_kind', '')}:{words.get('source', '')}"
    return {
        "name": words.get("name", ""),
        "kind": kind,
        "source": source,
        "template": template,
        "limits": limits,
        "days": numbers.get("days"),
    }, wrong


def kind_options() -> list[Option]:
    """The kinds that may be scheduled."""
    return [Option(kind, operation.title) for kind, operation in KINDS.items()]


def _read(opened: Session, caller: Caller) -> tuple[list[StandingLine], list[StandingLine], str, str]:
    engine, now = console.services().engine, console.now()
    holding = [
        standing_line(row, used=standing.used(opened, row, now), against=engine.against_standing(opened, row), over=False)
        for row in standing.holding(opened, now)
    ]
    over = select(StandingApprovalRow).where(
        or_(col(StandingApprovalRow.revoked_at).is_not(None), col(StandingApprovalRow.expires_at) <= now)
    )
    past = opened.exec(over.order_by(col(StandingApprovalRow.granted_at).desc()).limit(_PAST)).all()
    lines = [standing_line(row, used=standing.used(opened, row, now), against="", over=True) for row in past]
    return holding, lines, against(opened, "grant-standing-approval", caller), against(opened, "revoke-standing-approval", caller)
