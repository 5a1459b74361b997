"""Global load balancing: what resolvers and each region's CoreDNS answer against what is expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.words import Judgement
from openova_console.settings import Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class GslbBoard:
    """Global load balancing: what resolvers and each region's CoreDNS answer against what is expected.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()


def gslb_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> GslbBoard:
    """Judge at `now`."""
    return GslbBoard(Judgement.unknown("Not read yet"))
