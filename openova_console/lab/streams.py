"""Kafka between the regions: what is produced, mirrored, captured and applied, and what Kafka Connect says of it.

As on a real pair (Kafka 3.9): with the link cut or the source frozen all states stay RUNNING and every gauge keeps its last
value; only the counts stand still. A task that failed takes its gauges with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from openova_console.lab.names import REGIONS, peer
from openova_console.lab.timeline import Conditions, Epoch
from openova_console.lab.waves import Rate, unit

BORN = 1.7e9  # counts start here, so that they look like those of a platform and not of an epoch
FALL_BEHIND, MAX_LAG_S = 0.75, 150.0  # seconds of lag gained per second: slower than the clock, so that counts still rise
FLUSH_S = 20.0  # offset.flush.interval.ms
SKEW_MS = -2300.0
HALTS = {
    "mirror": ("mirror_source_frozen", "mirror_task_failed", "mirror_paused"),
    "back": (),
    "capture": ("cdc_connector_failed",),
    "sink": ("sink_stopped",),
}
"""What can stand still, and the troubles that stop it: the mirror into the DR region, the one back, Debezium, the sink."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the primary region; `mean_bytes` per record."""

    name: str
    rate: Rate
    mean_bytes: int

    @property
    def captured(self) -> bool:
        """Whether Debezium writes it."""
        return "cdc.mongodb" in self.name


def alias(region: str) -> str:
    """The Kafka cluster's alias."""
    return region.replace("-", "")


def leader(conditions: Conditions) -> str:
    """The region whose topics are mirrored to the other: where alone Postgres takes writes, else the first."""
    primaries = conditions.postgres_primaries
    return REGIONS[1] if primaries == frozenset(REGIONS[1:]) else REGIONS[0]


def runs(conditions: Conditions, what: str) -> bool:
    """Whether one of `HALTS` moves."""
    if what in ("mirror", "back") and not conditions.connected:
        return False
    return not conditions.troubles & set(HALTS[what])


class Streams:
    """The streams' behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        daily = (
            ("cdc.mongodb.shop.orders", 24.0, 640),
            ("cdc.mongodb.shop.customers", 6.0, 380),
            ("events.checkout", 41.0, 520),
        )
        steady = (("heartbeats", 1.0, 92), ("__debezium-heartbeat.cdc.mongodb", 0.1, 120))
        self.topics = (
            *(Topic(name, Rate.daily(mean, seed, name), size) for name, mean, size in daily),
            *(Topic(name, Rate(mean, ()), size) for name, mean, size in steady),
        )

    def halted(self, epoch: Epoch, what: str) -> float | None:
        """Since when one of `HALTS` stands still; None while it moves."""
        return dict(epoch.carry.halts).get(what)

    def inherit(self, last: Epoch, conditions: Conditions, t: float) -> tuple[tuple[str, float], ...]:
        """What stands still under `conditions` from `t` on, and since when."""
        known = dict(last.carry.halts)
        return tuple((what, known.get(what, t)) for what in HALTS if not runs(conditions, what))

    def produced(self, epoch: Epoch, topic: Topic, t: float) -> int:
        """Records in the primary region's topic: also its next offset."""
        cut = self.halted(epoch, "capture") if topic.captured else None
        return int(topic.rate.total(t if cut is None else min(cut, t)) - topic.rate.total(BORN))

    def delay(self, epoch: Epoch, t: float) -> float:
        """Seconds from a record to its copy while records move."""
        if epoch.carry.lagging_since is not None:
            return min(MAX_LAG_S, FALL_BEHIND * max(0.0, t - epoch.carry.lagging_since)) + 0.1
        return 0.03 + 0.2 * unit(self._seed, "mirror", int(t)) ** 2

    def arrived(self, epoch: Epoch, topic: Topic, t: float) -> int:
        """Records of the topic that the DR region has."""
        cut = self.halted(epoch, "mirror")
        at = t if cut is None else min(cut, t)
        # The delay's noise must not make a counter fall: only what grows with it counts.
        wait = self.delay(epoch, at) if epoch.carry.lagging_since is not None else 0.25
        return self.produced(epoch, topic, at - wait)

    def latency_ms(self, epoch: Epoch, topic: Topic, t: float) -> float:
        """The mirror's gauge: as of the last record that it copied."""
        cut = self.halted(epoch, "mirror")
        at = t if cut is None else min(cut, t)
        return round(1000 * self.delay(epoch, at) * (0.9 + 0.2 * unit(self._seed, topic.name, int(at))))

    def committed(self, epoch: Epoch, topic: Topic, t: float) -> int:
        """The last offset that the mirror has committed."""
        cut = self.halted(epoch, "mirror")
        at = t if cut is None else min(cut, t)
        return self.arrived(epoch, topic, at - at % FLUSH_S) - 1

    def behind_ms(self, epoch: Epoch, t: float) -> float:
        """Debezium's MilliSecondsBehindSource."""
        if "cdc_no_event" in epoch.conditions.troubles:
            return -1.0
        if "cdc_clock_skew" in epoch.conditions.troubles:
            return SKEW_MS
        return round(80 + 500 * unit(self._seed, "behind", int(t)) ** 2)

    def waiting(self, epoch: Epoch, topic: Topic, t: float) -> int:
        """Records of a captured topic that the sink has not applied."""
        cut = self.halted(epoch, "sink")
        # A group is read a moment before the topic's end is: the last half second waits.
        applied = t - 0.5 if cut is None else min(cut, t)
        return max(0, self.arrived(epoch, topic, t) - self.arrived(epoch, topic, applied))


def status(conditions: Conditions, region: str) -> dict[str, tuple[str, str, list[str], str]]:
    """What runs in `region`'s Kafka Connect: by name its state, type, the states of its tasks and a failed one's trace."""
    here, there = alias(region), alias(peer(region))
    primary = leader(conditions) == region
    troubles = conditions.troubles
    mirror, tasks, trace = "RUNNING", ["RUNNING"] * (1 if primary else 3), ""
    if not primary and "mirror_task_failed" in troubles:
        tasks, trace = ["RUNNING", "FAILED", "RUNNING"], MIRROR_TRACE
    if not primary and "mirror_paused" in troubles:
        mirror, tasks = "PAUSED", ["PAUSED"] * 3
    found = {
        f"{there}->{here}.MirrorSourceConnector": (mirror, "source", tasks, trace),
        f"{there}->{here}.MirrorCheckpointConnector": ("RUNNING", "source", [] if primary else ["RUNNING"], ""),
        f"{there}->{here}.MirrorHeartbeatConnector": ("RUNNING", "source", ["RUNNING"], ""),
    }
    if primary:
        failed = "cdc_connector_failed" in troubles
        found["mongodb-source"] = ("RUNNING", "source", ["FAILED" if failed else "RUNNING"], CAPTURE_TRACE if failed else "")
    else:
        stopped = "sink_stopped" in troubles
        found["mongodb-sink"] = ("STOPPED", "sink", [], "") if stopped else ("RUNNING", "sink", ["RUNNING"] * 2, "")
    return found


def worker(region: str) -> str:
    """The address of the region's one Connect worker."""
    return f"10.{REGIONS.index(region) + 1}.6.31:8083"


def captured(topics: Iterable[Topic]) -> list[Topic]:
    """The topics of changes, without Debezium's heartbeats."""
    return [topic for topic in topics if topic.name.startswith("cdc.")]


MIRROR_TRACE = (
    "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\n"
    "\tat org.apache.kafka.connect.runtime.errors.RetryWithToleranceOperator.execAndHandleError"
    "(RetryWithToleranceOperator.java:261)\n"
    "\tat org.apache.kafka.connect.runtime.errors.RetryWithToleranceOperator.execute(RetryWithToleranceOperator.java:180)"
)
CAPTURE_TRACE = (
    "org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer. "
    "This connector will be stopped.\n\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)"
)
