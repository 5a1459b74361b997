"""Kubernetes Events of one object, read when somebody asks for them.

Traps: an event that is repeated is one object with a count, of which only the first and last time are known; from some 25
on, several kinds are joined under "(combined from similar events)"; and the server forgets them after an hour by default.
They tell what happened lately, they are no history. Older clients fill `firstTimestamp`, `lastTimestamp` and `count`, newer
ones `eventTime` and `series`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openova_console.systems import kinds, shape
from openova_console.systems.exchange import cut, redact_text
from openova_console.systems.kubernetes import KubernetesApi

_KEPT = 100
_MESSAGE_BYTES, _WORD_BYTES = 500, 120
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventFact:
    """One event.

    Attributes:
        warning: whether its type is anything but "Normal".
        reason, component: the controller's word for it, and the controller.
        message: text from the cluster, redacted and cut to 500 bytes.
        count: how often it was seen, at least 1.
        first_seen, last_seen: UTC; None when the event does not say.
    """

    warning: bool
    reason: str
    message: str
    component: str
    count: int
    first_seen: datetime | None
    last_seen: datetime | None


async def events(api: KubernetesApi, namespace: str, kind: str, name: str) -> tuple[EventFact, ...]:
    """The newest 100 events about one object, newest first.

    Args:
        namespace: the object's; empty for a cluster-scoped object, whose events lie in `default`.
        kind: as the object writes it, e.g. "Canary"; empty for any (items of a list of a built-in kind do not say theirs).
            An older object of the same name has the same events.

    Raises:
        Fault: as `KubernetesApi.list`.
    """
    wanted = {"involvedObject.name": name} | ({"involvedObject.kind": kind} if kind else {})
    listing = await api.list(kinds.EVENTS, namespace=namespace or "default", fields=wanted)
    found = [_event(api.source, item) for item in listing.items]
    return tuple(sorted(found, key=lambda event: event.last_seen or _NEVER, reverse=True)[:_KEPT])


def _event(source: str, item: Mapping[str, Any]) -> EventFact:
    once = shape.instant(source, item, "eventTime")
    first = shape.instant(source, item, "firstTimestamp") or once
    last = shape.instant(source, item, "series", "lastObservedTime") or shape.instant(source, item, "lastTimestamp")
    counts = (shape.optional(source, item, *path, kind=int) for path in (("series", "count"), ("count",)))
    component = shape.text(source, item, "source", "component") or shape.text(source, item, "reportingComponent")
    return EventFact(
        shape.text(source, item, "type") != "Normal",
        cut(shape.text(source, item, "reason"), _WORD_BYTES),
        cut(redact_text(shape.text(source, item, "message")), _MESSAGE_BYTES),
        cut(component, _WORD_BYTES),
        max(1, *(count or 0 for count in counts)),
        first,
        last or first,
    )
