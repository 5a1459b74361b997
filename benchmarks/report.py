"""A row of the report, and how rows are printed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what, how much, the limit or the peer beside it, and whether it holds."""

    what: str
    figure: str
    limit: str
    holds: bool | None


def show(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | measured | limit | |", "|---|---:|---:|---|"]
    words = {True: "holds", False: "**over**", None: ""}
    return "\n".join([*lines, *(f"| {r.what} | {r.figure} | {r.limit} | {words[r.holds]} |" for r in rows)])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of the values lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
