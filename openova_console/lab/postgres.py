"""The Postgres pair: WAL that is written, streamed and, when the stream breaks, not streamed.

Values come as CloudNativePG's exporter gives them. Its `cnpg_pg_replication_lag` reads 0 on a primary, on an idle
standby and on a standby that has lost its primary; `pg_stat_replication.*_lag` is NULL, shown as 0, while nothing is
written. Both are kept as they are: a reader has to cope.
"""

from dataclasses import dataclass

from openova_console.lab.names import peer
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import Rate, unit

TIMEOUT_S = 5.0  # CloudNativePG sets wal_sender_timeout and wal_receiver_timeout to 5 s
CATCH_UP = 24e6  # bytes per second that a standby takes once it is connected again
QUIET_EVERY_S, QUIET_S = 540.0, 45.0  # nobody writes for a while, as at any small shop
FALL_BEHIND, MAX_LAG_S = 4.0, 240.0  # seconds of lag gained per second while the standby cannot keep up


@dataclass(frozen=True, slots=True)
class Sender:
    """The row of the standby in the primary's pg_stat_replication."""

    lag_s: float
    diff_bytes: int


@dataclass(frozen=True, slots=True)
class Postgres:
    """What one region's exporter reports.

    Attributes:
        lag_s: `cnpg_pg_replication_lag`, with its zeros.
        sender: None when no standby streams from here.
        slot_bytes: WAL that the standby's slot holds back; None where there is no such slot.
    """

    in_recovery: bool
    receiver_up: bool
    lag_s: float
    sender: Sender | None
    slot_bytes: int | None
    slot_active: bool


class PostgresPair:
    """The pair's behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rate = Rate.daily(420e3, seed, "wal")
        self._quiet_phase = QUIET_EVERY_S * unit(seed, "quiet")

    def quiet(self, t: float) -> bool:
        """Whether nobody writes at unix time `t`."""
        return (t + self._quiet_phase) % QUIET_EVERY_S < QUIET_S

    def written(self, t: float) -> float:
        """WAL written by unix time `t`, in bytes since 1970; stands still while it is quiet."""
        rounds, within = divmod(t + self._quiet_phase, QUIET_EVERY_S)
        return self._rate.total(rounds * (QUIET_EVERY_S - QUIET_S) + max(0.0, within - QUIET_S))

    def streaming(self, epoch: Epoch) -> bool:
        """Whether WAL flows from the primary to the standby."""
        conditions = epoch.conditions
        return conditions.connected and not conditions.receiver_dead and len(conditions.postgres_primaries) == 1

    def noticed(self, epoch: Epoch, t: float) -> bool:
        """Whether both ends know that the stream is gone. Silence is noticed after a timeout, a reset at once."""
        if self.streaming(epoch):
            return False
        silent = not epoch.conditions.link_up or bool(epoch.conditions.isolated)
        if not silent or epoch.conditions.dead or epoch.carry.wal_cut_at is None:
            return True
        return t >= epoch.carry.wal_cut_at + TIMEOUT_S

    def delay(self, epoch: Epoch, t: float) -> float:
        """Seconds between a write and its flush on the standby while WAL flows."""
        if epoch.carry.lagging_since is not None:
            return min(MAX_LAG_S, FALL_BEHIND * (t - epoch.carry.lagging_since))
        return 0.02 + 0.35 * unit(self._seed, "flush", int(t)) ** 2

    def flushed(self, epoch: Epoch, t: float) -> float:
        """The standby's position at unix time `t`; never falls, and never runs ahead of the primary."""
        start = epoch.carry.wal
        if not self.streaming(epoch):
            return min(start, self.written(t))
        caught_up = self.written(t - self.delay(epoch, t))
        return max(start, min(caught_up, start + CATCH_UP * (t - epoch.at))) if epoch.at else caught_up

    def look(self, epoch: Epoch, region: str, t: float) -> Postgres:
        """What the exporter of `region` reports at unix time `t`."""
        primary = region in epoch.conditions.postgres_primaries
        noticed = self.noticed(epoch, t)
        lag = self._lag(epoch, t)
        if not primary:
            receiving = not noticed
            return Postgres(
                True, receiving, lag if receiving and epoch.carry.lagging_since is not None else 0.0, None, None, False
            )
        behind = max(0, int(self.written(t) - self.flushed(epoch, t)))
        has_standby = peer(region) not in epoch.conditions.postgres_primaries
        sender = Sender(lag, behind) if has_standby and not noticed else None
        return Postgres(False, False, 0.0, sender, behind, sender is not None)

    def _lag(self, epoch: Epoch, t: float) -> float:
        behind = self.written(t) - self.flushed(epoch, t)
        if behind < 1:
            return 0.0
        if not self.streaming(epoch):
            return self.delay(epoch, epoch.carry.wal_cut_at or t)
        if epoch.at and self.flushed(epoch, t) < self.written(t - self.delay(epoch, t)) - 1:
            return behind / self._rate.mean
        return self.delay(epoch, t)
