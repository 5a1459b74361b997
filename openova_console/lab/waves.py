"""Deterministic noise, and a rate that varies by time of day and can be integrated exactly.

A counter must equal the integral of its rate at every instant, or two reads of the same second would disagree.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b


def unit(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but `parts`."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def hexdigits(length: int, *parts: object) -> str:
    """`length` (at most 128) hexadecimal digits that depend on nothing but `parts`."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=64).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class Wave:
    """One sine of a rate: share of the mean, period in seconds, phase in radians."""

    share: float
    period_s: float
    phase: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Something per second: a mean with waves on it. The shares sum to less than 1, so that it is never negative."""

    mean: float
    waves: tuple[Wave, ...]

    @classmethod
    def daily(cls, mean: float, *parts: object) -> "Rate":
        """A rate with a quiet night, a busy afternoon (UTC) and shorter swings whose phases come from `parts`."""
        afternoon = -2 * math.pi * 9 / 24
        short = (
            Wave(share, period, 2 * math.pi * unit(*parts, period)) for share, period in ((0.18, 613), (0.12, 97), (0.06, 23))
        )
        return cls(mean, (Wave(0.45, 86400, afternoon), *short))

    def at(self, t: float) -> float:
        """The rate at unix time `t`."""
        return self.mean * (1 + sum(w.share * math.sin(2 * math.pi * t / w.period_s + w.phase) for w in self.waves))

    def total(self, t: float) -> float:
        """What has accumulated between 1970 and unix time `t`; never falls as `t` grows."""
        swing = 0.0
        for w in self.waves:
            pace = 2 * math.pi / w.period_s
            swing += w.share / pace * (math.cos(w.phase) - math.cos(pace * t + w.phase))
        return self.mean * (t + swing)
