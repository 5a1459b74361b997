"""Freezes: the kill switch, here and at the other region's console.

Each console writes its own freezes, signed, as a ConfigMap into both regions' Kubernetes APIs, and reads the other's from the
other region. One that cannot be read is unknown, and unknown holds. A freeze needs no approval and a reason; so does lifting
it.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, or_, select

from openova_console.handbook.canonical import canonical
from openova_console.handbook.speech import span
from openova_console.operations.clusters import Clusters
from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.operations.signing import sign_document
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import FreezeRow
from openova_console.systems import kinds
from openova_console.systems.errors import Absent, Fault

RECORD = "openova-freezes-{region}"
"""Name of the ConfigMap in which the console of a region tells what it has frozen."""
_KEEP_S = 5.0


class FreezeError(Exception):
    """A freeze cannot be set or lifted; the message is one sentence."""


class Freezes:
    """Reads freezes. `replicate` is done by `records.Records`, which holds the permit."""

    def __init__(self, settings: Settings, engine: Engine, clusters: Clusters, key: bytes) -> None:
        self._settings, self._engine, self._clusters, self._key = settings, engine, clusters, key
        self._seen: tuple[datetime, Item] | None = None

    def own(self, opened: Session, now: datetime) -> list[dict[str, Any]]:
        """What this console has frozen, as guards read it."""
        return [as_document(row) for row in active(opened, now)]

    async def others(self, now: datetime) -> Item:
        """What the other region's console has frozen; unknown when its record cannot be read or is not signed by our key."""
        other = next((r for r in self._settings.regions if r.id != self._settings.console.looks_from), None)
        if other is None or not self._settings.operations.other_console:
            return fresh([], "There is no other console", at=now, source="settings")
        if self._seen is not None and now - self._seen[0] < timedelta(seconds=_KEEP_S):
            return self._seen[1]
        item = await self._read(other.id, other.display, now)
        self._seen = (now, item)
        return item

    async def _read(self, region_id: str, display: str, now: datetime) -> Item:
        source, name = f"{display}: ConfigMap", RECORD.format(region=region_id)
        try:
            api = await self._clusters.of(region_id)
            document = (await api.get(kinds.CONFIG_MAPS, self._settings.operations.namespace, name)).body
        except Absent:
            return fresh([], f"{display}'s console has never frozen anything", at=now, source=source)
        except Fault as fault:
            return unknown(fault.sentence, source=source)
        try:
            data = document["data"]
            record = json.loads(data["freezes"])
            signature = str(data["signature"])
        except (KeyError, TypeError, ValueError):
            return unknown(f"the record of {display}'s console cannot be read", source=source)
        if not hmac.compare_digest(sign_document(self._key, {"region": region_id, "freezes": record}), signature):
            return unknown(f"the record of {display}'s console is not signed with this console's key", source=source)
        standing = [f for f in record if not f["until"] or datetime.fromisoformat(f["until"]) > now]
        sentence = f"{display}'s console has frozen nothing" if not standing else f"{display}'s console has frozen something"
        return fresh(standing, sentence, at=now, source=source)

    def record(self, opened: Session, now: datetime) -> Mapping[str, str]:
        """The data of this console's own ConfigMap."""
        region = self._settings.console.looks_from
        freezes = self.own(opened, now)
        return {"freezes": canonical(freezes), "signature": sign_document(self._key, {"region": region, "freezes": freezes})}


def active(opened: Session, now: datetime) -> list[FreezeRow]:
    """The freezes that stand."""
    question = select(FreezeRow).where(
        col(FreezeRow.lifted_at).is_(None), or_(col(FreezeRow.until).is_(None), col(FreezeRow.until) > now)
    )
    return list(opened.exec(question.order_by(col(FreezeRow.at))))


def as_document(row: FreezeRow) -> dict[str, Any]:
    """A freeze as it is judged and replicated."""
    return {
        "id": row.id,
        "scope": row.scope,
        "value": row.value,
        "reason": row.reason,
        "by": row.by,
        "at": row.at.isoformat(),
        "until": row.until.isoformat() if row.until else "",
    }


def freeze(
    *,
    session: Session,
    settings: Settings,
    kinds_known: frozenset[str],
    scope: str,
    value: str,
    reason: str,
    actor: str,
    until: datetime | None,
    now: datetime,
) -> FreezeRow:
    """Set a freeze. Raises `FreezeError`."""
    regions = {r.id for r in settings.regions}
    known = {"all": {""}, "region": regions, "kind": set(kinds_known)}.get(scope)
    if known is None:
        raise FreezeError("What to freeze must be all, region or kind.")
    if value not in known:
        raise FreezeError(f"{value or 'Nothing'} is no {scope}: choose one of {', '.join(sorted(known))}.")
    if until is not None and until <= now:
        raise FreezeError(f"The end lies {span((now - until).total_seconds())} in the past: choose a later one, or none.")
    row = FreezeRow(
        id=secrets.token_hex(16),
        scope=scope,
        value=value,
        reason=reason,
        by=actor,
        origin=settings.console.looks_from,
        at=now,
        until=until,
    )
    session.add(row)
    session.flush()
    audit.append(session=session, event="freeze.set", actor=actor, body=as_document(row), now=now)
    return row


def lift(*, session: Session, freeze_id: str, reason: str, actor: str, now: datetime) -> FreezeRow:
    """Lift a freeze. Raises `FreezeError` when there is none of that id that stands."""
    row = session.get(FreezeRow, freeze_id)
    if row is None or row.lifted_at is not None or (row.until is not None and row.until <= now):
        raise FreezeError("This freeze does not stand any more.")
    row.lifted_at, row.lifted_by, row.lifted_reason = now, actor, reason
    session.add(row)
    body = {**as_document(row), "lifted_reason": reason}
    audit.append(session=session, event="freeze.lifted", actor=actor, body=body, now=now)
    return row
