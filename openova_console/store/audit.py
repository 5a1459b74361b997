"""The sealed audit: who did what, when, and what came of it, in one chain without gaps.

An event is appended in the caller's own transaction: it is kept if and only if the change that it speaks of is. On SQLite
a writer is alone from its beginning. On PostgreSQL the first append takes a lock that lasts until the transaction ends, so
append after the other writes of a transaction: whoever does it the other way round can wait for another in a circle.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select, text
from sqlmodel import Session, col

from openova_console.handbook.canonical import canonical, sha256_of
from openova_console.handbook.redaction import redacted
from openova_console.handbook.seals import START, seal_of
from openova_console.store.change_tables import AuditEvent

BODY_LIMIT = 64 * 1024
SEARCH_LIMIT = 500
_LIMITS = {"event": 60, "actor": 80, "operation_id": 32}
# Strings of a body that is too large are cut to the first of these lengths with which it fits.
_CUTS = (16_384, 4_096, 1_024, 256, 64)
# Any number, as long as nothing else in this database locks the same one.
_LOCK = 0x6175_6469_7421


def append(
    *, session: Session, event: str, actor: str, body: Mapping[str, Any], operation_id: str = "", now: datetime
) -> AuditEvent:
    """Add one sealed event at the end of the audit, in the caller's transaction.

    Args:
        session: a writing session; what it holds so far is flushed.
        event: what happened, as a dotted name, e.g. "step.acted"; at most 60 characters.
        actor: who did it; at most 80 characters.
        body: JSON values. It is redacted, and long strings are cut when it is larger than 64 KiB.
        operation_id: the operation that it belongs to, if any.
        now: aware.

    Raises:
        ValueError: a name is empty, too long or not printable, `now` has no time zone, or the body is no JSON.
    """
    for field, value in (("event", event), ("actor", actor), ("operation_id", operation_id)):
        if len(value) > _LIMITS[field] or not value.isprintable() or (field != "operation_id" and not value):
            raise ValueError(
                f"The {field} of an audit event needs 1 to {_LIMITS[field]} printable characters, not {value[:100]!r}."
            )
    if now.tzinfo is None:
        raise ValueError("The instant of an audit event needs a time zone.")
    kept = _kept(body)
    take_turn(session)
    seq, previous = head(session)
    row = AuditEvent(
        seq=seq + 1,
        at=instant(now),
        event=event,
        actor=actor,
        operation_id=operation_id,
        body=canonical(kept),
        previous=previous,
        seal="",
    )
    row.seal = seal_of({**row.model_dump(), "body": kept})
    session.add(row)
    session.flush()
    return row


def take_turn(session: Session) -> None:
    """Wait until nobody else appends; until the transaction ends nobody else does. For whoever looks before appending."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def instant(at: datetime) -> str:
    """An instant as the audit writes it: UTC with microseconds, so that text sorts as time does."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def head(session: Session) -> tuple[int, str]:
    """Number and seal of the newest event; 0 and 64 zeros when there is none."""
    newest = session.execute(
        select(col(AuditEvent.seq), col(AuditEvent.seal)).order_by(col(AuditEvent.seq).desc()).limit(1)
    ).first()
    return (newest[0], newest[1]) if newest else (0, START)


def search(
    session: Session,
    *,
    words: str = "",
    event: str = "",
    actor: str = "",
    operation_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before_seq: int | None = None,
    limit: int = 50,
) -> Sequence[AuditEvent]:
    """The newest events that fit all that is asked, newest first.

    Args:
        words: each of them occurs in the body or in a name; case does not matter.
        event: this name, or a name below it: "step" finds "step.acted".
        actor, operation_id: exactly this one.
        since, until: from this instant on, and before that one; aware.
        before_seq: only older events than this, for the next page.
        limit: at most so many, and never more than 500.
    """
    wanted = select(AuditEvent)
    for word in words.split():
        columns = (AuditEvent.body, AuditEvent.event, AuditEvent.actor, AuditEvent.operation_id)
        wanted = wanted.where(or_(*(col(column).icontains(word, autoescape=True) for column in columns)))
    if event:
        below = col(AuditEvent.event).startswith(f"{event}.", autoescape=True)
        wanted = wanted.where(or_(col(AuditEvent.event) == event, below))
    if actor:
        wanted = wanted.where(col(AuditEvent.actor) == actor)
    if operation_id:
        wanted = wanted.where(col(AuditEvent.operation_id) == operation_id)
    if since is not None:
        wanted = wanted.where(col(AuditEvent.at) >= instant(since))
    if until is not None:
        wanted = wanted.where(col(AuditEvent.at) < instant(until))
    if before_seq is not None:
        wanted = wanted.where(col(AuditEvent.seq) < before_seq)
    newest = wanted.order_by(col(AuditEvent.seq).desc()).limit(min(max(limit, 0), SEARCH_LIMIT))
    return session.execute(newest).scalars().all()


def events_of(session: Session, operation_id: str) -> Sequence[AuditEvent]:
    """All events of one operation, oldest first."""
    own = select(AuditEvent).where(col(AuditEvent.operation_id) == operation_id).order_by(col(AuditEvent.seq))
    return session.execute(own).scalars().all()


def _kept(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without secrets, without halves of surrogate pairs, and small enough."""
    clean: dict[str, Any] = _strings_cut(redacted(body), None)
    whole = canonical(clean)
    size = len(whole.encode())
    if size <= BODY_LIMIT:
        return clean
    for longest in _CUTS:
        cut: dict[str, Any] = _strings_cut(clean, longest)
        if len(canonical(cut).encode()) <= BODY_LIMIT:
            return cut
    return {
        "note": f"This had {size} bytes in too many parts to keep, and only its digest was kept.",
        "sha256": sha256_of(clean),
    }


def _strings_cut(value: Any, longest: int | None) -> Any:
    if isinstance(value, str):
        if longest is not None and len(value) > longest:
            return f"{value[:longest]}… ({len(value) - longest} more characters were cut)"
        return value.encode(errors="replace").decode() if not value.isascii() else value
    if isinstance(value, dict):
        return {_strings_cut(key, longest): _strings_cut(item, longest) for key, item in value.items()}
    return [_strings_cut(item, longest) for item in value] if isinstance(value, list) else value
