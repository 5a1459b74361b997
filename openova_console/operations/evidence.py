"""Evidence: what a decision rests on, each item with its age and its class, frozen as data.

Classes: fresh; stale (older than its budget); unknown (missing, partial, contradictory); and *last*: the last reading before
contact was lost, with its age. An unplanned failover may rest on the last class; nothing else may.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from openova_console.operations.plan import Data


class Freshness(StrEnum):
    """How far an item can be relied on."""

    FRESH = "fresh"
    STALE = "stale"
    UNKNOWN = "unknown"
    LAST = "last"


class Item(Data):
    """One thing that is known, or that is known to be unknown.

    Attributes:
        value: JSON; None when unknown.
        sentence: what a person reads.
        observed_at: UTC instant of the sample; None when there is none.
        source: what was asked.
    """

    freshness: Freshness
    value: Any = None
    sentence: str = ""
    observed_at: datetime | None = None
    source: str = ""

    @property
    def known(self) -> bool:
        """Whether a guard may rest on it."""
        return self.freshness is Freshness.FRESH and self.value is not None

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the sample; None without one."""
        return None if self.observed_at is None else (now - self.observed_at).total_seconds()


class Evidence(Data):
    """Everything that was gathered for one decision at `at`, by key; see `docs/engine.md` for the keys."""

    at: datetime
    items: Mapping[str, Item] = Field(default_factory=dict)

    def get(self, key: str) -> Item:
        """The item; an unknown one when nothing was gathered under this key."""
        return self.items.get(key) or unknown("nothing was gathered about it")

    def under(self, prefix: str) -> Mapping[str, Item]:
        """The items whose key begins with this."""
        return {key: item for key, item in self.items.items() if key.startswith(prefix)}

    def with_items(self, items: Mapping[str, Item]) -> "Evidence":
        """The same with more items."""
        return Evidence(at=self.at, items={**self.items, **items})


def fresh(value: Any, sentence: str = "", *, at: datetime, source: str = "") -> Item:
    """Something that is known now."""
    return Item(freshness=Freshness.FRESH, value=value, sentence=sentence, observed_at=at, source=source)


def unknown(sentence: str, *, source: str = "") -> Item:
    """Something that is not known, and why."""
    return Item(freshness=Freshness.UNKNOWN, sentence=sentence, source=source)
