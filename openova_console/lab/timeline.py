"""What was true from when on: the lab's past, from which every sample is computed.

A scenario, a promotion or a fault on an exporter starts a new epoch. An epoch carries what the one before it left
behind (how far the standby had come, when packets last flowed), so that each sample is a pure function of the seed, the
epoch and the time, and a sample that was served once never changes.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from openova_console.lab.names import REGIONS

KEEP_S, KEEP = 32 * 86400.0, 5000
"""How long an epoch is kept, for the error budget's month, and how many at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The state of the platform.

    Attributes:
        dead: regions where nothing runs.
        isolated: regions without a way out: no link and no internet; inside them everything runs.
        link_up: whether packets pass between the regions.
        receiver_dead: the DR region's WAL receiver is gone while the link is fine.
        lagging: the DR region's databases take writes more slowly than they come.
        failing_requests: users see errors.
        mute: regions whose exporters give no answer to their Prometheus.
        troubles: single things that are broken; see `troubles`.
        postgres_primaries, valkey_primaries: regions that accept writes; two of them is a split brain.
    """

    dead: frozenset[str] = frozenset()
    isolated: frozenset[str] = frozenset()
    link_up: bool = True
    receiver_dead: bool = False
    lagging: bool = False
    failing_requests: bool = False
    mute: frozenset[str] = frozenset()
    troubles: frozenset[str] = frozenset()
    postgres_primaries: frozenset[str] = frozenset(REGIONS[:1])
    valkey_primaries: frozenset[str] = frozenset(REGIONS[:1])

    @property
    def connected(self) -> bool:
        """Whether a packet from one region reaches a living peer in the other."""
        return self.link_up and not self.dead and not self.isolated


@dataclass(frozen=True, slots=True)
class Objects:
    """MinIO's objects at an epoch's start.

    Attributes:
        unsent: those that are in region 1 alone.
        failed: those whose first attempt has failed, ever.
        away_since: since when region 1's MinIO does not reach region 2's; None while it does.
    """

    unsent: float = 0.0
    failed: float = 0.0
    away_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What an epoch inherits; positions are bytes since 1970, times are unix seconds.

    Attributes:
        wal: the standby's flushed WAL position at the epoch's start.
        wal_cut_at: since when no WAL has moved; None while it flows.
        offset: the Valkey replica's offset at the epoch's start.
        offset_cut_at: since when no write has reached the replica; None while they flow.
        lagging_since: since when the standbys fall behind.
        handshake: the last WireGuard handshake before the epoch's start.
        linked_since: since when packets pass between the regions.
        served: by region, requests, failed and slow ones that its entrance has counted up to the epoch's start.
        promoted_at: when each region's Valkey became a primary, for those that were not born one.
        halts: since when each of `streams.HALTS` stands still, for those that do.
        apart_since: since when no packet passes between living regions; None while they do.
        troubled: since when each trouble is on.
        objects: MinIO's objects: what has failed and what waits at the epoch's start.
    """

    wal: float = 0.0
    wal_cut_at: float | None = None
    offset: float = 0.0
    offset_cut_at: float | None = None
    lagging_since: float | None = None
    handshake: float = 0.0
    linked_since: float = 0.0
    served: tuple[tuple[str, tuple[float, float, float]], ...] = ()
    objects: Objects = Objects()
    promoted_at: tuple[tuple[str, float], ...] = ()
    halts: tuple[tuple[str, float], ...] = ()
    apart_since: float | None = None
    troubled: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Epoch:
    """A stretch of time under the same conditions, from unix time `at` until the next epoch."""

    at: float
    conditions: Conditions
    carry: Carry = field(default_factory=Carry)


class Timeline:
    """Epochs in order of time.

    Args:
        inherit: computes what a new epoch carries from the one that ends at the given time.
    """

    def __init__(self, inherit: Callable[[Epoch, Conditions, float], Carry], conditions: Conditions | None = None) -> None:
        self._inherit = inherit
        self._epochs = [Epoch(0.0, conditions or Conditions())]

    @property
    def current(self) -> Epoch:
        """The newest epoch."""
        return self._epochs[-1]

    def changes(self) -> list[float]:
        """The unix times at which the conditions changed, as far as they are kept, oldest first."""
        return [epoch.at for epoch in self._epochs[1:]]

    def at(self, t: float) -> Epoch:
        """The epoch that holds at unix time `t`."""
        return self._epochs[max(0, bisect_right(self._epochs, t, key=lambda epoch: epoch.at) - 1)]

    def change(self, conditions: Conditions, t: float) -> bool:
        """Start a new epoch at unix time `t`. Returns False, and does nothing, when the conditions hold already.

        A clock that was set back does not undo the past: the new epoch then starts where the last one did.
        """
        last = self._epochs[-1]
        if last.conditions == conditions:
            return False
        t = max(t, last.at)
        self._epochs.append(Epoch(t, conditions, self._inherit(last, conditions, t)))
        while len(self._epochs) > 2 and (self._epochs[1].at < t - KEEP_S or len(self._epochs) > KEEP):
            del self._epochs[0]
        return True
