"""The users' requests at the entrance of each region: how many, how many failed, how long they took.

Both entrances are in the DNS answers, the primary's with the greater weight. A region without power or without a way out
serves nobody: its users' requests are then counted nowhere. Its processes start from zero when it comes back.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import REGIONS, peer
from openova_console.lab.timeline import Conditions, Epoch
from openova_console.lab.waves import Rate

ERROR_SHARE, BURNING_SHARE = 0.0004, 0.03  # handbook: error rate < 0.1 %; the burn eats 30 times the budget
STANDBY_SHARE = 0.12
INFINITE = "+Inf"
FAST: Final = (
    ("0.01", 0.22),
    ("0.05", 0.61),
    ("0.1", 0.80),
    ("0.5", 0.978),
    ("1", 0.994),
    ("2", 0.998),
    ("5", 0.9996),
    ("10", 1.0),
    (INFINITE, 1.0),
)
"""The share of requests that take no longer than so many seconds."""
SLOW: Final = dict(zip((bound for bound, _ in FAST), (0.04, 0.18, 0.33, 0.70, 0.82, 0.96, 0.995, 1.0, 1.0), strict=True))
FAST_MEAN_S, SLOW_MEAN_S = 0.112, 0.684


@dataclass(frozen=True, slots=True)
class Served:
    """What one entrance has counted since its process started: requests, of these failed, of these slow ones."""

    requests: float = 0.0
    failed: float = 0.0
    slow: float = 0.0

    def within(self, bound: str) -> float:
        """How many requests took no longer than `bound` seconds (a bound of `FAST`)."""
        fast = next(share for known, share in FAST if known == bound)
        return (self.requests - self.slow) * fast + self.slow * SLOW[bound]

    @property
    def seconds(self) -> float:
        """How long all of them took together."""
        return (self.requests - self.slow) * FAST_MEAN_S + self.slow * SLOW_MEAN_S


class Traffic:
    """The entrances' behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._rate = Rate.daily(63.0, seed, "requests")

    def share(self, conditions: Conditions, region: str) -> float:
        """The share of all users' requests that `region` serves."""
        if "slo_no_traffic" in conditions.troubles or region in conditions.dead | conditions.isolated:
            return 0.0
        mine, other = region in conditions.postgres_primaries, peer(region)
        if mine == (other in conditions.postgres_primaries):
            return 0.5
        return 1 - STANDBY_SHARE if mine else STANDBY_SHARE

    def served(self, epoch: Epoch, region: str, t: float) -> Served:
        """What `region`'s entrance has counted by unix time `t`; never falls within an epoch."""
        conditions = epoch.conditions
        start = dict(epoch.carry.served).get(region, (0.0, 0.0, 0.0))
        new = self.share(conditions, region) * (self._rate.total(t) - self._rate.total(epoch.at))
        failing = BURNING_SHARE if conditions.failing_requests else ERROR_SHARE
        slow = 1.0 if "slo_latency_high" in conditions.troubles else 0.0
        return Served(*(max(0.0, old + new * part) for old, part in zip(start, (1.0, failing, slow), strict=True)))

    def inherit(self, last: Epoch, conditions: Conditions, t: float) -> tuple[tuple[str, tuple[float, float, float]], ...]:
        """What each entrance has counted when `last` ends at `t`; nothing where its process starts anew."""
        again = last.conditions.dead - conditions.dead
        if "slo_counter_reset" in conditions.troubles - last.conditions.troubles:
            again |= {REGIONS[0]}
        counted = {region: self.served(last, region, t) for region in REGIONS if region not in again}
        return tuple((region, (c.requests, c.failed, c.slow)) for region, c in counted.items())
