"""What fires in a region: the alerts that its Prometheus would send, as functions of conditions, objects and time.

Names and labels are those of the handbook ("Auto-remediation") and of its rules; times that rules wait (`for`) are short
here. Alerts follow what is really wrong in the lab, so that a scenario never has to list them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from openova_console.lab.names import REGIONS, peer
from openova_console.lab.site import Site
from openova_console.lab.timeline import Conditions
from openova_console.lab.waves import hexdigits

FOR_S = 3.0
SEND_EVERY_S = 60.0  # Prometheus' resend-delay
FLOOD = 10_000
_ROUTES = tuple(
    f"/{part}/{what}"
    for part in ("v1", "v2")
    for what in ("cart", "order", "pay", "refund", "search", "item", "stock", "list", "me", "ping")
)
_EXPIRES = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Fired:
    """One firing alert: labels in order of name, its summary, and since when (unix time)."""

    labels: tuple[tuple[str, str], ...]
    summary: str
    since: float
    silenced_by: str = ""
    inhibited_by: str = ""

    @property
    def fingerprint(self) -> str:
        """Alertmanager's own."""
        return fingerprint(self.labels)


@lru_cache(maxsize=4 * FLOOD)
def fingerprint(labels: tuple[tuple[str, str], ...]) -> str:
    """Prometheus' hash of sorted labels: FNV-1a, 64 bits, each name and value followed by the byte 255."""
    total = 14695981039346656037
    for byte in b"".join(name.encode() + b"\xff" + value.encode() + b"\xff" for name, value in labels):
        total = (total ^ byte) * 1099511628211 % 2**64
    return f"{total:016x}"


def firing(site: Site) -> list[Fired]:
    """Everything that fires in the site's region now, the Watchdog included."""
    now = site.clock.unix()
    found = [alert for rule in _RULES for alert in rule(site) if alert.since <= now]
    if site.trouble("alert_flood") and site.region == REGIONS[0]:
        found += _flood(site.region, _onset(site, lambda c: "alert_flood" in c.troubles))
    return found


def _fired(site: Site, alertname: str, severity: str, since: float, summary: str, **labels: str) -> Fired:
    known = {"alertname": alertname, "severity": severity, "region": site.region, "prometheus": "monitoring/prometheus", **labels}
    return Fired(tuple(sorted(known.items())), summary, since)


def _onset(site: Site, holds: Callable[[Conditions], bool]) -> float:
    """Since when a condition holds without a break."""
    epoch = site.epoch
    while epoch.at > 0:
        before = site.world.timeline.at(epoch.at - 0.001)
        if before.at >= epoch.at or not holds(before.conditions):
            break
        epoch = before
    return epoch.at + FOR_S


def _while(site: Site, holds: Callable[[Conditions], bool]) -> float | None:
    return _onset(site, holds) if holds(site.epoch.conditions) else None


def _unix(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def _watchdog(site: Site) -> Iterator[Fired]:
    nodes = site.stores[site.region].list("nodes")
    born = min((_unix(node["metadata"]["creationTimestamp"]) for node in nodes), default=0.0)
    if not (site.trouble("watchdog_missing") and site.region == REGIONS[0]):
        yield _fired(site, "Watchdog", "none", born, "This alert always fires: it shows that alerting works.")
    silenced = _fired(site, "HighMemoryUsage", "warning", born, "Grafana uses 91 % of its memory limit.", namespace="monitoring",
                      deployment="grafana")  # fmt: skip
    if site.region == REGIONS[1]:
        identity = hexdigits(32, site.world.seed, "silence")
        parts = (identity[:8], identity[8:12], identity[12:16], identity[16:20], identity[20:])
        yield Fired(silenced.labels, silenced.summary, silenced.since, silenced_by="-".join(parts))


def _regions(site: Site) -> Iterator[Fired]:
    other, here = peer(site.region), site.region
    gone = _while(site, lambda c: other in c.dead or other in c.isolated)
    if gone is not None:
        yield _fired(site, "GslbEndpointDown", "warning", gone, f"k8gb has no healthy record of {other}.", namespace="k8gb",
                     name="app")  # fmt: skip
    cut = _while(site, lambda c: not c.connected)
    if cut is not None:
        yield _fired(site, "ServiceDown", "critical", cut, f"The probe of {other} gets no answer.", job="cross-region",
                     namespace="monitoring")  # fmt: skip
    alone = _while(site, lambda c: here in c.isolated)
    if alone is not None:
        yield _fired(site, "SplitBrainAllWitnessesUnreachable", "critical", alone, "No DNS witness answers.",
                     namespace="failover-controller")  # fmt: skip
    both = _while(site, lambda c: len(c.postgres_primaries) > 1)
    if both is not None:
        yield _fired(site, "FailoverBothRegionsActive", "critical", both, "Both failover controllers are active.",
                     namespace="failover-controller")  # fmt: skip


def _replication(site: Site) -> Iterator[Fired]:
    here = site.region
    broken = _while(site, lambda c: here in c.postgres_primaries and (c.receiver_dead or not c.connected))
    if broken is not None:
        yield _fired(site, "CNPGClusterHACritical", "critical", broken, "The primary has no streaming standby.",
                     namespace="databases", cluster="postgres")  # fmt: skip
    slow = _while(site, lambda c: here not in c.postgres_primaries and c.lagging)
    if slow is not None:
        yield _fired(site, "CNPGClusterHighReplicationLag", "warning", slow, "The standby falls behind its primary.",
                     namespace="databases", cluster="postgres")  # fmt: skip
        yield _fired(site, "ValkeyReplicationLag", "warning", slow, "The replica does not keep up.", namespace="databases",
                     service="valkey")  # fmt: skip


def _requests(site: Site) -> Iterator[Fired]:
    here = site.region
    since = _while(site, lambda c: c.failing_requests and here in c.postgres_primaries)
    if since is not None:
        yield _fired(site, "HighErrorRate", "critical", since, "3 % of the requests fail; the limit is 1 %.", namespace="shop",
                     app="storefront", deployment="storefront")  # fmt: skip
        yield _fired(site, "ErrorBudgetBurn", "critical", since + 2, "The month's error budget is gone in a day.",
                     namespace="monitoring", slo="availability")  # fmt: skip


def _releases(site: Site) -> Iterator[Fired]:
    for canary in site.stores[site.region].list("canaries.flagger.app"):
        status, metadata = canary.get("status", {}), canary["metadata"]
        if status.get("phase") != "Failed" and not status.get("failedChecks"):
            continue
        since = _unix(status.get("lastTransitionTime") or metadata["creationTimestamp"])
        failed = status.get("failedChecks", 0)
        yield _fired(site, "HighErrorRate", "warning", since, f"The new version fails its checks ({failed} so far).",
                     namespace=metadata["namespace"], app=metadata["name"], deployment=metadata["name"])  # fmt: skip


def _objects(site: Site) -> Iterator[Fired]:
    store, now = site.stores[site.region], site.clock.now()
    burst = [n for n in store.list("nodes") if "-burst-" in n["metadata"]["name"]]
    if burst:
        since = min(_unix(n["metadata"]["creationTimestamp"]) for n in burst) + FOR_S
        yield _fired(site, "BudgetExceeded", "critical", since, "The month's cost is over the budget: scale-up is blocked.",
                     namespace="monitoring")  # fmt: skip
    for certificate in store.list("certificates.cert-manager.io"):
        metadata, ends = certificate["metadata"], certificate.get("status", {}).get("notAfter")
        if ends and datetime.fromisoformat(ends) - now < _EXPIRES:
            left = (datetime.fromisoformat(ends) - now).days
            yield _fired(site, "CertificateExpiringSoon", "warning", _unix(ends) - _EXPIRES.total_seconds(),
                         f"The certificate ends in {left} days.", namespace=metadata["namespace"],
                         certificate=metadata["name"])  # fmt: skip
    for job in store.list("jobs.batch"):
        failed = [c for c in job.get("status", {}).get("conditions", []) if c["type"] == "Failed" and c["status"] == "True"]
        if failed:
            metadata, since = job["metadata"], _unix(failed[0]["lastTransitionTime"])
            yield _fired(
                site,
                "KubeJobFailed",
                "warning",
                since,
                f"The job {metadata['name']} has failed.",
                namespace=metadata["namespace"],
                job_name=metadata["name"],
            )


def _storm(site: Site) -> Iterator[Fired]:
    """A Deployment without replicas: its pods crash, each of its routes fails, and each is slow (inhibited by the former)."""
    for deployment in site.stores[site.region].list("deployments.apps"):
        status, metadata = deployment.get("status", {}), deployment["metadata"]
        if not status.get("unavailableReplicas"):
            continue
        at = _unix(status["conditions"][0]["lastTransitionTime"]) + FOR_S
        namespace, app = metadata["namespace"], metadata["name"]
        for number in range(status["unavailableReplicas"]):
            pod = f"{app}-{hexdigits(10, app)}-{hexdigits(5, app, number)}"
            yield _fired(site, "PodCrashLoopBackOff", "critical", at, "The container restarts again and again.",
                         namespace=namespace, deployment=app, pod=pod)  # fmt: skip
        for number, route in enumerate(_ROUTES):
            errors = _fired(site, "HighErrorRate", "critical", at + number % 5, f"{route} of {app} fails.", namespace=namespace,
                            app=app, deployment=app, route=route)  # fmt: skip
            slow = _fired(site, "HighLatency", "warning", at + number % 7, f"{route} of {app} is slow.", namespace=namespace,
                          service=app, route=route)  # fmt: skip
            yield errors
            yield Fired(slow.labels, slow.summary, slow.since, inhibited_by=errors.fingerprint)


@lru_cache(maxsize=2)
def _flood(region: str, since: float) -> list[Fired]:
    """Ten thousand alerts of every severity, as a rule without a limit makes them."""
    kinds = (("critical", 1), ("warning", 6), ("info", 2), ("none", 1))
    severities = [name for name, share in kinds for _ in range(share)]
    return [
        Fired(
            (
                ("alertname", f"PodRestarts{number % 40:02d}"),
                ("namespace", f"tenant-{number % 25:02d}"),
                ("pod", f"worker-{number:05d}"),
                ("region", region),
                ("severity", severities[number % 10]),
            ),
            f"worker-{number:05d} restarts.",
            since - number % 3600,
        )
        for number in range(FLOOD)
    ]


_RULES = (_watchdog, _regions, _replication, _requests, _releases, _objects, _storm)


def updated(alert: Fired, now: float) -> float:
    """When Prometheus last sent the alert: at its start, then with the others of its minute."""
    return max(alert.since, now // SEND_EVERY_S * SEND_EVERY_S)


@lru_cache(maxsize=2 * FLOOD)
def written(at: float) -> str:
    """A time as Alertmanager's v2 API writes it: milliseconds, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
