"""What a region counted, for tests: healthy counts that end just before `NOW`, to be broken in one place."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from openova_console.handbook.burn import DAY, WINDOWS
from openova_console.handbook.slo import STEP_S, Counted, Counts, SloEvidence, Step
from openova_console.handbook.words import Reading
from tests.support.factories import NOW, ago

MONTH = 30 * DAY
BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, math.inf)
FAST = (0.22, 0.61, 0.80, 0.978, 0.994, 0.998, 0.9996, 1.0, 1.0)
SLOW = (0.04, 0.18, 0.33, 0.70, 0.82, 0.96, 0.995, 1.0, 1.0)


def outcomes(failed: float, total: float = 10_000) -> Counts:
    """`failed` is a share."""
    return Counts(total, total * failed)


def durations(shares: Sequence[float] = FAST, total: float = 10_000) -> Counts:
    buckets = tuple((bound, total * share) for bound, share in zip(BOUNDS, shares, strict=True))
    return Counts(total, total * (1 - shares[3]), buckets)


def steps(counts: Sequence[Counts], *, end_s: float = 0) -> tuple[Step, ...]:
    """Looks every half minute, the last one `end_s` before `NOW`."""
    last = NOW - timedelta(seconds=end_s)
    return tuple(Step(last - timedelta(seconds=STEP_S * n), c) for n, c in zip(reversed(range(len(counts))), counts, strict=True))


def counted(
    now: Counts, *, looks: int = 15, before: Counts | None = None, bad_looks: int | None = None, age_s: float = 1, **changes: Any
) -> Counted:
    """The same counts in every window; with `before`, only the last `bad_looks` looks say `now`."""
    bad = looks if bad_looks is None else bad_looks
    each = [before or now] * (looks - bad) + [now] * bad
    readings = {w: Reading(replace(now, buckets=()), "count", ago(age_s), "test") for w in (*WINDOWS, MONTH)}
    return Counted(Reading(steps(each), "count", ago(age_s), "test", **changes), readings)


def windows(base: Counted, shares: Mapping[int, float | None]) -> Counted:
    """`base` with another share of failures, or nothing at all, in some windows."""
    found = dict(base.windows)
    for window, share in shares.items():
        found[window] = (
            Reading.missing("count", "test", "Prometheus has no samples from then")
            if share is None
            else Reading(outcomes(share), "count", ago(1), "test")
        )
    return replace(base, windows=found)


def evidence(failed: float = 0.0004, shares: Sequence[float] = FAST, **more: Any) -> SloEvidence:
    return SloEvidence(counted(outcomes(failed), **more), counted(durations(shares), **more))
