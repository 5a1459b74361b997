"""What each service would lose if the primary region died now, and how sure that is.

While the primary answers the board says it. Once its API is seen not to answer, the last figure before that counts, and the
time from its sample to the loss of contact is added: it is an upper bound of what was not seen to arrive. What users wrote
after contact was lost is in no figure, and the item says so.
"""

from collections.abc import Mapping
from datetime import datetime

from openova_console.handbook.replication import Service
from openova_console.handbook.speech import span
from openova_console.handbook.words import Verdict
from openova_console.operations.evidence import Freshness, Item, unknown
from openova_console.operations.facts import band
from openova_console.operations.world.classes import is_lost
from openova_console.operations.world.last import LastLoss, Seen
from openova_console.settings import Settings
from openova_console.watch.board import Board, ReplicationRow
from openova_console.watch.snapshot import Snapshot


def replication(
    board: Board, snapshot: Snapshot, settings: Settings, found: Mapping[str, Item], last: LastLoss | None, now: datetime
) -> dict[str, Item]:
    """One item per service, and "loss" for all of them together."""
    source = _source(board, found)
    lost = is_lost(found[f"region.{source}.api"])
    items: dict[str, Item] = {}
    for row in board.replication:
        item = _now(row, now) if source == board.source.id else unknown(f"{source} is the primary region and is not seen")
        seen = last.of(source, row.promise.service) if last is not None and lost else None
        if seen is not None:
            item = _worse(item, _before(row, seen, _lost_at(snapshot, source) or now, now))
        items[f"replication.{row.promise.service.value}"] = item
    return {**items, "loss": _together(items)}


def _worse(measured: Item, before: Item) -> Item:
    """What the surviving side measures alone counts only when it is no less than what was known before."""
    if measured.known and measured.value["loss_s"] is not None and measured.value["loss_s"] >= before.value["loss_s"]:
        return measured
    return before


def _source(board: Board, found: Mapping[str, Item]) -> str:
    """The region whose writes are at risk: the one that accepts them, or did when it was last read; else what the board says."""
    activity = found["activity"]
    active = activity.value["active"] if activity.value is not None else []
    return str(active[0]) if len(active) == 1 else board.source.id


def _now(row: ReplicationRow, now: datetime) -> Item:
    assessment, title = row.assessment, row.promise.title
    verdict = assessment.judgement.verdict
    if verdict is Verdict.UNKNOWN:
        return unknown(f"{title}: {assessment.judgement.sentence}")
    return Item(
        freshness=Freshness.FRESH,
        value=_value(row, verdict, assessment.lag_s, assessment.at_risk_bytes),
        sentence=f"{title}: {assessment.judgement.sentence}",
        observed_at=assessment.observed_at or now,
    )


def _before(row: ReplicationRow, seen: Seen, lost_at: datetime, now: datetime) -> Item:
    loss_s = seen.lag_s + max(0.0, (lost_at - seen.at).total_seconds())
    rests = f"by the last reading {span((now - seen.at).total_seconds())} ago; later writes are not counted"
    return Item(
        freshness=Freshness.LAST,
        value=_value(row, seen.verdict, loss_s, seen.at_risk_bytes),
        sentence=f"{row.promise.title}: up to {span(loss_s)} of writes, {rests}",
        observed_at=seen.at,
    )


def _value(row: ReplicationRow, verdict: Verdict, loss_s: float | None, at_risk: float | None) -> dict[str, object]:
    return {
        "title": row.promise.title,
        "verdict": verdict.value,
        "loss_s": loss_s,
        "band": band(loss_s).value if loss_s is not None else "",
        "bytes": at_risk,
    }


def _lost_at(snapshot: Snapshot, region_id: str) -> datetime | None:
    """When the region's API was first seen not to answer."""
    health = snapshot.collectors.get(f"kubernetes/{region_id}")
    return health.down_since if health else None


def _together(items: Mapping[str, Item]) -> Item:
    """The loss of all services: the longest, in its band. Not known as long as one service's is not."""
    for service in Service:
        item = items.get(f"replication.{service.value}") or unknown("it was not looked at")
        if item.value is None or item.value["loss_s"] is None:
            return unknown(f"the loss is not known: {item.sentence}")
    longest = max((item.value for item in items.values()), key=lambda value: float(value["loss_s"]))
    last = any(item.freshness is Freshness.LAST for item in items.values())
    return Item(
        freshness=Freshness.LAST if last else Freshness.FRESH,
        value={"loss_s": longest["loss_s"], "band": longest["band"], "title": longest["title"]},
        sentence=f"{longest['band']} of writes ({longest['title']})",
        observed_at=min((item.observed_at for item in items.values() if item.observed_at), default=None),
    )
