"""Alerts of both regions by severity, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.words import Judgement
from openova_console.settings import Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AlertsBoard:
    """Alerts of both regions by severity, newest first.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()


def alerts_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> AlertsBoard:
    """Judge at `now`."""
    return AlertsBoard(Judgement.unknown("Not read yet"))
