"""The MinIO pair: objects written in region 1, sent to region 2, and what its counters say of those that are not.

As measured on a real pair: the first failed attempt counts, retries do not; `sent` and `failed` never fall; v2 metrics come
from a cache of one minute while v3 counts anew; after the link is back the retries begin only when some time has passed. The
target's health is checked every 5 s. Objects that wait in a queue are counted nowhere.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import REGIONS
from openova_console.lab.timeline import Conditions, Epoch, Objects
from openova_console.lab.waves import Rate, unit

SOURCE: Final = REGIONS[0]
TARGET: Final = "minio.region-2.lab.example:9000"
MARKED: Final = "openova-probe"
CACHE_S, RETRY_S, HEALTH_S = 60.0, 20.0, 5.0
_BORN: Final = 1.7e9
_CUT: Final = frozenset({"minio_link_down"})
_FAILING: Final = frozenset({"minio_target_full"})
_WAITING: Final = frozenset({"minio_backlog"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """One replicated bucket: its share of all objects, and the bytes of one object."""

    name: str
    share: float
    object_bytes: int


BUCKETS: Final = (
    Bucket("harbor-data", 0.08, 9_400_000),
    Bucket("loki-data", 0.55, 640_000),
    Bucket("tempo-data", 0.35, 380_000),
    Bucket("velero-backups", 0.02, 4_100_000),
)


@dataclass(frozen=True, slots=True)
class Count:
    """One bucket's counters since the servers started, which they did before anything here."""

    sent: int
    failed: int
    failed_last_hour: int


class MinioPair:
    """The pair's behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rate = Rate.daily(0.9, seed, "objects")
        self._born = self._rate.total(_BORN)

    def written(self, t: float) -> float:
        """Objects written by unix time `t`."""
        return self._rate.total(t) - self._born

    def linked(self, conditions: Conditions) -> bool:
        """Whether region 1's health check reaches region 2's MinIO."""
        return conditions.connected and not conditions.troubles & _CUT

    def arriving(self, epoch: Epoch) -> bool:
        """Whether what is written now reaches the other region."""
        return self.linked(epoch.conditions) and not epoch.conditions.troubles & (_FAILING | _WAITING)

    def failing(self, epoch: Epoch) -> bool:
        """Whether attempts fail, as against objects that only wait."""
        return not self.linked(epoch.conditions) or bool(epoch.conditions.troubles & _FAILING)

    def unsent(self, epoch: Epoch, t: float) -> float:
        """Objects that are in region 1 alone."""
        if self.arriving(epoch):
            return epoch.carry.objects.unsent if t < epoch.at + RETRY_S else 0.0
        return epoch.carry.objects.unsent + self.written(t) - self.written(epoch.at)

    def failed(self, epoch: Epoch, t: float) -> float:
        """Objects whose first attempt failed; a power cut of region 1 writes none that could."""
        if not self.failing(epoch) or SOURCE in epoch.conditions.dead:
            return epoch.carry.objects.failed
        return epoch.carry.objects.failed + self.written(t) - self.written(epoch.at)

    def count(self, epoch: Epoch, bucket: Bucket, t: float) -> Count:
        """One bucket's counters at unix time `t`; what failed since the lab started counts as the last hour's."""
        sent = int(bucket.share * (self.written(t) - self.unsent(epoch, t)))
        failed = int(bucket.share * self.failed(epoch, t))
        return Count(sent, failed, failed)

    def offline_s(self, epoch: Epoch, t: float) -> float:
        """Seconds since the target was last reached; 0 while it is, and until the next health check."""
        since = epoch.carry.objects.away_since
        away = t - since if since is not None else 0.0
        return away if away >= HEALTH_S else 0.0

    def inherit(self, last: Epoch, conditions: Conditions, t: float) -> Objects:
        """What the epoch under `conditions` starts with when `last` ends at `t`."""
        since = last.carry.objects.away_since
        away_since = None if self.linked(conditions) else t if since is None else since
        return Objects(self.unsent(last, t), self.failed(last, t), away_since)

    def cached_at(self, t: float) -> float:
        """When the figures that v2 shows at unix time `t` were computed."""
        return t - (t + CACHE_S * unit(self._seed, "v2")) % CACHE_S
