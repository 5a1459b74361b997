"""What each service would have lost when that was last known: what an unplanned failover shows when the primary is gone.

Kept in memory from the boards that the watch draws anyway (every `cadence.replication_s` and more often). A console that was
started after contact was lost has seen nothing, and says so.
"""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.watch.board import Board


@dataclass(frozen=True, slots=True)
class Seen:
    """One service's loss as it was seen.

    Attributes:
        lag_s: seconds of writes that would have been lost.
        at: of the oldest sample behind it, UTC.
        verdict: of that moment.
    """

    lag_s: float
    at_risk_bytes: float | None
    at: datetime
    verdict: Verdict


class LastLoss:
    """Remembers per source region and service. `budget_s`: how old the region's API reading may be, in seconds."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._seen: dict[tuple[str, Service], Seen] = {}

    def see(self, board: Board) -> None:
        """Take note of every service whose loss is known while the source region answers and accepts writes."""
        source = next((row for row in board.regions if row.region is board.source), None)
        if source is None or source.facts is None or source.active is not True:
            return
        api = source.facts.evidence.api
        if not (api.fresh(board.at, self._budget_s) and api.value):
            return
        for row in board.replication:
            found = row.assessment
            if found.lag_s is None or found.observed_at is None or found.judgement.verdict is Verdict.UNKNOWN:
                continue
            seen = Seen(found.lag_s, found.at_risk_bytes, found.observed_at, found.judgement.verdict)
            self._seen[source.region.id, row.promise.service] = seen

    def of(self, region_id: str, service: Service) -> Seen | None:
        """What was last seen of a service of this source region; None when nothing was."""
        return self._seen.get((region_id, service))
