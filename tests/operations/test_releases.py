"""Runs that earlier releases recorded go on with this one. `tests/support/record_runs.py` records a release's own."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from openova_console.access.roles import Role
from openova_console.operations import ledger
from openova_console.operations.runs import VERSION
from openova_console.operations.words import State
from openova_console.store.change_tables import AuditEvent, OperationRow
from openova_console.store.database import migrate, open_engine, reading
from tests.lab.running import Running
from tests.support.engines import engine_on
from tests.support.fault_matrix import Matrix
from tests.support.record_runs import ASKS, BEGINS, DATA, DATABASES, MIDDLE, OBJECTS, key_file, unpack

RELEASES = sorted({path.name.rpartition(".sql.gz")[0].rpartition(".")[0] for path in DATA.glob("*.sql.gz")})
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"


def restored(release: str, folder: Path) -> tuple[str, dict[str, OperationRow], datetime]:
    """The release's databases, brought to this one's schema: address, operations by what they are about, the last instant."""
    for name in DATABASES:
        unpack(DATA / f"{release}.{name}.sql.gz", folder / f"{name}.db")
    url = f"sqlite:///{folder / 'console.db'}"
    migrate(url)
    opened = open_engine(url)
    with reading(opened) as session:
        rows = session.exec(select(OperationRow)).all()
        last = session.execute(select(AuditEvent)).scalars().all()[-1]
        at = datetime.fromisoformat(str(last.at).replace("Z", "+00:00"))
        session.expunge_all()
    opened.dispose()
    places = {place: key for key, place in OBJECTS.items()}
    return url, {places[row.region, row.lane.rpartition("/")[2]]: row for row in rows}, at


def wait_on(folder: Path) -> None:
    """A run that waits for a person ends by the real clock, which no test sets: its wait begins anew."""
    with closing(sqlite3.connect(folder / "console-runs.db")) as opened:
        until = json.dumps(time.time() + 3600)
        changed = opened.execute("UPDATE operation_outputs SET output = ? WHERE function_name = 'DBOS.sleep'", (until,))
        assert changed.rowcount == 1
        opened.commit()


async def as_it_was(lab: Running, rows: dict[str, OperationRow]) -> None:
    """The platform as the recorded one: the objects' identities, and what was written before the end."""
    for key, row in rows.items():
        region, name = OBJECTS[key]
        store, facts = lab.lab.regions[region].store, ledger.facts_of(row)
        old = store.find(KUSTOMIZATIONS, "flux-system", name)
        assert old is not None
        identity = {
            "uid": facts[f"{region}/{row.lane.partition('/')[2]} uid"].value,
            "generation": int(facts[f"{region}/{row.lane.partition('/')[2]} generation"].value),
        }
        kind = next(kind for kind in store._shelves if kind.plural == "kustomizations")
        store._commit(kind, old, {**old.document, "metadata": {**old.document["metadata"], **identity}}, False)
    step = ledger.plan_of(rows[MIDDLE]).steps[0]
    assert step.object is not None
    region = step.object.region
    async with lab.http(f"{region}/kubernetes", token=lab.lab.folder.secret(f"{region}-kubernetes-actor.token")) as http:
        sent = {"content-type": "application/merge-patch+json"}
        assert (await http.patch(step.object.path, json=dict(step.body), headers=sent)).status_code == 200


def clock_from(at: datetime) -> Callable[[], datetime]:
    """The recorded time goes on."""
    began = time.monotonic()
    return lambda: at + timedelta(seconds=1 + time.monotonic() - began)


def test_a_release_is_recorded():
    assert RELEASES, "no release is recorded: python -m tests.support.record_runs"


@pytest.mark.parametrize("release", RELEASES)
async def test_runs_that_a_release_began_are_gone_on_with(lab: Running, tmp_path: Path, matrix: Matrix, release: str):
    url, rows, at = restored(release, tmp_path)
    wait_on(tmp_path)
    await as_it_was(lab, rows)
    lab.lab.writes._log.clear()
    with key_file(tmp_path) as key:
        settings = {"approval_key_file": key, "now": clock_from(at), "database": url}
        async with engine_on(lab.path / "console.yaml", tmp_path, **settings) as bench:
            for what, sends in ((BEGINS, 1), (MIDDLE, 0)):
                done = await bench.until(rows[what].id)
                assert done.state == State.COMPLETED, done.sentence
                mine = [w for w in lab.lab.writes.log if f"operation={done.id}" in w.user_agent]
                assert len(mine) == sends, what
            assert "run.recovered" in bench.events(rows[MIDDLE].id)
            assert bench.row(rows[ASKS].id).state == State.PAUSED_BY_FAILED_STEP
            zoe = bench.person("zoe", Role.APPROVER)
            await bench.engine.steering.steer(rows[ASKS].id, zoe, "resume", reason="the right was given")
            done = await bench.until(rows[ASKS].id)
            assert done.state == State.COMPLETED, done.sentence
            saw = bench.row(rows[MIDDLE].id).sentence
            matrix("run that an earlier release began", f"{release}, {VERSION}", by="pinned version, recovery", saw=saw)
