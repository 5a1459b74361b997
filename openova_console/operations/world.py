"""What the watch knows, as evidence items.

Drawn from the board at the instant of the decision, so that old data is unknown in it.
"""

from datetime import datetime
from typing import Any

from openova_console.handbook.words import Reading
from openova_console.operations.evidence import Freshness, Item, fresh, unknown
from openova_console.settings import Settings
from openova_console.watch.board import Board
from openova_console.watch.watch import Watch


class WatchedWorld:
    """The platform as the running watch sees it."""

    def __init__(self, watch: Watch, settings: Settings) -> None:
        self._watch, self._settings = watch, settings

    def items(self, now: datetime) -> dict[str, Item]:
        """Regions, quorum, replication, canaries, budget and the rest, by key."""
        return items_of(self._watch.board(now), self._settings, now)


def items_of(board: Board, settings: Settings, now: datetime) -> dict[str, Item]:
    """The board as evidence. Pure."""
    found: dict[str, Item] = {}
    budget_s = settings.freshness.kubernetes_s
    for row in board.regions:
        evidence = row.facts.evidence if row.facts else None
        place = f"region.{row.region.id}"
        found[f"{place}.api"] = _reading(evidence.api if evidence else None, now, budget_s)
        found[f"{place}.active"] = _reading(evidence.active if evidence else None, now, budget_s)
    found |= _canaries(board, settings, now)
    return found


def _reading(reading: Reading[Any] | None, now: datetime, budget_s: float) -> Item:
    """A reading with its class: fresh, stale, the last one before contact was lost, or unknown."""
    if reading is None or reading.value is None or reading.completeness != "full":
        return unknown((reading.error if reading else "") or "nothing was read yet", source=reading.source if reading else "")
    if reading.fresh(now, budget_s):
        return Item(freshness=Freshness.FRESH, value=reading.value, observed_at=reading.observed_at, source=reading.source)
    return Item(
        freshness=Freshness.LAST if reading.error else Freshness.STALE,
        value=reading.value,
        sentence=reading.why_not_fresh(now, budget_s),
        observed_at=reading.observed_at,
        source=reading.source,
    )


def _canaries(board: Board, settings: Settings, now: datetime) -> dict[str, Item]:
    silent = dict(board.delivery.silent)
    found = {
        f"region.{r.id}.canaries": unknown(silent[r.display]) if r.display in silent else fresh(True, at=now)
        for r in settings.regions
    }
    for row in board.delivery.rows:
        for cell in row.cells:
            if cell.progress is None:
                continue
            key = f"canary.{cell.region.id}/{row.namespace}/{row.name}"
            if cell.canary is None or cell.region.display in silent:
                found[key] = unknown(cell.progress.judgement.sentence)
                continue
            kind, _, name = cell.canary.target.partition(" ")
            value = {
                "target": f"{kind.lower()}s.apps/{row.namespace}/{name}",
                "in_flight": cell.progress.running,
                "phase": cell.canary.phase,
            }
            found[key] = fresh(value, cell.progress.judgement.sentence, at=now)
    return found
