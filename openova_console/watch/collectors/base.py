"""What a collector is, and the helpers that all of them use."""

from datetime import UTC, datetime
from typing import Protocol, TypeVar

from openova_console.handbook.words import Reading
from openova_console.systems.prometheus import Point, Window

T = TypeVar("T")


class Collector(Protocol):
    """One source of one region, read again and again by the supervisor.

    Attributes:
        name: "<source>/<region id>", also the key of its trace under "Show source".
        cadence_s: seconds between two reads.
    """

    name: str
    cadence_s: float

    async def read(self) -> None:
        """Read once and put the readings into the snapshot. Raises `Fault` when the source did not give them."""

    async def close(self) -> None:
        """Let go of connections and tasks."""


def utc_now() -> datetime:
    """The console's clock."""
    return datetime.now(UTC)


def number(point: Point | None, unit: str, window: Window, what: str, note: str = "") -> Reading[float]:
    """A reading from a Prometheus sample, dated by the sample; missing when there is none."""
    source = f"{window.source}: {what}"
    if point is None:
        return Reading.missing(unit, source, note or f"{what} has no sample")
    if point.value != point.value or point.value in (float("inf"), float("-inf")):
        return Reading.missing(unit, source, f"{what} is not a number")
    if window.warnings:
        return Reading(point.value, unit, point.at, source, "partial", "Prometheus says that its answer is not whole")
    return Reading(point.value, unit, point.at, source)


def flag(point: Point | None, window: Window, what: str, note: str = "") -> Reading[bool]:
    """A 0/1 sample as a boolean reading. Any other value is not a state, so it is missing."""
    reading = number(point, "bool", window, what, note)
    if reading.value is None:
        return Reading.missing("bool", reading.source, reading.error)
    if reading.value not in (0.0, 1.0):
        return Reading.missing("bool", reading.source, f"{what} is {reading.value:g}, neither 0 nor 1")
    return Reading(reading.value == 1.0, "bool", reading.observed_at, reading.source, reading.completeness, reading.error)
