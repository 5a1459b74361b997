"""Several processes of one console: each beats, and one takes over the runs of another whose beat has stopped.

DBOS itself brings back only what the same replica had begun. The take-over is a compare-and-swap on the dead one's row, so that
of many that see it one acts, and goes on acting until the dead one lives again or the taker is dead too. The fence of each run
keeps a process that was only slow from going on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine as Database
from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from openova_console.store import audit
from openova_console.store.change_tables import ReplicaRow
from openova_console.store.database import session

DEAD_AFTER = timedelta(seconds=30)
"""A beat every few seconds; so many missed in a row are a death, not a pause."""


class Replicas:
    """See the module. Functions are synchronous: call them in the store's threads."""

    def __init__(self, database: Database, *, replica: str, boot: str, now: Callable[[], datetime]) -> None:
        self._database, self._replica, self._boot, self._now = database, replica, boot, now

    def beat(self) -> list[str]:
        """Say that this one lives. Gives the replicas that are dead and whose runs are this one's to take over."""
        now = self._now()
        with session(self._database) as opened:
            own = opened.get(ReplicaRow, self._replica) or ReplicaRow(id=self._replica, boot=self._boot, beat_at=now)
            own.boot, own.beat_at, own.taken_by = self._boot, now, ""
            opened.add(own)
            opened.flush()
            return [dead.id for dead in self._dead(opened, now) if self._take(opened, dead, now)]

    def _dead(self, opened: Session, now: datetime) -> list[ReplicaRow]:
        """Those that nobody who lives has taken over, and those that this one has."""
        silent = col(ReplicaRow.beat_at) < now - DEAD_AFTER
        nobodys = or_(
            col(ReplicaRow.taken_by).in_(["", self._replica]), col(ReplicaRow.taken_by).in_(select(ReplicaRow.id).where(silent))
        )
        question = select(ReplicaRow).where(ReplicaRow.id != self._replica, silent, nobodys)
        return list(opened.exec(question.order_by(ReplicaRow.id)))

    def _take(self, opened: Session, dead: ReplicaRow, now: datetime) -> bool:
        """Whether its runs are this one's now. A taker that died in between leaves the rest to whoever comes after it."""
        if dead.taken_by == self._replica:
            return True
        mine = update(ReplicaRow).where(
            col(ReplicaRow.id) == dead.id, col(ReplicaRow.beat_at) == dead.beat_at, col(ReplicaRow.taken_by) == dead.taken_by
        )
        if opened.connection().execute(mine.values(taken_by=self._replica)).rowcount != 1:
            return False
        body = {"from": dead.id, "to": self._replica, "last_beat": dead.beat_at.isoformat()}
        audit.append(session=opened, event="replica.taken_over", actor="engine", body=body, now=now)
        return True
