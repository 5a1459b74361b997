"""The Valkey pair: what INFO says at both ends, with offsets that move.

Measured on a real pair: while packets are merely lost, both ends still say `online` and `up` until `repl-timeout` has
passed; only `lag` and `master_last_io_seconds_ago` grow. A reset is seen at once. A replica's `master_repl_offset` is
its own.
"""

from dataclasses import dataclass

from openova_console.lab.names import peer
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import Rate, hexdigits, unit

TIMEOUT_S = 60  # repl-timeout as shipped
BACKLOG = 1048576
FALL_BEHIND, MAX_LAG_S = 4.0, 46.0  # the lag stays under repl-timeout, or the link would be dropped
NO_ID = "0" * 40


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica's end of the link; `last_io_s` is -1 and `down_since_s` a number while the link is down."""

    link_up: bool
    last_io_s: int
    down_since_s: int | None


@dataclass(frozen=True, slots=True)
class Attached:
    """The replica's row on the primary: acknowledged offset, and seconds since the last acknowledgement."""

    offset: int
    lag_s: int


@dataclass(frozen=True, slots=True)
class Valkey:
    """One region's Valkey. `replica` is None on a primary; `attached` is None when no replica is connected."""

    replica: Replica | None
    attached: Attached | None
    offset: int
    replid: str
    replid2: str
    second_offset: int


class ValkeyPair:
    """The pair's behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rate = Rate.daily(9200.0, seed, "valkey")
        self._born = self._rate.total(1.7e9)

    def written(self, t: float) -> float:
        """The primary's offset at unix time `t`, in bytes; grows even when idle, by the pings."""
        return self._rate.total(t) - self._born

    def flowing(self, epoch: Epoch) -> bool:
        """Whether writes flow from the primary to the replica."""
        return epoch.conditions.connected and len(epoch.conditions.valkey_primaries) == 1

    def delay(self, epoch: Epoch, t: float) -> float:
        """Seconds between a write and its arrival on the replica while writes flow."""
        if epoch.carry.lagging_since is not None:
            swing = 7 * unit(self._seed, "swing", int(t) // 5)
            return min(MAX_LAG_S - swing, FALL_BEHIND * (t - epoch.carry.lagging_since))
        return 0.015 + 0.06 * unit(self._seed, "arrive", int(t))

    def received(self, epoch: Epoch, t: float) -> float:
        """The replica's offset at unix time `t`."""
        if not self.flowing(epoch):
            return epoch.carry.offset
        return max(epoch.carry.offset, self.written(t - self.delay(epoch, t)))

    def look(self, epoch: Epoch, region: str, t: float) -> Valkey:
        """What `region`'s Valkey reports at unix time `t`."""
        conditions, carry = epoch.conditions, epoch.carry
        replid, replid2, second = self._identity(epoch, region)
        silent_s = self._silence(epoch, t)
        if region not in conditions.valkey_primaries:
            offset = int(self.received(epoch, t))
            if silent_s is None:
                since = t - (carry.offset_cut_at if carry.offset_cut_at is not None else t)
                grace = 0 if self._reset(epoch) else TIMEOUT_S
                return Valkey(Replica(False, -1, max(0, int(since - grace))), None, offset, replid, replid2, second)
            return Valkey(Replica(True, silent_s, None), None, offset, replid, replid2, second)
        attached = None
        if silent_s is not None and peer(region) not in conditions.valkey_primaries:
            attached = Attached(int(self.received(epoch, t)), silent_s)
        return Valkey(None, attached, int(self.written(t)), replid, replid2, second)

    def _reset(self, epoch: Epoch) -> bool:
        return bool(epoch.conditions.dead) or len(epoch.conditions.valkey_primaries) != 1

    def _silence(self, epoch: Epoch, t: float) -> int | None:
        """Whole seconds since the ends last heard from each other; None once they have noticed that the link is gone."""
        if self.flowing(epoch):
            if epoch.carry.lagging_since is not None:
                return int(self.delay(epoch, t))
            return int(2 * unit(self._seed, "io", int(t)))
        since = t - (epoch.carry.offset_cut_at if epoch.carry.offset_cut_at is not None else epoch.at)
        return None if self._reset(epoch) or since >= TIMEOUT_S else int(since)

    def _identity(self, epoch: Epoch, region: str) -> tuple[str, str, int]:
        """Replication ids: a promoted Valkey starts a new history and keeps the old one's id as the second."""
        origin = hexdigits(40, self._seed, "replid")
        promoted = dict(epoch.carry.promoted_at)
        primaries = epoch.conditions.valkey_primaries
        leader = region if region in primaries or not primaries else peer(region)
        if leader not in promoted:
            return origin, NO_ID, -1
        at = promoted[leader]
        return hexdigits(40, self._seed, "replid", leader, at), origin, int(self.written(at)) + 1
