"""From a wish to a row in the books: preview, request, and what schedules and alert mappings fire.

All three pass the same rules. The row is written in one transaction with everything that was decided on, and once
per idempotency key.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations import policies, requests, standing
from openova_console.operations.authority import against_request
from openova_console.operations.governance import Governance
from openova_console.operations.judging import Judge, Judged
from openova_console.operations.notices import Notices
from openova_console.operations.operation import Operation, PlanError, Policy, Request
from openova_console.operations.plan import Plan
from openova_console.operations.requests import Preview, Refused
from openova_console.operations.words import State
from openova_console.settings import Settings
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, reading, session

_PREVIEW_ID = "0" * 32


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for. `source` is of a firing: "schedule:<name>" or "alert:<mapping>"."""

    kind: str
    params: Any
    caller: Caller
    reason: str
    key: str
    overrides: Mapping[str, str]
    incident_id: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A wish that has passed everything which needs no transaction."""

    wish: Wish
    operation: Operation
    policy: Policy
    request: Request
    judged: Judged
    plan: Plan
    digest: str


class Asking:
    """See the module."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        judge: Judge,
        governance: Governance,
        notices: Notices,
        *,
        key: bytes,
        now: Callable[[], datetime],
        approved: Callable[[OperationRow], Awaitable[None]],
        changed: Callable[[str], None],
    ) -> None:
        self._database, self._settings, self._judge = database, settings, judge
        self._governance, self._notices = governance, notices
        self._key, self._now, self._approved, self._changed = key, now, approved, changed

    async def preview(self, kind: str, params: Any, caller: Caller, overrides: Mapping[str, str]) -> Preview:
        """What would happen and what stands against it; writes nothing. Raises `Refused` only for what cannot be understood."""
        operation = requests.kind_of(kind)
        parsed = requests.params_of(operation, params)
        policy = await in_thread(self._policy, operation)
        request = Request(_PREVIEW_ID, parsed, operation.target(parsed), self._now())
        against = tuple(a for a in (against_request(caller, operation, policy), operation.asks(caller, parsed)) if a)
        try:
            judged, plan = await self._judged(operation, policy, request, overrides)
        except PlanError as error:
            return Preview(operation, None, None, policy, request.target.title, (*against, str(error)))
        needed = operation.needed(policy, parsed, judged.evidence)
        return Preview(operation, plan, judged, policy, request.target.title, against, needed)

    async def fire(self, source: str, kind: str, params: Any, fire_key: str, reason: str) -> OperationRow:
        """What a schedule or an alert mapping asks for: see `Engine.fire`."""
        if not isinstance(source, str) or not re.fullmatch(standing.SOURCE, source):
            raise Refused("params", "A firing comes from schedule:<name> or alert:<mapping>.", mistakes={"source": "is neither"})
        if not requests.kind_of(kind).schedulable:
            raise Refused("role", f"{requests.kind_of(kind).title} may not be asked for by a schedule or an alert.")
        caller = Caller(kind="schedule", name=source.removeprefix("schedule:"), user_id=None, role=Role.VIEWER)
        return await self.ask(Wish(kind, params, caller, reason or f"{source} fired ({fire_key})", fire_key, {}, source=source))

    async def ask(self, wish: Wish) -> OperationRow:
        """Write the operation down, or give the one that this key has made before: see `Engine.request`."""
        reason = " ".join(wish.reason.split()) if isinstance(wish.reason, str) else ""
        wish = replace(wish, reason=reason)
        operation = requests.kind_of(wish.kind)
        parsed = requests.params_of(operation, wish.params)
        policy = await in_thread(self._policy, operation)
        requests.check_words(wish.caller, operation, parsed, policy, reason, wish.key, wish.overrides)
        id_ = requests.operation_id(wish.caller, wish.key)
        digest = requests.words_digest(wish.kind, parsed, reason, wish.overrides)
        if (earlier := await in_thread(self._earlier, id_)) is not None:
            return requests.same_again(earlier, digest)
        await in_thread(self._governance.check_incident, wish.incident_id, bool(wish.overrides))
        request = Request(id_, parsed, operation.target(parsed), self._now())
        try:
            judged, plan = await self._judged(operation, policy, request, wish.overrides)
        except PlanError as error:
            raise Refused("plan", f"{error}.") from None
        if judged.against:
            title = request.target.title
            raise Refused("guard", f"{title} is not possible at this moment: {judged.sentence}.", rulings=judged.against)
        return await self._written(_Ready(wish, operation, policy, request, judged, plan, digest))

    async def _judged(
        self, operation: Operation, policy: Policy, request: Request, overrides: Mapping[str, str]
    ) -> tuple[Judged, Plan]:
        return await self._judge.judge(
            operation,
            request,
            policy,
            plan=lambda evidence: operation.plan(request, evidence),
            overridden=frozenset(overrides),
            stored=False,
        )

    async def _written(self, ready: _Ready) -> OperationRow:
        try:
            row = await in_thread(self._write, ready)
        except IntegrityError:
            # On PostgreSQL two that come at once with one key may both find nothing: the second takes what the first wrote.
            if (earlier := await in_thread(self._earlier, ready.request.operation_id)) is None:
                raise
            return requests.same_again(earlier, ready.digest)
        self._changed(row.id)
        if row.state == State.APPROVED:
            await self._approved(row)
        return row

    def _write(self, ready: _Ready) -> OperationRow:
        wish, operation, policy, request = ready.wish, ready.operation, ready.policy, ready.request
        with session(self._database) as opened:
            earlier = opened.get(OperationRow, request.operation_id)
            if earlier is not None:
                return requests.same_again(earlier, ready.digest)
            standing_id, why = self._carried(opened, ready) if wish.source else (None, "")
            wanted = replace(policy, approvals=operation.needed(policy, request.params, ready.judged.evidence))
            # An incident on the platform is no reason to change the console itself with fewer people.
            under = wish.incident_id if operation.on_platform else None
            needed = self._governance.approvals_needed(opened, wanted, wish.caller, under, standing_id)
            if wish.source and standing_id is None:
                needed = max(needed, 1)
            row = requests.write(
                opened,
                request=request,
                operation=operation,
                policy=policy,
                caller=wish.caller,
                reason=wish.reason,
                overrides=wish.overrides,
                incident_id=wish.incident_id,
                standing_id=standing_id,
                needed=needed,
                why=why,
                judged=ready.judged,
                plan=ready.plan,
                now=self._now(),
            )
            if needed:
                self._notices.waits(opened, row)
            if wish.overrides:
                self._governance.note_overrides(opened, row, wish.overrides, wish.caller)
            return row

    def _carried(self, opened: Session, ready: _Ready) -> tuple[str | None, str]:
        """The standing approval that carries a firing, or why none does. Counted in the transaction that writes it."""
        row, why = standing.find(
            opened,
            self._key,
            source=ready.wish.source,
            kind=ready.operation.kind,
            params=ready.request.params.model_dump(mode="json"),
            plan=ready.plan,
            people=ready.policy.approvals,
            spent=ready.judged.evidence.get("budget"),
            now=self._now(),
        )
        return (row.id, "") if row is not None else (None, why)

    def _earlier(self, id_: str) -> OperationRow | None:
        with reading(self._database) as opened:
            return opened.get(OperationRow, id_)

    def _policy(self, operation: Operation) -> Policy:
        with reading(self._database) as opened:
            return policies.current(opened, self._settings, operation)
