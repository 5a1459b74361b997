"""CloudNativePG: one region's Cluster object, and both ends of the replication stream from the exporter's series.

Traps: `replication_lag` reads 0 on a standby whose WAL receiver is dead, and grows on an idle healthy one: alone it says
nothing. The stream's truth is `receiver_up` on the standby together with `flush_diff` (bytes) and `flush_lag` (seconds,
0 when idle) on the primary, and `slot_diff`, which goes on counting while no standby is connected.

A cluster is primary when it has no `spec.replica`, or when `spec.replica.primary` names it (`self`, else its own name),
or, without `primary`, when `spec.replica.enabled` is false.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from openova_console.settings import CnpgMetrics, ObjectName
from openova_console.systems import shape
from openova_console.systems.conditions import condition
from openova_console.systems.exchange import Exchange
from openova_console.systems.prometheus import Point, Series, Window


class PromotionToken(StrEnum):
    """What lies in `spec.replica.promotionToken`. One that is left over is checked at the next promotion, and fails it."""

    NONE = "none"
    USED = "used"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """One region's CNPG Cluster.

    Attributes:
        is_primary: whether its spec makes it the primary of the pair.
        phase: the operator's free text, e.g. "Cluster in healthy state".
        instances, ready_instances: counts.
        current_primary, target_primary: pod names; they differ during a transition.
        timeline: PostgreSQL timeline; None when not known.
        demotion_token_present: whether a token for a planned switchover lies ready (its value is never kept).
        last_successful_backup: UTC; None when there is none.
        continuous_archiving: whether WAL reaches the archive; None when the operator does not say.
        promotion_token: whether a promotion token lies in its spec, and whether it was used (its value is never kept).
    """

    namespace: str
    name: str
    is_primary: bool
    phase: str
    phase_reason: str
    instances: int | None
    ready_instances: int
    current_primary: str
    target_primary: str
    timeline: int | None
    demotion_token_present: bool
    last_successful_backup: datetime | None
    continuous_archiving: bool | None
    promotion_token: PromotionToken = PromotionToken.NONE


def cluster(item: Mapping[str, Any], *, source: str) -> ClusterFacts:
    """Read a `postgresql.cnpg.io/v1` Cluster. Raises `Malformed`."""
    name = shape.require(source, item, "metadata", "name", kind=str)
    archiving = condition(source, item, "ContinuousArchiving")
    return ClusterFacts(
        shape.text(source, item, "metadata", "namespace"),
        name,
        _is_primary(source, item, name),
        shape.text(source, item, "status", "phase")[:200],
        shape.text(source, item, "status", "phaseReason")[:200],
        shape.optional(source, item, "spec", "instances", kind=int),
        shape.optional(source, item, "status", "readyInstances", kind=int) or 0,
        shape.text(source, item, "status", "currentPrimary"),
        shape.text(source, item, "status", "targetPrimary"),
        shape.optional(source, item, "status", "timelineID", kind=int),
        bool(shape.text(source, item, "status", "demotionToken")),
        shape.instant(source, item, "status", "lastSuccessfulBackup"),
        None if archiving is None or archiving.status == "Unknown" else archiving.status == "True",
        _promotion_token(source, item),
    )


def _promotion_token(source: str, item: Mapping[str, Any]) -> PromotionToken:
    token = shape.text(source, item, "spec", "replica", "promotionToken")
    if not token:
        return PromotionToken.NONE
    return PromotionToken.USED if token == shape.text(source, item, "status", "lastPromotionToken") else PromotionToken.WAITING


def _is_primary(source: str, item: Mapping[str, Any], name: str) -> bool:
    if shape.optional(source, item, "spec", "replica", kind=dict) is None:
        return True
    if primary := shape.text(source, item, "spec", "replica", "primary"):
        return primary == (shape.text(source, item, "spec", "replica", "self") or name)
    return not shape.optional(source, item, "spec", "replica", "enabled", kind=bool)


def newest_backup(items: Iterable[Mapping[str, Any]], cluster_name: str, *, source: str) -> datetime | None:
    """When the newest completed `postgresql.cnpg.io/v1` Backup of this cluster ended; None without one. Raises `Malformed`."""
    ends = [
        shape.instant(source, item, "status", "stoppedAt")
        for item in items
        if shape.text(source, item, "spec", "cluster", "name") == cluster_name
        and shape.text(source, item, "status", "phase") == "completed"
    ]
    return max((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class PrimarySide:
    """What the primary's exporter says of the stream to the DR standby.

    Attributes:
        in_recovery: 1 when the instance is itself a standby; None when not measured or ambiguous.
        application_name, slot_name: which standby and slot the series belong to; empty when none was found.
        flush_lag: seconds between a commit here and its flush there, oldest first; empty without a connected standby.
        flush_diff: bytes sent but not flushed there.
        slot_diff: bytes of WAL that the standby's slot still has to take, connected or not.
        ambiguity: why a value was left out, as a sentence; empty when nothing was.
    """

    in_recovery: Point | None
    application_name: str
    flush_lag: tuple[Point, ...]
    flush_diff: tuple[Point, ...]
    slot_name: str
    slot_diff: tuple[Point, ...]
    ambiguity: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class StandbySide:
    """What the DR standby's exporter says.

    Attributes:
        receiver_up: 1 when a WAL receiver process runs; None when not measured or ambiguous.
        in_recovery: 1 while it is a standby.
        replication_lag: seconds since the last replayed transaction; 0 when the receiver is dead.
        ambiguity: why a value was left out, as a sentence; empty when nothing was.
    """

    receiver_up: Point | None
    in_recovery: Point | None
    replication_lag: Point | None
    ambiguity: str
    exchange: Exchange


def primary_names(metrics: CnpgMetrics) -> tuple[str, ...]:
    """The metrics to ask the primary region's Prometheus for."""
    return (metrics.in_recovery, metrics.flush_lag, metrics.flush_diff, metrics.slot_diff)


def standby_names(metrics: CnpgMetrics) -> tuple[str, ...]:
    """The metrics to ask the DR region's Prometheus for."""
    return (metrics.receiver_up, metrics.in_recovery, metrics.replication_lag)


@dataclass(frozen=True, slots=True)
class Whose:
    """Which pods' series count; a series without the label in question is not left aside.

    Attributes:
        cluster: the CNPG Cluster: only its namespace, and pods named after it (`<name>-<number>`).
        pod: only this pod: the cluster's current primary.
    """

    cluster: ObjectName | None = None
    pod: str = ""

    def owns(self, series: Series) -> bool:
        """Whether the series belongs to that cluster and pod."""
        pod = series.labels.get("pod")
        if self.pod and pod is not None and pod != self.pod:
            return False
        if self.cluster is None:
            return True
        name, _, number = (pod or f"{self.cluster.name}-0").rpartition("-")
        return (name, number.isdigit(), series.labels.get("namespace", self.cluster.namespace)) == (
            self.cluster.name,
            True,
            self.cluster.namespace,
        )


def primary_side(
    window: Window,
    metrics: CnpgMetrics,
    *,
    application_name: str = "",
    slot_name: str = "",
    pod: str = "",
    cluster: ObjectName | None = None,
) -> PrimarySide:
    """The primary's end of the stream.

    Args:
        application_name, slot_name: the DR standby's; empty accepts the only one there is.
        pod: the cluster's current primary; series of other pods are left aside. Empty accepts the only one.
        cluster: the CNPG Cluster; series of other clusters are left aside.
    """
    notes: list[str] = []
    whose = Whose(cluster, pod)
    lag = _one(window, metrics.flush_lag, whose, "application_name", application_name, notes)
    diff = _one(window, metrics.flush_diff, whose, "application_name", application_name, notes)
    slot = _one(window, metrics.slot_diff, whose, "slot_name", slot_name, notes)
    recovery = _one(window, metrics.in_recovery, whose, "", "", notes)
    name = next((found.identity for found in (lag, diff) if found), "")
    if lag and diff and lag.identity != diff.identity:
        notes.append("lag and bytes belong to different standbys; name the DR standby in the settings")
        lag, diff, name = None, None, ""
    return PrimarySide(
        recovery.newest if recovery else None,
        name,
        lag.points if lag else (),
        diff.points if diff else (),
        slot.identity if slot else "",
        slot.points if slot else (),
        "; ".join(notes),
        window.exchange,
    )


def standby_side(window: Window, metrics: CnpgMetrics, *, pod: str = "", cluster: ObjectName | None = None) -> StandbySide:
    """The DR end of the stream; `pod` (the DR cluster's own current primary) and `cluster` as in `primary_side`."""
    notes: list[str] = []
    whose = Whose(cluster, pod)
    names = (metrics.receiver_up, metrics.in_recovery, metrics.replication_lag)
    up, recovery, lag = (_one(window, name, whose, "", "", notes) for name in names)
    return StandbySide(
        up.newest if up else None,
        recovery.newest if recovery else None,
        lag.newest if lag else None,
        "; ".join(notes),
        window.exchange,
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The series that are meant, joined to one line of time, with the label value that they share."""

    identity: str
    points: tuple[Point, ...]

    @property
    def newest(self) -> Point:
        return self.points[-1]


def _one(window: Window, metric: str, whose: Whose, label: str, wanted: str, notes: list[str]) -> _Chosen | None:
    """The measurements that are meant, or None with a note when several standbys, slots or pods could be."""
    found = [s for s in window.named(metric) if whose.owns(s)]
    if label and wanted:
        found = [s for s in found if s.labels.get(label) == wanted]
    groups: dict[str, list[Series]] = {}
    for series in found:
        identity = series.labels.get(label, "") if label else series.labels.get("pod") or series.labels.get("instance", "")
        groups.setdefault(identity, []).append(series)
    remedy = f"name the DR standby's {label} in the settings" if label else "the current primary's pod must be known"
    if len(groups) > 1:
        shown = ", ".join(sorted(groups)[:5])
        notes.append(f"{metric} has {len(groups)} series ({shown}); {remedy}")
        return None
    for identity, members in groups.items():
        points = _joined(members)
        if points is not None:
            return _Chosen(identity, points)
        notes.append(f"{metric} has {len(members)} series at once for {identity or 'one target'}; {remedy}")
    return None


def _joined(members: list[Series]) -> tuple[Point, ...] | None:
    """Series of one thing in a row: a new connection or a new pod address begins a new series (`client_port`, `instance`).

    While both are there (a connection that is already dead, and its successor) the later one counts. None when two
    begin and end together: then they are two things.
    """
    ordered = sorted(members, key=lambda s: (s.points[0].at, s.newest.at))
    joined: list[Point] = []
    before: Series | None = None
    for series in ordered:
        if before and (before.points[0].at, before.newest.at) == (series.points[0].at, series.newest.at):
            return None
        start, end = series.points[0].at, series.newest.at
        joined = sorted([*(point for point in joined if not start <= point.at <= end), *series.points])
        before = series
    return tuple(joined)
