"""From a reading to an evidence item: its class of freshness, its age, its value as JSON."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from openova_console.handbook.speech import span
from openova_console.handbook.words import Reading
from openova_console.operations.evidence import Freshness, Item, unknown

T = TypeVar("T")


def as_item(
    reading: Reading[T] | None,
    now: datetime,
    budget_s: float,
    *,
    lost: bool,
    value: Callable[[T], Any] = lambda found: found,
) -> Item:
    """A reading with its class.

    Args:
        budget_s: greatest age in seconds of a fresh sample.
        lost: whether its region's Kubernetes API is seen not to answer: an old sample is then the last before contact was lost.
        value: makes JSON of what was read.
    """
    if reading is None:
        return unknown("nothing was read yet")
    age = reading.age_s(now)
    if reading.value is None or age is None or reading.completeness != "full":
        return unknown(reading.error or "nothing was read yet", source=reading.source)
    sentence = reading.why_not_fresh(now, budget_s)
    if not sentence:
        freshness, sentence = Freshness.FRESH, reading.error
    elif lost and age >= 0:
        freshness, sentence = Freshness.LAST, f"as last read, {span(age)} ago, before contact was lost"
    else:
        freshness = Freshness.STALE
    return Item(
        freshness=freshness,
        value=value(reading.value),
        sentence=sentence,
        observed_at=reading.observed_at,
        source=reading.source,
    )


def is_lost(api: Item) -> bool:
    """Whether a region's Kubernetes API is seen not to answer. Not knowing whether it answers is not that."""
    return api.known and api.value is False
