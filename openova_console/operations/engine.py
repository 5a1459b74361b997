"""The engine: the one choke point through which everything that changes the platform passes.

`request` → guards → approvals → durable run → verification → audit. Browser, REST, schedules and machines call the same
functions with a `Caller`; what a caller may do is decided here and nowhere else. All functions raise `Refused` with one
sentence.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.operations import policies, standing
from openova_console.operations.asking import Asking, Wish
from openova_console.operations.brakes import Freezes
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.clusters import Clusters
from openova_console.operations.conductor import RunConductor
from openova_console.operations.decisions import Decisions
from openova_console.operations.executor import Executor
from openova_console.operations.gather import Gatherer, World
from openova_console.operations.governance import Governance
from openova_console.operations.heads import Heads, home
from openova_console.operations.housekeeping import Housekeeping
from openova_console.operations.judging import Judge
from openova_console.operations.notices import Notices, Say
from openova_console.operations.records import Records
from openova_console.operations.replicas import Replicas
from openova_console.operations.requests import Preview
from openova_console.operations.runs import Runs
from openova_console.operations.signing import load_key
from openova_console.operations.steering import Steering
from openova_console.operations.steps import Handler, handlers
from openova_console.settings import Settings
from openova_console.store.change_tables import OperationRow, StandingApprovalRow


def utc_now() -> datetime:
    """This instant."""
    return datetime.now(UTC)


class Engine:
    """See the module. `start` inside the running loop, `stop` before it ends.

    Attributes:
        decisions: approve, deny, take back.
        housekeeping: what happens by itself; `sweep` does it once.
        steering: pause, resume, skip, stop, acknowledge.
        governance: freezes, incidents, reviews.
        freezes: reads what is frozen, here and at the other console.
        heads: reads the audit's heads outside of the database.

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
        key = self._key = signing_key(settings)
        boot = f"{settings.operations.replica}/{secrets.token_hex(8)}"
        self.freezes = Freezes(settings, database, self._clusters, key)
        gatherer = Gatherer(settings, database, self._clusters, world, self.freezes)
        self.judge = Judge(database, gatherer, now)
        self.records = Records(settings, database, self._clusters, self.freezes, now, key=key)
        self.heads = Heads(settings, database, self._clusters, key=key)
        notices = Notices(say, now)
        steps = {**handlers(self._clusters, database, key=key, now=now), **(more_handlers or {})}
        executor = Executor(
            database,
            steps,
            self.judge,
            boot=boot,
            patience_s=settings.operations.patience_s,
            now=now,
            restored=self.records.stops,
            asks=notices.asks,
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
            restored=self.records.stops,
            changed=self._tell,
            ended=self.records.want_anchor,
            probe=probe,
        )
        self._runs = Runs(_runs_url(settings), replica=settings.operations.replica, conductor=conductor)
        self.decisions = Decisions(
            database, settings, self.judge, notices, key=key, now=now, approved=self._enqueue, changed=self._tell
        )
        self.steering = Steering(database, settings, now=now, wake=self._runs.wake, changed=self._tell)
        self.governance = Governance(database, settings, notices, self.records, now=now, changed=self._tell)
        self._asking = Asking(
            database,
            settings,
            self.judge,
            self.governance,
            notices,
            key=key,
            now=now,
            approved=self._enqueue,
            changed=self._tell,
        )
        replicas = Replicas(database, replica=settings.operations.replica, boot=boot, now=now)
        self.housekeeping = Housekeeping(
            database, self._runs, replicas, self.decisions, self.records, notices, now=now, changed=self._tell
        )

    async def start(self) -> None:
        """Find out whether the database is an old one, take up what had begun, and keep house from now on."""
        await self.records.start()
        await self._runs.start()
        await self.housekeeping.start()

    async def stop(self) -> None:
        """Begin nothing more; a run in the middle goes on after the next start."""
        await self.housekeeping.stop()
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
        return await self._asking.preview(kind, params, caller, overrides or {})

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
        wish = Wish(kind, params, caller, reason, idempotency_key, dict(overrides or {}), incident_id)
        return await self._asking.ask(wish)

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
        return await self._asking.fire(source, kind, params, fire_key, reason)

    def against_standing(self, opened: Session, row: StandingApprovalRow) -> str:
        """Why a standing approval carries nothing now; "" when it does, as far as its limits are not used up."""
        operation = CATALOGUE.get(row.kind)
        if operation is None:
            return f"there is no operation of kind {row.kind} any more"
        first = standing.expansions(json.loads(row.template), standing.limits_of(row).targets)[0]
        people = policies.current(opened, self.settings, operation).approvals
        return standing.against(opened, self._key, row, kind=row.kind, params=first, people=people, now=self._now())

    async def _enqueue(self, row: OperationRow) -> None:
        await self._runs.enqueue(row.id, row.lane)


def signing_key(settings: Settings) -> bytes:
    """The key that signs approvals; made beside the database when the settings name none. Raises `KeyUnusable`."""
    given = settings.operations.approval_key_file
    return load_key(home(settings) / "approval.key", make=True) if given is None else load_key(given, make=False)


def _runs_url(settings: Settings) -> str:
    if settings.operations.runs_url is not None:
        return settings.operations.runs_url
    if settings.database_url.startswith("sqlite"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return f"sqlite:///{path.with_name(path.stem + '-runs.db')}"
    return settings.database_url
