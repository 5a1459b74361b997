"""The engine: the one choke point through which everything that changes the platform passes.

`request` → guards → approvals → durable run → verification → audit. Browser, REST, schedules and machines call the same
functions with a `Caller`; what a caller may do is decided here and nowhere else. All functions raise `Refused` with one
sentence.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations import ledger, policies, requests, standing
from openova_console.operations.authority import against_request
from openova_console.operations.brakes import Freezes
from openova_console.operations.clusters import Clusters
from openova_console.operations.conductor import RunConductor
from openova_console.operations.decisions import Decisions
from openova_console.operations.executor import Executor
from openova_console.operations.gather import Gatherer, World
from openova_console.operations.governance import Governance
from openova_console.operations.judging import Judge, Judged
from openova_console.operations.notices import Notices, Say
from openova_console.operations.operation import Operation, PlanError, Policy, Request
from openova_console.operations.plan import Plan
from openova_console.operations.records import Records, home
from openova_console.operations.replicas import Replicas
from openova_console.operations.requests import Preview, Refused
from openova_console.operations.runs import Runs
from openova_console.operations.signing import load_key
from openova_console.operations.steering import Steering
from openova_console.operations.steps import Handler, handlers
from openova_console.operations.words import State
from openova_console.settings import Settings
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, reading, session

_log = logging.getLogger(__name__)
SWEEP_EVERY_S = 5.0


def utc_now() -> datetime:
    """This instant."""
    return datetime.now(UTC)


class Engine:
    """See the module. `start` inside the running loop, `stop` before it ends.

    Attributes:
        decisions: approve, deny, take back.
        steering: pause, resume, skip, stop, acknowledge.
        governance: freezes, incidents, reviews.

    Args:
        world: what is known of the platform.
        say: the outbox.
        more_handlers: further steps' handlers, by action.
        probe: for tests that end the process at a point of a step.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        world: World,
        say: Say,
        *,
        now: Callable[[], datetime] = utc_now,
        more_handlers: Mapping[str, Handler] | None = None,
        probe: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self.settings, self._database, self._now = settings, database, now
        self._listeners: list[Callable[[str], None]] = []
        self._clusters = Clusters(settings)
        key_file, make = _key_file(settings)
        key = self._key = load_key(key_file, make=make)
        boot = f"{settings.operations.replica}/{secrets.token_hex(8)}"
        self._freezes = Freezes(settings, database, self._clusters, key)
        gatherer = Gatherer(settings, database, self._clusters, world, self._freezes)
        self.judge = Judge(database, gatherer, now)
        self.records = Records(settings, database, self._clusters, self._freezes, now)
        notices = Notices(say, now)
        steps = {**handlers(self._clusters, database, key=key, now=now), **(more_handlers or {})}
        restored = lambda: self.records.restored  # noqa: E731 - asked anew each time
        executor = Executor(
            database,
            steps,
            self.judge,
            boot=boot,
            patience_s=settings.operations.patience_s,
            now=now,
            restored=restored,
            changed=self._tell,
            probe=probe,
        )
        conductor = RunConductor(
            database,
            executor,
            self.judge,
            settings.operations,
            notices,
            key=key,
            boot=boot,
            now=now,
            restored=restored,
            changed=self._tell,
            ended=self.records.want_anchor,
            probe=probe,
        )
        self._runs = Runs(_runs_url(settings), replica=settings.operations.replica, conductor=conductor)
        self._notices = notices
        self._replicas = Replicas(database, replica=settings.operations.replica, boot=boot, now=now)
        self.decisions = Decisions(
            database, settings, self.judge, notices, key=key, now=now, approved=self._enqueue, changed=self._tell
        )
        self.steering = Steering(database, settings, now=now, wake=self._runs.wake, changed=self._tell)
        self.governance = Governance(database, settings, notices, self.records, now=now, changed=self._tell)
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find out whether the database is an old one, take up what had begun, and keep house from now on."""
        await self.records.start()
        await self._runs.start()
        await self.sweep()
        self._sweeper = asyncio.create_task(self._keep(), name="engine sweep")

    async def stop(self) -> None:
        """Begin nothing more; a run in the middle goes on after the next start."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        await self._runs.stop()
        await self.records.stop()
        await self._clusters.aclose()

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call this with an operation's id (or "") whenever the books change; it must return at once."""
        self._listeners.append(listener)

    def _tell(self, operation_id: str) -> None:
        for listener in self._listeners:
            listener(operation_id)

    async def preview(self, kind: str, params: Any, caller: Caller, *, overrides: Mapping[str, str] | None = None) -> Preview:
        """What would happen and what stands against it; writes nothing. Raises `Refused` only for what cannot be understood."""
        operation = requests.kind_of(kind)
        parsed = requests.params_of(operation, params)
        policy = await in_thread(self._policy, kind)
        target = operation.target(parsed)
        request = Request("0" * 32, parsed, target, self._now())
        against = tuple(a for a in (against_request(caller, operation, policy), operation.asks(caller, parsed)) if a)
        try:
            judged, plan = await self.judge.judge(
                operation,
                request,
                policy,
                plan=lambda evidence: operation.plan(request, evidence),
                overridden=frozenset(overrides or {}),
                stored=False,
            )
        except PlanError as error:
            return Preview(operation, None, None, policy, target.title, (*against, str(error)))
        needed = operation.needed(policy, parsed, judged.evidence)
        return Preview(operation, plan, judged, policy, target.title, against, needed)

    async def request(
        self,
        kind: str,
        params: Any,
        caller: Caller,
        *,
        reason: str,
        idempotency_key: str,
        overrides: Mapping[str, str] | None = None,
        incident_id: str | None = None,
    ) -> OperationRow:
        """Ask for an operation.

        Args:
            overrides: guard id → why it is set aside.
            incident_id: of a declared incident; needed for overrides.

        Returns:
            The operation: pending approval, or approved when its policy needs none; the earlier one when the key came before.

        Raises:
            Refused: with the sentence, and the guards that stand against it.
        """
        return await self._ask(
            kind,
            params,
            caller,
            reason=reason,
            idempotency_key=idempotency_key,
            overrides=dict(overrides or {}),
            incident_id=incident_id,
        )

    async def fire(self, source: str, kind: str, params: Any, fire_key: str, *, reason: str = "") -> OperationRow:
        """What a schedule or an alert mapping asks for. Firing twice with one key is one operation.

        Inside the limits of a standing approval nobody is asked; otherwise it waits for people, with the sentence why. Guards
        hold for it as for everybody.

        Args:
            source: "schedule:<name>" or "alert:<mapping>".
            fire_key: of this one firing: the instant that was due, or the alert's fingerprint and start.

        Raises:
            Refused: as `request`.
        """
        if not isinstance(source, str) or not re.fullmatch(standing.SOURCE, source):
            raise Refused("params", "A firing comes from schedule:<name> or alert:<mapping>.", mistakes={"source": "is neither"})
        if not requests.kind_of(kind).schedulable:
            raise Refused("role", f"{requests.kind_of(kind).title} may not be asked for by a schedule or an alert.")
        caller = Caller(kind="schedule", name=source.removeprefix("schedule:"), user_id=None, role=Role.VIEWER)
        said = reason or f"{source} fired ({fire_key})"
        return await self._ask(
            kind, params, caller, reason=said, idempotency_key=fire_key, overrides={}, incident_id=None, source=source
        )

    async def _ask(
        self,
        kind: str,
        params: Any,
        caller: Caller,
        *,
        reason: str,
        idempotency_key: str,
        overrides: Mapping[str, str],
        incident_id: str | None,
        source: str = "",
    ) -> OperationRow:
        reason = " ".join(reason.split()) if isinstance(reason, str) else ""
        operation = requests.kind_of(kind)
        parsed = requests.params_of(operation, params)
        policy = await in_thread(self._policy, kind)
        requests.check_words(caller, operation, parsed, policy, reason, idempotency_key, overrides)
        id_ = requests.operation_id(caller, idempotency_key)
        digest = requests.words_digest(kind, parsed, reason, overrides)
        if (earlier := await in_thread(self._earlier, id_)) is not None:
            return requests.same_again(earlier, digest)
        await in_thread(self.governance.check_incident, incident_id, bool(overrides))
        target = operation.target(parsed)
        request = Request(id_, parsed, target, self._now())
        try:
            judged, plan = await self.judge.judge(
                operation,
                request,
                policy,
                plan=lambda evidence: operation.plan(request, evidence),
                overridden=frozenset(overrides),
                stored=False,
            )
        except PlanError as error:
            raise Refused("plan", f"{error}.") from None
        if judged.against:
            raise Refused("guard", f"{target.title} is not possible now: {judged.sentence}.", rulings=judged.against)

        def write() -> OperationRow:
            return self._write(request, operation, policy, caller, reason, overrides, incident_id, source, judged, plan, digest)

        try:
            row = await in_thread(write)
        except IntegrityError:
            # On PostgreSQL two that come at once with one key may both find nothing: the second takes what the first wrote.
            if (earlier := await in_thread(self._earlier, id_)) is None:
                raise
            return requests.same_again(earlier, digest)
        self._tell(row.id)
        if row.state == State.APPROVED:
            await self._enqueue(row)
        return row

    def _write(
        self,
        request: Request,
        operation: Operation,
        policy: Policy,
        caller: Caller,
        reason: str,
        overrides: Mapping[str, str],
        incident_id: str | None,
        source: str,
        judged: Judged,
        plan: Plan,
        digest: str,
    ) -> OperationRow:
        now = self._now()
        with session(self._database) as opened:
            earlier = opened.get(OperationRow, request.operation_id)
            if earlier is not None:
                return requests.same_again(earlier, digest)
            standing_id, why = self._carried(opened, request, operation, policy, source, judged, plan) if source else (None, "")
            wanted = replace(policy, approvals=operation.needed(policy, request.params, judged.evidence))
            # An incident on the platform is no reason to change the console itself with fewer people.
            under = incident_id if operation.on_platform else None
            needed = self.governance.approvals_needed(opened, wanted, caller, under, standing_id)
            if source and standing_id is None:
                needed = max(needed, 1)
            row = requests.write(
                opened,
                request=request,
                operation=operation,
                policy=policy,
                caller=caller,
                reason=reason,
                overrides=overrides,
                incident_id=incident_id,
                standing_id=standing_id,
                needed=needed,
                why=why,
                judged=judged,
                plan=plan,
                now=now,
            )
            if needed:
                self._notices.waits(opened, row)
            if overrides:
                self.governance.note_overrides(opened, row, overrides, caller)
            return row

    def _carried(
        self, opened: Session, request: Request, operation: Operation, policy: Policy, source: str, judged: Judged, plan: Plan
    ) -> tuple[str | None, str]:
        """The standing approval that carries a firing, or why none does. Counted in the transaction that writes it."""
        row, why = standing.find(
            opened,
            self._key,
            source=source,
            kind=operation.kind,
            params=request.params.model_dump(mode="json"),
            plan=plan,
            people=policy.approvals,
            spent=judged.evidence.get("budget"),
            now=self._now(),
        )
        return (row.id, "") if row is not None else (None, why)

    def _earlier(self, id_: str) -> OperationRow | None:
        with reading(self._database) as opened:
            return opened.get(OperationRow, id_)

    def _policy(self, kind: str) -> Any:
        with reading(self._database) as opened:
            return policies.current(opened, self.settings, requests.kind_of(kind))

    async def _enqueue(self, row: OperationRow) -> None:
        await self._runs.enqueue(row.id, row.lane)

    async def sweep(self) -> None:
        """Keep house once: expire what is old, start what was approved, wake what was decided, void what drifted."""
        if orphans := await in_thread(self._replicas.beat):
            await self._runs.take_over(orphans)
        expired = await in_thread(self._expire)
        for id_ in expired:
            self._tell(id_)
        approved, decided, pending = await in_thread(self._left_over)
        for row in approved:
            if not await self._runs.is_known(row.id):
                await self._enqueue(row)
        for row in decided:
            await self._runs.wake(row.id, f"{row.id}/{row.changes}")
        for row in pending:
            await self.decisions.void_if_moved(row)
        await self.records.keep()

    def _expire(self) -> list[str]:
        now = self._now()
        with session(self._database) as opened:
            old = opened.exec(
                select(OperationRow).where(OperationRow.state == State.PENDING.value, col(OperationRow.expires_at) <= now)
            ).all()
            for row in old:
                ledger.move(opened, row, State.EXPIRED, "Nobody approved it in time", actor="engine", now=now)
                self._notices.ended(opened, row)
            return [row.id for row in old]

    def _left_over(self) -> tuple[list[OperationRow], list[OperationRow], list[OperationRow]]:
        long_ago = self._now() - timedelta(seconds=2)
        with reading(self._database) as opened:
            approved = list(opened.exec(select(OperationRow).where(OperationRow.state == State.APPROVED.value)))
            decided = [row for row in ledger.in_flight(opened) if State(row.state).paused and row.wanted]
            pending = list(
                opened.exec(
                    select(OperationRow).where(OperationRow.state == State.PENDING.value, col(OperationRow.created_at) < long_ago)
                )
            )
            return approved, decided, pending

    async def _keep(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await self.sweep()
                failing = False
            except Exception:  # noqa: BLE001 - housekeeping must go on
                if not failing:
                    _log.exception("the engine's housekeeping failed")
                failing = True


def _key_file(settings: Settings) -> tuple[Path, bool]:
    given = settings.operations.approval_key_file
    return (given, False) if given is not None else (home(settings) / "approval.key", True)


def _runs_url(settings: Settings) -> str:
    if settings.operations.runs_url is not None:
        return settings.operations.runs_url
    if settings.database_url.startswith("sqlite"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return f"sqlite:///{path.with_name(path.stem + '-runs.db')}"
    return settings.database_url


__all__ = ["Engine", "Refused", "Session"]
