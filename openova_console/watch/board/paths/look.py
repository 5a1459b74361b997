"""What every path is asked with, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Assessment, Objective
from openova_console.handbook.words import Judgement
from openova_console.settings import Region, Settings
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Look:
    """The question: what would this service lose if `primary` died at `now`?"""

    snapshot: Snapshot
    settings: Settings
    primary: Region
    standby: Region
    goal: Objective
    now: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """The answer.

    Attributes:
        measured: False while the settings do not say where this service is read.
        traces: keys of the exchanges behind it, the primary's first.
        fresh_s: how old its samples may be, in seconds.
    """

    assessment: Assessment
    measured: bool = True
    traces: tuple[str, ...] = ()
    fresh_s: float = 0.0

    @classmethod
    def not_configured(cls, what: str) -> "Found":
        """The row of a service that is not read; `what` names the settings that are missing."""
        return cls(Assessment(Judgement.unknown(f"Not configured: add {what} to the settings")), measured=False)
