"""What tests of the engine start from: a database, accounts, a world in which nothing stands against anything, and the engine.

The platform is the lab, reached over sockets; only what the watch would say is given by hand, so that a test breaks one thing.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access import sessions, users
from openova_console.access.caller import Caller, caller_of
from openova_console.access.roles import Role
from openova_console.access.sessions import Who
from openova_console.operations import ledger
from openova_console.operations.engine import Engine
from openova_console.operations.evidence import Item, fresh
from openova_console.operations.words import State
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import migrate, open_engine, reading, session
from openova_console.store.tables import User

R1, R2 = "region-1", "region-2"
PASSWORD = "correct horse battery 7"
REASON = "the pods hold stale connections"
RESTART = {"region": R1, "workload": "Deployment", "namespace": "acme-prod", "name": "portal"}


class StillWorld:
    """What a watch would say: by default that nothing stands against anything. `broken` overrides items by key."""

    def __init__(self) -> None:
        self.broken: dict[str, Item] = {}

    def items(self, now: datetime) -> dict[str, Item]:
        calm = {f"region.{r}.canaries": fresh([], at=now) for r in (R1, R2)}
        calm |= {f"region.{r}.api": fresh(True, at=now) for r in (R1, R2)}
        return calm | self.broken


class Shifted:
    """The time, moved on by hand."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


class Outbox:
    """Where notices go: kept for the test."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def __call__(self, **notice: Any) -> None:
        notice.pop("session")
        self.said.append(notice)

    @property
    def events(self) -> list[str]:
        return [notice["event"] for notice in self.said]


def settings_for(config: Path, database: str, home: Path, *, looks_from: str = "", **operations: Any) -> Settings:
    """The lab's settings with a database of the test's own. `looks_from`: the console's region, when not the lab's own."""
    document = yaml.safe_load(config.read_text())
    document["console"] |= {"looks_from": looks_from} if looks_from else {}
    document["console"] |= {"database_url": database, "data_dir": str(home)}
    document["operations"] = {"other_console": True, "patience_s": 3, **operations}
    return Settings(**_absolute(document, config.parent))


def _absolute(value: Any, folder: Path) -> Any:
    """Paths to files as the loader makes them: relative to the settings file."""
    if isinstance(value, dict):
        return {
            k: str((folder / v).resolve()) if k.endswith("_file") and isinstance(v, str) else _absolute(v, folder)
            for k, v in value.items()
        }
    return [_absolute(item, folder) for item in value] if isinstance(value, list) else value


@dataclass
class Bench:
    """An engine that runs, and the people around it."""

    settings: Settings
    database: Database
    engine: Engine
    world: StillWorld
    outbox: Outbox
    now: Callable[[], datetime]
    people: dict[str, Caller] = field(default_factory=dict)

    def person(self, name: str, role: Role = Role.OPERATOR, *, age_h: float = 48, **account: Any) -> Caller:
        """A person who is signed in, with an account of this age in hours."""
        if name not in self.people:
            made = self.now() - timedelta(hours=age_h)
            with session(self.database) as opened:
                user = User(
                    name=name,
                    name_key=users.key_of(name),
                    password_hash="x",
                    role=role.value,
                    created_at=made,
                    password_changed_at=made,
                    vouched_at=made,
                    **account,
                )
                opened.add(user)
                opened.flush()
                _, row = sessions.create(
                    session=opened, user=user, settings=self.settings.console, address="", user_agent="", now=self.now()
                )
                who = Who(int(user.id or 0), user.name, role, row.id)
                found = caller_of(session=opened, who=who)
                assert found is not None
                self.people[name] = found
        return self.people[name]

    def again(self, caller: Caller) -> Caller:
        """The caller as the database has him now."""
        with reading(self.database) as opened:
            found = caller_of(session=opened, who=Who(int(caller.user_id or 0), caller.name, caller.role, caller.session_id))
        assert found is not None
        return replace(found)

    async def ask(
        self, kind: str = "restart-workload", params: Any = None, *, by: str = "olga", key: str = "k1", **more: Any
    ) -> OperationRow:
        """Request as an operator."""
        return await self.engine.request(
            kind, RESTART if params is None else params, self.person(by), reason=REASON, idempotency_key=key, **more
        )

    async def approve(self, row: OperationRow, *, by: str = "anna") -> OperationRow:
        """Approve as an approver who has read the plan."""
        return await self.engine.decisions.approve(row.id, self.person(by, Role.APPROVER), digest=row.digest, reason="read it")

    def row(self, operation_id: str) -> OperationRow:
        with reading(self.database) as opened:
            return ledger.by_id(opened, operation_id)

    def steps(self, operation_id: str) -> list[Any]:
        with reading(self.database) as opened:
            return list(ledger.steps_of(opened, operation_id))

    def events(self, operation_id: str) -> list[str]:
        """The audit's events of an operation, in order."""
        with reading(self.database) as opened:
            return [event.event for event in audit.events_of(opened, operation_id)]

    async def until(self, operation_id: str, *states: State, limit_s: float = 30) -> OperationRow:
        """Wait until the operation is in one of these states; any end when none is given."""

        def there() -> bool:
            state = State(self.row(operation_id).state)
            return state in states if states else state.ended

        await self.when(
            there, lambda: f"{operation_id} is {self.row(operation_id).state}: {self.row(operation_id).sentence}", limit_s
        )
        return self.row(operation_id)

    async def when(
        self, condition: Callable[[], bool], said: Callable[[], str] = lambda: "it never came", limit_s: float = 30
    ) -> None:
        """Wait for a condition."""
        until = asyncio.get_running_loop().time() + limit_s
        while not condition():
            assert asyncio.get_running_loop().time() < until, said()
            await asyncio.sleep(0.02)

    def holds_back(self) -> None:
        """Let approved operations wait: no run is asked for."""

        async def nothing(_id: str, _lane: str) -> None:
            return None

        self.engine._runs.enqueue = nothing  # type: ignore[method-assign]

    async def drive(self, operation_id: str) -> str:
        """The run as `run_v1` drives it, without what makes it durable: until it has ended or asks."""
        conductor = self.engine._runs._conductor
        outcome = await conductor.begin(operation_id)
        number, last = 1, await conductor.count(operation_id)
        while outcome not in ("ask", "ended") and number <= last:
            outcome = await conductor.step(operation_id, number)
            number += outcome == "next"
        return outcome if outcome in ("ask", "ended") else await conductor.finish(operation_id)

    def said(self, operation_id: str, event: str) -> dict[str, Any]:
        """The body of the one audit event of this name."""
        with reading(self.database) as opened:
            (found,) = [e for e in audit.events_of(opened, operation_id) if e.event == event]
        return dict(json.loads(found.body))

    def write(self) -> contextlib.AbstractContextManager[Session]:
        """A writing session of the console's database, for what a test has to arrange behind the engine's back."""
        return session(self.database)


_EMPTY: dict[str, Path] = {}


def empty_database(folder: Path) -> str:
    """A migrated SQLite database; migrated once per process, copied after that."""
    template = _EMPTY.get("path")
    if template is None or not template.exists():
        template = folder / "template.db"
        migrate(f"sqlite:///{template}")
        _EMPTY["path"] = template
    target = folder / "console.db"
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


@contextlib.asynccontextmanager
async def engine_on(
    config: Path,
    folder: Path,
    *,
    database: str = "",
    now: Callable[[], datetime] | None = None,
    probe: Any = None,
    handlers: Any = None,
    starts: bool = True,
    world: StillWorld | None = None,
    **operations: Any,
) -> AsyncIterator[Bench]:
    """An engine on the platform that these settings describe.

    Args:
        world: what the watch says from the first moment on.
        starts: whether it takes up work by itself; a second engine in one process does not, and is driven by `Bench.drive`.
    """
    clock = now or (lambda: datetime.now(UTC))
    url = database or empty_database(folder)
    settings = settings_for(config, url, folder, **operations)
    opened, world, outbox = open_engine(url), world or StillWorld(), Outbox()
    engine = Engine(settings, opened, world, outbox, now=clock, more_handlers=handlers, **({"probe": probe} if probe else {}))
    if starts:
        await engine.start()
    try:
        yield Bench(settings, opened, engine, world, outbox, clock)
    finally:
        if starts:
            await engine.stop()
        else:
            await engine.records.stop()
            await engine._clusters.aclose()
        opened.dispose()
