"""The series of MirrorMaker 2, Debezium, the brokers and the consumer groups of one region."""

from collections.abc import Callable

from openova_console.lab.metric import Labels, Series
from openova_console.lab.names import peer
from openova_console.lab.streams import Streams, Topic, alias, captured, leader, runs
from openova_console.lab.timeline import Epoch
from openova_console.lab.world import World

_MIRROR = "kafka_connect_mirror_mirrorsourceconnector_"


def streams(world: World, region: str, number: int) -> tuple[Series, ...]:
    """All of them; which are exported depends on which region leads."""
    found: list[Series] = []
    for topic in world.streams.topics:
        found += _mirrored(world.streams, region, number, topic)
        found.append(_end(world.streams, region, number, topic))
    for topic in captured(world.streams.topics):
        found.append(_waiting(world.streams, region, number, topic))
    return (*found, *_debezium(world.streams, region, number))


def _labels(region: str, job: str, instance: str, **more: str) -> Labels:
    return tuple(sorted({"region": region, "job": job, "instance": instance, **more}.items()))


def _mirrored(model: Streams, region: str, number: int, topic: Topic) -> list[Series]:
    labels = _labels(
        region,
        "databases/mirror-maker",
        f"10.{number}.6.31:9404",
        target=alias(region),
        topic=f"{alias(peer(region))}.{topic.name}",
        partition="0",
    )

    def shown(read: Callable[[Epoch, float], float]) -> Callable[[Epoch, float], float | None]:
        def value(epoch: Epoch, t: float) -> float | None:
            if leader(epoch.conditions) != region:
                gone = {"mirror_task_failed", "mirror_paused"} & epoch.conditions.troubles
                return None if gone else read(epoch, t)
            # Back from the DR region come heartbeats only: nobody writes there.
            return _back(model, epoch, t, read) if topic.name == "heartbeats" else None

        return value

    def copied(epoch: Epoch, t: float) -> float:
        return float(model.arrived(epoch, topic, t))

    return [
        Series(f"{_MIRROR}record_count", "gauge", "Records copied", labels, shown(copied)),
        Series(f"{_MIRROR}byte_count", "gauge", "Bytes copied", labels, shown(lambda e, t: topic.mean_bytes * copied(e, t))),
        Series(
            f"{_MIRROR}replication_latency_ms",
            "gauge",
            "Milliseconds from a record's timestamp to its copy",
            labels,
            shown(lambda e, t: model.latency_ms(e, topic, t)),
        ),
    ]


def _back(model: Streams, epoch: Epoch, t: float, read: Callable[[Epoch, float], float]) -> float:
    cut = model.halted(epoch, "back")
    return read(epoch, t if cut is None else min(cut, t))


def _end(model: Streams, region: str, number: int, topic: Topic) -> Series:
    labels = _labels(
        region,
        "databases/redpanda",
        f"10.{number}.3.41:9644",
        redpanda_namespace="kafka",
        redpanda_topic=topic.name,
        redpanda_partition="0",
    )

    def value(epoch: Epoch, t: float) -> float | None:
        leads = leader(epoch.conditions) == region
        return float(model.produced(epoch, topic, t)) if leads or topic.name == "heartbeats" else None

    text = "Latest readable offset of the partition (i.e. high watermark)"
    return Series("redpanda_kafka_max_offset", "gauge", text, labels, value)


def _waiting(model: Streams, region: str, number: int, topic: Topic) -> Series:
    labels = _labels(
        region,
        "databases/kafka-exporter",
        f"10.{number}.3.44:9308",
        consumergroup="connect-mongodb-sink",
        topic=f"{alias(peer(region))}.{topic.name}",
        partition="0",
    )

    def value(epoch: Epoch, t: float) -> float | None:
        return float(model.waiting(epoch, topic, t)) if leader(epoch.conditions) != region else None

    text = "Current Approximate Lag of a ConsumerGroup at Topic/Partition"
    return Series("kafka_consumergroup_lag", "gauge", text, labels, value)


def _debezium(model: Streams, region: str, number: int) -> tuple[Series, ...]:
    labels = _labels(
        region,
        "databases/kafka-connect",
        f"10.{number}.6.31:9405",
        context="streaming",
        name="cdc.mongodb",
        plugin="mongodb",
        task="0",
    )

    def gauge(name: str, read: Callable[[Epoch, float], float]) -> Series:
        def value(epoch: Epoch, t: float) -> float | None:
            there = leader(epoch.conditions) == region and runs(epoch.conditions, "capture")
            return read(epoch, t) if there else None

        return Series(f"debezium_metrics_{name}", "gauge", f"Debezium's {name}", labels, value)

    def since(epoch: Epoch, t: float) -> float:
        return -1.0 if "cdc_no_event" in epoch.conditions.troubles else float(int(1000 * (t % 1)))

    return (
        gauge("MilliSecondsBehindSource", model.behind_ms),
        gauge("MilliSecondsSinceLastEvent", since),
        gauge("Connected", lambda e, t: 0.0 if "cdc_disconnected" in e.conditions.troubles else 1.0),
    )
