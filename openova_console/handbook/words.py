"""The words that every room uses: Verdict, Judgement, Reading.

Unknown is a value. A measurement that is missing, stale, partial or contradictory is `Verdict.UNKNOWN`; it is never
zero and never green, and it never enlarges what is allowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from openova_console.handbook.speech import span

T_co = TypeVar("T_co", covariant=True)

CLOCK_SLACK_S = 5.0
"""How far ahead of ours a source's clock may be. More would let a dead source look fresh for that much longer."""


class Verdict(StrEnum):
    """How a measurement stands against its objective."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"
    BREACH = "breach"


_SEVERITY = {Verdict.OK: 0, Verdict.WARN: 1, Verdict.UNKNOWN: 2, Verdict.BREACH: 3}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict to show for a group: breach over unknown over warn over ok.

    An empty group is `UNKNOWN`: nothing was measured, so nothing is known to be well.
    """
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with the sentence that a person reads; the sentence is part of the contract."""

    verdict: Verdict
    sentence: str

    @classmethod
    def ok(cls, sentence: str) -> "Judgement":
        return cls(Verdict.OK, sentence)

    @classmethod
    def warn(cls, sentence: str) -> "Judgement":
        return cls(Verdict.WARN, sentence)

    @classmethod
    def breach(cls, sentence: str) -> "Judgement":
        return cls(Verdict.BREACH, sentence)

    @classmethod
    def unknown(cls, sentence: str) -> "Judgement":
        return cls(Verdict.UNKNOWN, sentence)


Completeness = Literal["full", "partial", "none"]


def young(age_s: float | None, budget_s: float) -> bool:
    """Whether evidence of this age in seconds may be judged: not older than the budget, and not from the future."""
    return age_s is not None and -min(CLOCK_SLACK_S, budget_s) <= age_s <= budget_s


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """One measured value.

    Attributes:
        value: the measurement, or None when there is none (`completeness` is then "none" and `error` says why).
        unit: "s", "B", "count", "bool", "text"; for a person and for exports.
        observed_at: UTC instant of the *sample* in the source system, not of the poll. None when there is no sample.
        source: what was asked, in words that an SRE can repeat, e.g. "prometheus region-2: cnpg_pg_replication_lag".
        completeness: "partial" when the source itself said that its answer is not whole.
        error: the sentence that explains a missing or partial value; empty when whole.
    """

    value: T_co | None
    unit: str
    observed_at: datetime | None
    source: str
    completeness: Completeness = "full"
    error: str = ""

    @classmethod
    def missing(cls, unit: str, source: str, error: str) -> "Reading[T_co]":
        """No value, with the reason that a person reads."""
        return cls(None, unit, None, source, "none", error)

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the sample was taken; None without a sample. Negative ages (clock skew) are kept as they are."""
        return None if self.observed_at is None else (now - self.observed_at).total_seconds()

    def fresh(self, now: datetime, budget_s: float) -> bool:
        """Whether the value may be judged: whole, present, and not older than `budget_s` seconds.

        A sample from the future (by more than `CLOCK_SLACK_S`) is not fresh either: one of the two clocks is wrong.
        """
        return self.value is not None and self.completeness == "full" and young(self.age_s(now), budget_s)

    def why_not_fresh(self, now: datetime, budget_s: float) -> str:
        """The reason why `fresh` is False, as the end of a sentence. Empty when it is fresh."""
        if self.fresh(now, budget_s):
            return ""
        age = self.age_s(now)
        if self.value is None or age is None:
            return self.error or "no sample"
        if self.completeness != "full":
            return self.error or "the answer is incomplete"
        if age < 0:
            return f"the sample is dated {span(-age)} in the future: a clock is wrong"
        return f"the last sample is {span(age)} old, the limit is {span(budget_s)}"
