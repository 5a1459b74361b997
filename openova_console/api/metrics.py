"""The console's own figures, in the process's Prometheus registry.

Rooms below this one know nothing of it: the composition root hands them the `observe_…` functions, or counts for them.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

COLLECTOR_READS = Counter(
    "openova_collector_reads", "Reads of one source, by outcome (ok, failed, crashed)", ["source", "outcome"]
)
COLLECTOR_SECONDS = Histogram("openova_collector_duration_seconds", "Duration of one read", ["source"], buckets=_SECONDS)
PUSHES = Counter("openova_pushes", "Panel changes sent to the room of browsers that may see them", ["panel"])
DELIVERIES = Counter("openova_push_deliveries", "Panel changes sent, times the browsers they went to", ["panel"])
NOTIFICATIONS = Counter(
    "openova_notifications", "Tries to tell a target of something, by outcome (sent, failed, dead)", ["target", "outcome"]
)
BROWSERS = Gauge("openova_browsers", "Browsers connected now")
HTTP_SECONDS = Histogram(
    "openova_http_duration_seconds",
    "Duration of a request, by the part of the console that answered it",
    ["part", "method", "status"],
    buckets=_SECONDS,
)


def observe_read(source: str, outcome: str, seconds: float) -> None:
    """Count one read of a source: "ok", "failed" (the source's fault) or "crashed" (ours)."""
    COLLECTOR_READS.labels(source, outcome).inc()
    COLLECTOR_SECONDS.labels(source).observe(seconds)


def observe_push(panel: str, browsers: int) -> None:
    """Count one panel change sent to so many browsers."""
    PUSHES.labels(panel).inc()
    DELIVERIES.labels(panel).inc(browsers)


def observe_notification(target: str, outcome: str) -> None:
    """Count one try to send a notification: "sent", "failed" (it is tried again) or "dead"."""
    NOTIFICATIONS.labels(target, outcome).inc()
