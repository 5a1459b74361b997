"""The books of what is on its way: spread, claimed, settled, and what pages and programs ask of them.

A notification is spread once, in one transaction: one row for each target that wants it, and one row without a target that
says it is done, so that a target that is added later does not get what was said before. A claim is a compare-and-swap that
counts the attempt and puts the row's next instant behind the longest time that sending can take: of two replicas one sends, and
what a crash has left claimed comes up again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, update
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from openova_console.settings.notify import AnyTarget, NotifySettings
from openova_console.store.change_tables import DeliveryRow, NotificationRow

SPREAD_WITHIN = timedelta(hours=24)
"""What is older was said before there was a carrier, and is old news."""
_SPREAD = ""
_GONE_AFTER = timedelta(hours=24)

State = Literal["waiting", "sent", "dead"]


def spread(*, session: Session, targets: Sequence[AnyTarget], now: datetime) -> int:
    """One row for each target that wants a notification, for all that are new. Gives how many notifications there were."""
    found = session.exec(_new(now).order_by(col(NotificationRow.at)).limit(500)).all()
    count = 0
    for row in found:
        if not _insert(session, DeliveryRow(notification_id=row.id, target=_SPREAD, state="sent", next_at=now)):
            continue
        count += 1
        for target in targets:
            if target.wants(row.event, urgent=row.urgent):
                _insert(session, DeliveryRow(notification_id=row.id, target=target.name, state="waiting", next_at=now))
    return count


def _insert(session: Session, row: DeliveryRow) -> bool:
    """Whether it was this transaction that made the row: of two replicas that spread at once, one does."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = dialect.insert(DeliveryRow).values(**row.model_dump()).on_conflict_do_nothing()
    # What comes back says it on every database; the count of rows does not.
    return session.connection().execute(made.returning(col(DeliveryRow.target))).first() is not None


def unspread(*, session: Session, now: datetime) -> bool:
    """Whether there is something to spread."""
    return session.exec(_new(now).limit(1)).first() is not None


def _new(now: datetime) -> Any:
    mark = select(DeliveryRow).where(
        col(DeliveryRow.notification_id) == col(NotificationRow.id), col(DeliveryRow.target) == _SPREAD
    )
    return select(NotificationRow).where(col(NotificationRow.at) >= now - SPREAD_WITHIN, ~mark.exists())


def is_due(*, session: Session, target: str, now: datetime) -> bool:
    """Whether a message to this target has to be tried now."""
    return session.exec(_due(target, now).limit(1)).first() is not None


def _due(target: str, now: datetime) -> Any:
    return (
        select(DeliveryRow, NotificationRow)
        .join(NotificationRow, col(NotificationRow.id) == col(DeliveryRow.notification_id))
        .where(DeliveryRow.target == target, DeliveryRow.state == "waiting", col(DeliveryRow.next_at) <= now)
        .order_by(col(NotificationRow.urgent).desc(), col(DeliveryRow.next_at), col(NotificationRow.at))
    )


def claim(
    *, session: Session, target: str, attempts: int, lease: timedelta, now: datetime
) -> tuple[DeliveryRow, NotificationRow] | None:
    """Take the next due message of a target; None when there is none.

    Args:
        attempts: how many there may be; one that was claimed for the last time and never settled becomes a dead letter.
        lease: nobody else takes it for so long.
    """
    for row, notification in session.exec(_due(target, now).limit(20)).all():
        mine = _as_seen(row)
        if row.attempts >= attempts:
            sentence = row.error or f"{target} was tried {row.attempts} times, and what came of the last try is not known"
            session.connection().execute(mine.values(state="dead", error=sentence[:500]))
        elif session.connection().execute(mine.values(attempts=row.attempts + 1, next_at=now + lease)).rowcount == 1:
            taken = DeliveryRow(**{**row.model_dump(), "attempts": row.attempts + 1, "next_at": now + lease})
            return taken, notification
    return None


def _as_seen(row: DeliveryRow) -> Any:
    """An update of a waiting row that nobody has touched since it was read."""
    return update(DeliveryRow).where(
        col(DeliveryRow.notification_id) == row.notification_id,
        col(DeliveryRow.target) == row.target,
        col(DeliveryRow.state) == "waiting",
        col(DeliveryRow.attempts) == row.attempts,
        col(DeliveryRow.next_at) == row.next_at,
    )


def settle_sent(*, session: Session, row: DeliveryRow, note: str, now: datetime) -> None:
    """It has arrived. That counts whoever has claimed the row since."""
    arrived = update(DeliveryRow).where(
        col(DeliveryRow.notification_id) == row.notification_id, col(DeliveryRow.target) == row.target
    )
    session.connection().execute(arrived.values(state="sent", sent_at=now, next_at=now, error=note[:500]))


def settle_failed(*, session: Session, row: DeliveryRow, sentence: str, again_at: datetime | None) -> None:
    """It has not arrived; None for `again_at` makes it a dead letter. Counts only while the claim stands."""
    state: State = "waiting" if again_at is not None else "dead"
    session.connection().execute(
        _as_seen(row).values(state=state, error=sentence[:500], next_at=again_at if again_at is not None else row.next_at)
    )


def bury_orphans(*, session: Session, known: Sequence[str], now: datetime) -> int:
    """Dead letters of what has waited a day for a target that is not in the settings. Gives how many."""
    gone = update(DeliveryRow).where(
        col(DeliveryRow.state) == "waiting",
        col(DeliveryRow.target).not_in([*known, _SPREAD]),
        col(DeliveryRow.next_at) < now - _GONE_AFTER,
    )
    return session.connection().execute(gone.values(state="dead", error="The target is not in the settings any more")).rowcount


def revive(*, session: Session, notification_id: str, target: str, now: datetime) -> bool:
    """Make a dead letter wait again, with all its attempts. False when it is not dead (any more)."""
    dead = update(DeliveryRow).where(
        col(DeliveryRow.notification_id) == notification_id, col(DeliveryRow.target) == target, col(DeliveryRow.state) == "dead"
    )
    return session.connection().execute(dead.values(state="waiting", attempts=0, next_at=now)).rowcount == 1


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """How it stands with a target.

    Attributes:
        configured: False for one that is only left in the books.
        sent_at: when something arrived last; None when nothing ever did.
        waiting, dead: how many messages.
        next_at: when the next waiting one is tried.
        failing: why the last try failed, of what waits; "" when nothing that waits has failed.
    """

    name: str
    kind: Literal["webhook", "email", ""]
    events: tuple[str, ...]
    urgent_only: bool
    configured: bool
    sent_at: datetime | None
    waiting: int
    dead: int
    next_at: datetime | None
    failing: str


def health(session: Session, settings: NotifySettings) -> list[TargetHealth]:
    """Every target of the settings in their order, then those that are only left in the books."""
    group = columns(
        col(DeliveryRow.target),
        col(DeliveryRow.state),
        func.count(),
        func.max(col(DeliveryRow.sent_at)),
        func.min(col(DeliveryRow.next_at)),
    )
    counted: dict[str, dict[str, Any]] = {}
    for name, state, count, sent_at, next_at in session.execute(
        group.where(col(DeliveryRow.target) != _SPREAD).group_by(col(DeliveryRow.target), col(DeliveryRow.state))
    ):
        counted.setdefault(name, {})[state] = (count, sent_at, next_at)
    known = {target.name: target for target in settings.targets}
    return [_health(session, name, known.get(name), counted.get(name, {})) for name in [*known, *sorted(counted.keys() - known)]]


def _health(session: Session, name: str, target: AnyTarget | None, counted: dict[str, Any]) -> TargetHealth:
    last = select(DeliveryRow.error).where(DeliveryRow.target == name, DeliveryRow.state == "waiting", DeliveryRow.error != "")
    failing = session.exec(last.order_by(col(DeliveryRow.next_at).desc()).limit(1)).first()
    nothing = (0, None, None)
    return TargetHealth(
        name=name,
        kind=target.kind if target else "",
        events=target.events if target else (),
        urgent_only=target.urgent_only if target else False,
        configured=target is not None,
        sent_at=counted.get("sent", nothing)[1],
        waiting=counted.get("waiting", nothing)[0],
        dead=counted.get("dead", nothing)[0],
        next_at=counted.get("waiting", nothing)[2],
        failing=failing or "",
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification on its way to one target, with what it says."""

    row: DeliveryRow
    notification: NotificationRow


def listing(session: Session, *, state: str = "", target: str = "", skip: int = 0, limit: int = 50) -> list[Delivery]:
    """Deliveries, newest notification first; `state` and `target` leave everything when they are empty."""
    wanted = (
        select(DeliveryRow, NotificationRow)
        .join(NotificationRow, col(NotificationRow.id) == col(DeliveryRow.notification_id))
        .where(DeliveryRow.target != _SPREAD)
    )
    if state:
        wanted = wanted.where(DeliveryRow.state == state)
    if target:
        wanted = wanted.where(DeliveryRow.target == target)
    newest = wanted.order_by(col(NotificationRow.at).desc(), col(NotificationRow.id), col(DeliveryRow.target))
    return [Delivery(row, notification) for row, notification in session.exec(newest.offset(skip).limit(limit))]


def one(session: Session, notification_id: str, target: str) -> Delivery | None:
    """One delivery; None when there is none."""
    row, notification = session.get(DeliveryRow, (notification_id, target)), session.get(NotificationRow, notification_id)
    return Delivery(row, notification) if row is not None and notification is not None and target else None
