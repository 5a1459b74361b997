"""The rows of the board: configuration, facts and verdict of one thing each, as the pages show them."""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.regions import Item, RegionAssessment
from openova_console.handbook.replication import Assessment, Objective, Promise
from openova_console.handbook.witnesses import Quorum
from openova_console.handbook.words import Judgement, Verdict
from openova_console.settings import Region
from openova_console.watch.snapshot import LinkFacts, RegionFacts, WitnessFacts


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One region's tile: configuration, facts (None before the first read), assessment (None before that too)."""

    region: Region
    facts: RegionFacts | None
    assessment: RegionAssessment | None
    controller: Item
    verdict: Verdict
    headline: str
    observed_at: datetime | None
    active: bool | None


@dataclass(frozen=True, slots=True)
class LinkRow:
    """The link as seen from one region."""

    seen_from: Region
    facts: LinkFacts | None
    judgement: Judgement
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """The witnesses about one region."""

    region: Region
    quorum: Quorum
    votes: tuple[WitnessFacts, ...]
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplicationRow:
    """One replicated service. `measured` is False while the console does not read this service."""

    promise: Promise
    objective: Objective
    assessment: Assessment
    direction: str
    measured: bool
    traces: tuple[str, ...]
    fresh_s: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """A line of the strip on top of the page."""

    verdict: Verdict
    title: str
    sentence: str
