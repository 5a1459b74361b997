"""Are the users served well? The three service level indicators, by the handbook's own limits ("Monitoring SLOs").

What a region counted comes as `Counts` of one window: ratios are drawn from sums of counts, never from means of ratios. A
region whose counts are missing or old makes the sum unknown: users whom nobody counted may have been turned away. No
request at all is unknown too, neither 0 % nor 100 %. Burn rates and the error budget are in `burn`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from openova_console.handbook.counters import Bucket, quantile
from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading, young

SHORT_S = 300
"""The handbook judges five minutes."""
STEP_S = 30
"""How far apart the instants are at which those five minutes are looked at, aligned to the clock in every region."""


class Sli(StrEnum):
    """What is measured of the users' requests."""

    AVAILABILITY = "availability"
    LATENCY = "latency"
    ERROR_RATE = "error_rate"


TITLES = {Sli.AVAILABILITY: "Availability", Sli.LATENCY: "Latency (p95)", Sli.ERROR_RATE: "Error rate"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted within one window.

    Attributes:
        total: requests.
        bad: of these, the ones that failed, or that took longer than the target.
        buckets: the latency histogram, cumulative; empty where outcomes are counted.
    """

    total: float
    bad: float
    buckets: tuple[Bucket, ...] = ()

    @property
    def known(self) -> bool:
        """Whether every count is a number."""
        return math.isfinite(self.total) and math.isfinite(self.bad) and all(math.isfinite(n) for _, n in self.buckets)


@dataclass(frozen=True, slots=True)
class Step:
    """The five minutes that ended at `at` (UTC)."""

    at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class Counted:
    """What one region counted of one thing: the outcomes of requests, or how long they took.

    Attributes:
        steps: the last five minutes, looked at every `STEP_S`, oldest first; dated by the newest sample.
        windows: longer windows by their length in seconds.
    """

    steps: Reading[tuple[Step, ...]]
    windows: Mapping[int, Reading[Counts]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SloEvidence:
    """What ONE region says. Availability and error rate are drawn from `outcomes`, latency from `durations`."""

    outcomes: Counted
    durations: Counted

    def of(self, sli: Sli) -> Counted:
        return self.durations if sli is Sli.LATENCY else self.outcomes


@dataclass(frozen=True, slots=True)
class Goal:
    """One indicator's objective.

    Attributes:
        target: what it should be: a share for availability and error rate, seconds for latency.
        alert: the handbook's limit, in the same unit.
        hold_s: seconds for which the limit must be broken.
        good: the share of requests that must be good; the rest is the error budget.
    """

    sli: Sli
    target: float
    alert: float
    hold_s: float
    good: float

    def value(self, counts: Counts) -> float | None:
        """The indicator; None without requests, or when it cannot be drawn from these counts."""
        if not counts.known or counts.total <= 0:
            return None
        if self.sli is Sli.LATENCY:
            return quantile(self.good, counts.buckets)
        failed = min(1.0, max(0.0, counts.bad / counts.total))
        return 1 - failed if self.sli is Sli.AVAILABILITY else failed

    def met(self, value: float) -> bool:
        """Whether the target is met ("99.9 %", "<500 ms", "<0.1 %")."""
        return value >= self.target if self.sli is Sli.AVAILABILITY else value < self.target

    def broken(self, value: float) -> bool:
        """Whether the handbook's limit is broken ("<99.5 %", ">1 s", ">1 %")."""
        return value < self.alert if self.sli is Sli.AVAILABILITY else value > self.alert

    def words(self, value: float) -> str:
        """The indicator as people say it."""
        return took(value) if self.sli is Sli.LATENCY else percent(value)


@dataclass(frozen=True, slots=True)
class Standing:
    """One indicator by the handbook's limit.

    Attributes:
        value: over the last five minutes; None when not known.
        requests: how many requests that rests on.
        beyond: whether the limit is broken now, however long.
        observed_at: the oldest of the newest samples that it rests on.
    """

    judgement: Judgement
    value: float | None = None
    requests: float = 0.0
    beyond: bool = False
    observed_at: datetime | None = None


Scope = Sequence[tuple[str, Counted]]
"""Whose requests are judged: the name and the counts of one region, or of each that users are sent to."""


def judge_sli(goal: Goal, scope: Scope, *, now: datetime, budget_s: float) -> Standing:
    """Grade one indicator by the handbook's static rule.

    Args:
        scope: every region whose users count. All of them must be known.
        budget_s: the greatest age of a sample.

    Returns:
        Breach when the limit was broken at every look for `hold_s`; warn while it is broken for less, or while the target
        alone is missed; unknown without fresh counts of every region, and without requests.
    """
    at = min((c.steps.observed_at for _, c in scope if c.steps.observed_at), default=None)
    for name, counted in scope:
        if reason := counted.steps.why_not_fresh(now, budget_s):
            return Standing(Judgement.unknown(_not_known(scope, name, reason)), observed_at=at)
    steps = common([counted.steps.value or () for _, counted in scope])
    if not steps or not young((now - steps[-1].at).total_seconds(), budget_s + STEP_S):
        return Standing(Judgement.unknown("Not known: the regions' counts are not of the same time"), observed_at=at)
    last = steps[-1].counts
    value = goal.value(last)
    if value is None:
        return Standing(Judgement.unknown(_no_value(last)), observed_at=at)
    held_s = _held(goal, steps)
    return Standing(_grade(goal, value, last, held_s), value, last.total, goal.broken(value), at)


def common(regions: Sequence[Sequence[Step]]) -> list[Step]:
    """The instants at which every region was looked at, with the counts of all added up, oldest first."""
    by_region = [{step.at: step.counts for step in steps} for steps in regions]
    shared = sorted(set.intersection(*map(set, by_region))) if by_region else []
    return [Step(at, together([counts[at] for counts in by_region])) for at in shared]


def together(counts: Sequence[Counts]) -> Counts:
    """The sum. Histograms whose buckets end elsewhere cannot be added: the sum then has none."""
    buckets: tuple[Bucket, ...] = ()
    filled = [dict(c.buckets) for c in counts if c.total > 0 or c.buckets]
    if filled and all(set(b) == set(filled[0]) for b in filled):
        buckets = tuple((bound, math.fsum(b[bound] for b in filled)) for bound in sorted(filled[0]))
    return Counts(math.fsum(c.total for c in counts), math.fsum(c.bad for c in counts), buckets)


def percent(share: float) -> str:
    """A share in percent, with as many digits as tell 99.9 from 99.95."""
    value = share * 100
    if value > 99:
        # Rounded down: 99.996 % must not be shown as more than it is.
        return f"{math.floor(value * 100 + 1e-9) / 100:g} %"
    if 0 < value < 0.001:
        return "<0.001 %"
    return f"{value:.2g} %" if value < 10 else f"{value:.3g} %"


def took(seconds: float) -> str:
    """A latency as the handbook writes it: 437 ms, 1.9 s."""
    return f"{round(seconds * 1000)} ms" if seconds < 0.9995 else span(seconds)


def _held(goal: Goal, steps: Sequence[Step]) -> float:
    """For how many seconds, back from the last look, the limit was broken at every look."""
    since = steps[-1].at
    for step in reversed(steps):
        value = goal.value(step.counts)
        if since - step.at > timedelta(seconds=STEP_S) or value is None or not goal.broken(value):
            break
        since = step.at
    return (steps[-1].at - since).total_seconds()


def _grade(goal: Goal, value: float, counts: Counts, held_s: float) -> Judgement:
    what = {
        Sli.AVAILABILITY: f"{goal.words(value)} of {round(counts.total):,} requests were answered well",
        Sli.LATENCY: _took(goal, value, counts),
        Sli.ERROR_RATE: f"{goal.words(value)} of {round(counts.total):,} requests failed",
    }[goal.sli]
    limit, target = goal.words(goal.alert), goal.words(goal.target)
    if not goal.broken(value):
        if goal.met(value):
            return Judgement.ok(f"{what} in 5 min; the target is {target}")
        return Judgement.warn(f"{what} in 5 min: it misses the target of {target}, the limit is {limit}")
    if held_s >= goal.hold_s:
        return Judgement.breach(f"{what}: beyond the limit of {limit} for {span(goal.hold_s)} and more")
    since = f"for {span(held_s)}" if held_s else "just now"
    return Judgement.warn(f"{what}: beyond the limit of {limit} {since}; it counts after {span(goal.hold_s)}")


def _took(goal: Goal, value: float, counts: Counts) -> str:
    """The quantile in words; beyond the last bound nobody knows how long the slowest took."""
    if counts.buckets and value >= max((bound for bound, _ in counts.buckets if math.isfinite(bound)), default=math.inf):
        return f"{100 - goal.good * 100:g} of 100 requests took longer than {goal.words(value)}"
    return f"{goal.good * 100:g} of 100 requests took less than {goal.words(value)}"


def _not_known(scope: Scope, name: str, reason: str) -> str:
    return f"Not known, {name}: {reason}" if len(scope) > 1 else f"Not known: {reason}"


def _no_value(counts: Counts) -> str:
    if not counts.known:
        return "Not known: a count is not a number"
    if counts.total <= 0:
        return "No requests in the last 5 min: nothing to judge"
    return "Not known: the regions' latency buckets cannot be added up"
