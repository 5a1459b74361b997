"""The shapes that panels show: frozen rows of finished words. Times are ISO instants; the browser ticks their ages."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a tile: label, value, verdict, and the source behind it ("" when there is none to show)."""

    label: str
    text: str
    verdict: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A label, its value, and what explains it."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter to press: what it says, where it leads, whether it is the present one."""

    label: str
    count: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class AlarmRow:
    verdict: str
    word: str
    title: str
    sentence: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class RegionTile:
    id: str
    name: str
    place: str
    role: str
    role_class: str
    verdict: str
    headline: str
    at: str
    fresh_s: float
    href: str
    looked_from: bool
    lines: list[Line] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    more: list[Fact] = field(default_factory=list)
    certificates: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LinkTile:
    seen_from: str
    kind: str
    verdict: str
    sentence: str
    handshake: str
    path: str
    at: str
    trace: str


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One witness about one region."""

    name: str
    address: str
    verdict: str
    word: str
    why: str
    at: str
    trace: str


@dataclass(frozen=True, slots=True)
class WitnessTile:
    region: str
    verdict: str
    sentence: str
    count: str
    at: str
    fresh_s: float
    votes: list[VoteRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a sparkline without samples: x and width in pixels."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class HopRow:
    """One leg of a path."""

    name: str
    verdict: str
    word: str
    lag: str
    sentence: str
    at: str


@dataclass(frozen=True, slots=True)
class UncoveredLine:
    """State that no row covers."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One replicated service on the board."""

    id: str
    title: str
    method: str
    objective: str
    verdict: str
    word: str
    lag: str
    at_risk: str
    direction: str
    transport: str
    sentence: str
    at: str
    fresh_s: float
    quiet: bool
    href: str
    trace: str
    other_trace: str
    spark: str = ""
    spark_limit: str = "0"
    gaps: list[Gap] = field(default_factory=list)
    hops: list[HopRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source's loop on the Sources page."""

    name: str
    verdict: str
    word: str
    cadence: str
    sentence: str
    at: str
    trace: str


@dataclass(frozen=True, slots=True)
class PointRow:
    """One row of the table behind a chart."""

    at: str
    value: str
    low: str
    high: str
    verdict: str


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation."""

    id: str
    label: str
    href: str
    hotkey: str
