"""MirrorMaker 2, Debezium and the sink's consumer group as their exporters show them: series to facts.

Traps: after a rebalance the old worker's series end and another's begin, so of several series of one partition the one
with the newest sample counts; a gauge without records yet is NaN; Debezium has one series per task.
"""

from collections.abc import Iterable, Mapping
from math import isfinite

from openova_console.handbook.streams import Flow, Sample
from openova_console.settings.mongodb import CaptureMetrics
from openova_console.settings.redpanda import MirrorMetrics
from openova_console.systems.prometheus import Point, Series, Window

Partition = tuple[str, int]


def flows(window: Window, metrics: MirrorMetrics) -> tuple[Flow, ...]:
    """Every topic partition that a mirror writes, by topic and partition."""
    labels = (metrics.topic_label, metrics.partition_label)
    records = _by_partition(window.named(metrics.record_count), *labels)
    sent = _by_partition(window.named(metrics.byte_count), *labels)
    latency = _by_partition(window.named(metrics.latency_ms), *labels)
    return tuple(
        Flow(topic, number, _samples(found), _samples(sent.get((topic, number))), _newest(latency.get((topic, number))))
        for (topic, number), found in sorted(records.items())
    )


def ends(window: Window, metrics: MirrorMetrics) -> tuple[dict[Partition, int], Point | None]:
    """The next offset of each partition of the region's brokers, and the oldest of the samples they come from.

    Each replica of a partition reports it; the newest sample counts.
    """
    labels = (metrics.broker_topic_label, metrics.broker_partition_label)
    found = _by_partition(window.named(metrics.end_offset), *labels)
    whole = {p: s for p, s in found.items() if isfinite(s.newest.value)}
    oldest = min((s.newest for s in whole.values()), key=lambda point: point.at, default=None)
    return {p: int(s.newest.value) for p, s in whole.items()}, oldest


def debezium(window: Window, name: str, metrics: CaptureMetrics) -> tuple[Series, ...]:
    """The series of one of Debezium's gauges, less those whose labels say that they are another's."""
    wanted = metrics.debezium_labels
    return tuple(s for s in window.named(name) if all(s.labels.get(k, v) == v for k, v in wanted.items()))


def worst_gauge(found: Iterable[Series]) -> Point | None:
    """Of several tasks' gauges the one that says most: below -1 (skew) first, then -1 (no event yet), then the largest.

    Only tasks with samples as young as the newest count: an older one belongs to a task that was moved or ended.
    """
    points = _present(found)
    odd = [p for p in points if p.value < 0 or not isfinite(p.value)]
    return min(odd, key=lambda p: p.value) if odd else max(points, key=lambda p: p.value, default=None)


def smallest_gauge(found: Iterable[Series]) -> Point | None:
    """The smallest of several tasks' newest gauges: with a task that is not connected nothing is whole."""
    return min(_present(found), key=lambda p: p.value, default=None)


def sink_lag(window: Window, metrics: CaptureMetrics, group: str) -> Point | None:
    """Records that wait for a consumer group, over all partitions, dated by the oldest newest sample; None without one."""
    points = _present(window.named(metrics.sink_lag, **{metrics.group_label: group}))
    if not points:
        return None
    return Point(min(p.at for p in points), sum(p.value for p in points))


def _present(found: Iterable[Series]) -> list[Point]:
    series = list(found)
    newest = max((s.newest.at for s in series), default=None)
    # Targets are scraped at different instants of one interval; two intervals back is another life.
    return [s.newest for s in series if newest is not None and (newest - s.newest.at).total_seconds() <= _spacing(s) * 1.5]


def _spacing(series: Series) -> float:
    if len(series.points) < 2:
        return 60.0
    return (series.points[-1].at - series.points[0].at).total_seconds() / (len(series.points) - 1)


def _by_partition(found: Iterable[Series], topic_label: str, partition_label: str) -> Mapping[Partition, Series]:
    newest: dict[Partition, Series] = {}
    for series in found:
        number = series.labels.get(partition_label, "")
        if not number.isdecimal() or len(number) > 9 or topic_label not in series.labels:
            continue
        key = (series.labels[topic_label], int(number))
        if key not in newest or newest[key].newest.at < series.newest.at:
            newest[key] = series
    return newest


def _samples(series: Series | None) -> tuple[Sample, ...]:
    return tuple(Sample(p.at, p.value) for p in series.points if isfinite(p.value)) if series is not None else ()


def _newest(series: Series | None) -> float | None:
    return series.newest.value if series is not None and isfinite(series.newest.value) else None
