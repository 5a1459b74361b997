"""MinIO: health, replication metrics (v2 and v3, Prometheus text), and a marker object over S3.

Measured on a real pair (release 2026-02): v2 metrics come from a cache of one minute, v3's counters are computed anew; only
v2's `node` has the state of the targets. `minio_cluster_replication_*` belongs to site replication and is not read. v3 names
one bucket per question, and a bucket that never replicated has no lines. An offline target's gauge may be 0 or
absent, and its duration 0.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from openova_console.handbook.minio import MarkerStatus, Target
from openova_console.handbook.minio_backlog import Flow
from openova_console.settings import HttpEndpoint, Network
from openova_console.settings.minio import MinioMarker, MinioMetrics, MinioSettings
from openova_console.systems import errors
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.http import Received, client, fetch
from openova_console.systems.metrics_text import Sample, parse
from openova_console.systems.sigv4 import SignedRequest

BUCKETS_AT_MOST = 40
"""v3 is asked once per bucket; what lies beyond comes from v2's cache."""
_MARKER_BODY = b"Written by the OpenOva Console to prove that this bucket replicates.\n"


@dataclass(frozen=True, slots=True)
class Replication:
    """What the metrics say.

    Attributes:
        targets: empty when none is named.
        flows: of every bucket and target that has sent or failed.
        received: objects that each bucket got from elsewhere.
        cached: the flows come from v2's cache, because this MinIO has no v3 or has too many buckets.
    """

    targets: tuple[Target, ...]
    flows: tuple[Flow, ...]
    received: tuple[tuple[str, float], ...]
    cached: bool
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class MarkerFacts:
    """The marker as the server has it; `written_at` by the console's clock."""

    status: MarkerStatus
    written_at: datetime
    exchange: Exchange


class Minio:
    """One region's MinIO. Facts only; nothing is written but by `put_marker`."""

    def __init__(
        self, endpoint: HttpEndpoint, settings: MinioSettings, *, region: str, network: Network, deadline_s: float
    ) -> None:
        self.source = f"{region}'s MinIO"
        self._settings = settings
        self._max_bytes = network.max_body_mib * 2**20
        self._deadline_s = deadline_s
        self._http = client(
            base_url=endpoint.url,
            network=network,
            ca_file=endpoint.ca_file,
            token_file=endpoint.token_file,
            source=self.source,
        )
        self._s3: httpx.AsyncClient | None = None
        marker = settings.marker
        if marker.enabled and marker.access_key_file and marker.secret_key_file:
            keys = SignedRequest(marker.access_key_file, marker.secret_key_file, region=marker.s3_region, source=self.source)
            self._s3 = client(base_url=endpoint.url, network=network, ca_file=endpoint.ca_file, auth=keys, source=self.source)

    async def writable(self) -> bool:
        """Whether the cluster answers and has its write quorum (health check guide: 503 when not). Raises `Fault`."""
        try:
            await self._get("/minio/health/cluster")
        except errors.Overloaded:
            return False
        return True

    async def replication(self) -> Replication:
        """Targets and counters. Raises `Fault`; a MinIO without v3 metrics is read from v2 alone."""
        names = self._settings.metrics
        node, bucket = await asyncio.gather(self._get("/minio/v2/metrics/node"), self._get("/minio/v2/metrics/bucket"))
        for found in (node, bucket):
            if not found.body.strip():
                raise errors.Malformed(self.source, f"{self.source} gave an empty answer", call=found.call)
        targets = parse(node.body, (names.link_online, names.link_offline_s), self.source, node.call)
        counted = _counters(names)
        cached = parse(bucket.body, counted, self.source, bucket.call)
        buckets = sorted({s.labels["bucket"] for s in cached if "targetArn" in s.labels and "bucket" in s.labels})
        fresh = await self._fresh(sorted({*buckets, *self._settings.buckets}), counted)
        samples = cached if fresh is None else fresh
        return Replication(
            _targets(targets, names, self._settings.target),
            _flows(samples, names),
            tuple(sorted((s.labels.get("bucket", ""), s.value) for s in cached if s.name == names.received_count)),
            fresh is None,
            _shown(targets + samples, node, bucket),
        )

    async def _fresh(self, buckets: list[str], counted: Collection[str]) -> tuple[Sample, ...] | None:
        if len(buckets) > BUCKETS_AT_MOST:
            return None
        try:
            found = await asyncio.gather(*(self._get(f"/minio/metrics/v3/bucket/replication/{b}") for b in buckets))
        except (errors.NotInstalled, errors.Absent, errors.Refused):
            return None
        return tuple(sample for answer in found for sample in parse(answer.body, counted, self.source, answer.call))

    async def marker(self) -> MarkerFacts | None:
        """HEAD of the marker object; None when there is none yet. Raises `Fault`, also when no marker is switched on."""
        try:
            found = await self._marker("HEAD")
        except (errors.NotInstalled, errors.Absent):
            return None
        written = found.headers.get("x-amz-replication-status", MarkerStatus.ABSENT.value)
        try:
            status = MarkerStatus("COMPLETED" if written == "COMPLETE" else written)
            # Both times are the server's, so that its clock does not matter.
            age = parsedate_to_datetime(found.headers["date"]) - parsedate_to_datetime(found.headers["last-modified"])
        except (ValueError, KeyError, TypeError):
            sentence = f"{self.source} gave a marker object without a date or with an unknown replication status"
            raise errors.Malformed(self.source, sentence, call=found.call) from None
        shown = {n: v for n, v in found.headers.items() if n in ("date", "last-modified", "x-amz-replication-status")}
        kept = exchange(found.call, shown, answered_at=found.answered_at, duration_ms=found.duration_ms)
        return MarkerFacts(status, found.answered_at - max(timedelta(0), age), kept)

    async def put_marker(self) -> datetime:
        """Write the marker object anew (a probe write); returns when it was there. Raises `Fault`."""
        return (await self._marker("PUT", content=_MARKER_BODY)).answered_at

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        if self._s3 is not None:
            await self._s3.aclose()

    async def _marker(self, method: str, *, content: bytes | None = None) -> Received:
        if self._s3 is None:
            raise errors.Misconfigured(self.source, f"{self.source} was not asked: no marker is switched on in the settings")
        marker: MinioMarker = self._settings.marker
        path = f"/{marker.bucket}/{marker.key}"
        limits = {"source": self.source, "max_bytes": self._max_bytes, "deadline_s": self._deadline_s}
        return await fetch(self._s3, method, path, content=content, **limits)  # type: ignore[arg-type]

    async def _get(self, path: str) -> Received:
        return await fetch(self._http, "GET", path, source=self.source, max_bytes=self._max_bytes, deadline_s=self._deadline_s)


def _counters(names: MinioMetrics) -> tuple[str, ...]:
    return (
        names.sent_count,
        names.sent_bytes,
        names.failed_count,
        names.failed_bytes,
        names.failed_last_hour,
        names.received_count,
    )


def _targets(samples: tuple[Sample, ...], names: MinioMetrics, only: str) -> tuple[Target, ...]:
    """A target is online when every sample of it says so; one that is seen only by its time offline is not online."""
    online: dict[str, list[float]] = {}
    offline: dict[str, float] = {}
    for sample in samples:
        endpoint = sample.labels.get("endpoint", "")
        if not only or endpoint == only:
            online.setdefault(endpoint, [])
            if sample.name == names.link_online:
                online[endpoint].append(sample.value)
            else:
                offline[endpoint] = max(offline.get(endpoint, 0.0), sample.value)
    found = [Target(e, bool(v) and all(x == 1 for x in v), max(0.0, offline.get(e, 0.0))) for e, v in online.items()]
    return tuple(sorted(found, key=lambda t: t.endpoint))


def _flows(samples: tuple[Sample, ...], names: MinioMetrics) -> tuple[Flow, ...]:
    order = _counters(names)[:5]
    found: dict[tuple[str, str], dict[str, float]] = {}
    for sample in samples:
        if sample.name in order and "targetArn" in sample.labels:
            values = found.setdefault((sample.labels.get("bucket", ""), sample.labels["targetArn"]), {})
            values[sample.name] = max(0.0, sample.value)
    return tuple(Flow(*key, *(values.get(name, 0.0) for name in order)) for key, values in sorted(found.items()))


def _shown(samples: tuple[Sample, ...], *answers: Received) -> Exchange:
    """What "Show source" prints: the questions, and of their answers the lines that count."""
    lines = [f"{s.name}{{{', '.join(f'{k}={v}' for k, v in sorted(s.labels.items()))}}} {s.value:g}" for s in samples]
    first = min(answers, key=lambda a: a.answered_at)
    took = max(a.duration_ms for a in answers)
    call = "\n".join(a.call for a in answers)
    return exchange(call, "\n".join(lines), answered_at=first.answered_at.astimezone(UTC), duration_ms=took)
