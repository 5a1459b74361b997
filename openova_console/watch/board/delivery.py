"""Canaries of both regions, side by side by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.words import Judgement
from openova_console.settings import Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class DeliveryBoard:
    """Canaries of both regions, side by side by name.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()


def delivery_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> DeliveryBoard:
    """Judge at `now`."""
    return DeliveryBoard(Judgement.unknown("Not read yet"))
