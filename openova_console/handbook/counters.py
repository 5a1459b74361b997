"""Arithmetic over samples of counters and histograms, as PromQL does it, so that both give the same figure.

`increase` is Prometheus' own (promql/functions.go, extrapolatedRate, 2.42): a fall is a restart from zero, and the ends of
the window are extrapolated by at most half a gap. `quantile` is bucketQuantile (promql/quantile.go).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

Sample = tuple[float, float]
"""Unix time in seconds, and a counter's value."""
Bucket = tuple[float, float]
"""Upper bound of a histogram's bucket (inclusive), and how many observations are not above it."""


def increase(samples: Sequence[Sample], start: float, end: float) -> float | None:
    """How much a counter grew between `start` and `end` (unix seconds).

    Args:
        samples: those within the window, oldest first.

    Returns:
        None with fewer than two samples: one sample says nothing of growth. NaN when a sample is not a number.
    """
    if len(samples) < 2 or samples[-1][0] <= samples[0][0]:
        return None
    if not all(math.isfinite(value) for _, value in samples):
        return math.nan
    grown = samples[-1][1] - samples[0][1]
    for (_, before), (_, after) in pairwise(samples):
        if after < before:
            grown += before
    return extrapolated(grown, samples[0], samples[-1], len(samples), start, end)


def extrapolated(grown: float, first: Sample, last: Sample, count: int, start: float, end: float) -> float:
    """Stretch what grew between the first and the last of `count` (two or more) samples to the whole window."""
    seen = last[0] - first[0]
    gap = seen / (count - 1)
    to_start, to_end = first[0] - start, end - last[0]
    if grown > 0 and first[1] >= 0:
        # A counter is never negative: it cannot have been growing like this since before it was zero.
        to_start = min(to_start, seen * first[1] / grown)
    near = gap * 1.1
    stretched = seen + (to_start if to_start < near else gap / 2) + (to_end if to_end < near else gap / 2)
    return grown * stretched / seen


def quantile(share: float, buckets: Sequence[Bucket]) -> float | None:
    """The value that `share` (0…1) of the observations do not exceed, by linear interpolation within its bucket.

    Returns:
        None without observations, without a bucket that ends at infinity, or with that one alone. When the value lies in the
        infinite bucket, the bound below it: the true value is higher.
    """
    found: dict[float, float] = {}
    for bound, count in buckets:
        found[bound] = found.get(bound, 0.0) + count
    bounds = sorted(found)
    if len(bounds) < 2 or bounds[-1] != math.inf or not all(math.isfinite(count) for count in found.values()):
        return None
    counts: list[float] = []
    for bound in bounds:
        # Counts of one instant may disagree by a scrape: a wider bucket never holds less than a narrower one.
        counts.append(max(found[bound], counts[-1] if counts else 0.0))
    if counts[-1] <= 0:
        return None
    rank = share * counts[-1]
    index = bisect_left(counts, rank, hi=len(counts) - 1)
    if index == len(counts) - 1:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0:
        return bounds[0]
    lower, below = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0.0)
    within = counts[index] - below
    return lower + (bounds[index] - lower) * ((rank - below) / within if within else 0.0)
