"""One region's MinIO: health, replication metrics (v2 cached, v3 fresh), and S3 for one marker object.

Bodies as a real MinIO (2026-02) gives them. Metrics want a bearer token, S3 a signature (Signature Version 4).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from openova_console.lab.minio import BUCKETS, MARKED, SOURCE, TARGET, Bucket
from openova_console.lab.prometheus import number
from openova_console.lab.site import Service, Site
from openova_console.lab.timeline import Epoch

_ARN = "arn:minio:replication::4a6bd7f2-0a2c-4b5e-9a51-6f21c1b6e0d4"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/,]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
_UNSIGNED = "NotAuthenticated"
_TEXT = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


def application(site: Site) -> web.Application:
    """The routes of one region's MinIO."""
    metrics, store = _Metrics(site), _Store(site)
    app = web.Application(middlewares=[_as_minio])
    for path in ("live", "ready", "cluster", "cluster/read"):
        app.router.add_get(f"/minio/health/{path}", _health)
    app.router.add_get("/minio/v2/metrics/node", metrics.node)
    app.router.add_get("/minio/v2/metrics/bucket", metrics.bucket)
    app.router.add_get("/minio/metrics/v3/bucket/replication/{bucket}", metrics.one_bucket)
    app.router.add_route("HEAD", "/{bucket}/{key:.+}", store.head)
    app.router.add_put("/{bucket}/{key:.+}", store.put)
    return app


async def _health(request: web.Request) -> web.Response:
    return web.Response(headers={"X-Minio-Storage-Class-Defaults": "false", "X-Minio-Write-Quorum": "1"})


class _Metrics:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def node(self, request: web.Request) -> web.Response:
        """v2 of this node: where it replicates to, and whether that is reached."""
        self._demand_token(request)
        at = self._cached_at()
        epoch, model = self._site.world.timeline.at(at), self._site.world.minio
        away = model.offline_s(epoch, at)
        found: list[tuple[str, str, str, float]] = []
        if self._site.region == SOURCE:
            endpoint = f'{{endpoint="{TARGET}",server="{self._server}"}}'
            told = "Total downtime of replication link in seconds since server start"
            found = [
                ("minio_node_replication_link_offline_duration_seconds", "gauge", endpoint, float(int(away))),
                ("minio_node_replication_link_online", "gauge", endpoint, float(away == 0)),
            ]
            return _metrics(found, {"minio_node_replication_link_offline_duration_seconds": told})
        return _metrics([("minio_node_replication_recent_backlog_count", "gauge", f'{{server="{self._server}"}}', 0.0)])

    async def bucket(self, request: web.Request) -> web.Response:
        """v2 of all buckets."""
        self._demand_token(request)
        at = self._cached_at()
        epoch = self._site.world.timeline.at(at)
        return _metrics([row for bucket in BUCKETS for row in self._rows(epoch, bucket, at)])

    async def one_bucket(self, request: web.Request) -> web.Response:
        """v3 of one bucket; one that does not replicate has no lines."""
        self._demand_token(request)
        bucket = next((b for b in BUCKETS if b.name == request.match_info["bucket"]), None)
        at = self._site.clock.unix()
        rows = self._rows(self._site.world.timeline.at(at), bucket, at) if bucket else []
        return _metrics([row for row in rows if "received" not in row[0]])

    @property
    def _server(self) -> str:
        return f"minio-0.minio.storage.svc.{self._site.region}:9000"

    def _cached_at(self) -> float:
        return self._site.world.minio.cached_at(self._site.clock.unix())

    def _rows(self, epoch: Epoch, bucket: Bucket, at: float) -> list[tuple[str, str, str, float]]:
        count = self._site.world.minio.count(epoch, bucket, at)
        prefix = "minio_bucket_replication_"
        if self._site.region != SOURCE:
            got = [("received_bytes", count.sent * bucket.object_bytes), ("received_count", count.sent)]
            labels = f'{{bucket="{bucket.name}",server="{self._server}"}}'
            return [(prefix + name, "gauge", labels, float(value)) for name, value in got]
        labels = f'{{bucket="{bucket.name}",server="{self._server}",targetArn="{_ARN}:{bucket.name}"}}'
        said = {
            "last_hour_failed_bytes": count.failed_last_hour * bucket.object_bytes,
            "last_hour_failed_count": count.failed_last_hour,
            "sent_bytes": count.sent * bucket.object_bytes,
            "sent_count": count.sent,
            "total_failed_bytes": count.failed * bucket.object_bytes,
            "total_failed_count": count.failed,
        }
        return [(prefix + name, "gauge", labels, float(value)) for name, value in said.items()]

    def _demand_token(self, request: web.Request) -> None:
        wanted = f"Bearer {self._site.secret(f'{self._site.region}-minio.token')}"
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            raise web.HTTPForbidden(reason=_UNSIGNED)


def _metrics(rows: list[tuple[str, str, str, float]], told: Mapping[str, str] | None = None) -> web.Response:
    lines: list[str] = []
    described: set[str] = set()
    for name, kind, labels, value in sorted(rows):
        if name not in described:
            described.add(name)
            lines += [f"# HELP {name} {(told or {}).get(name, 'Replication of the lab')}", f"# TYPE {name} {kind}"]
        lines.append(f"{name}{labels} {number(value)}")
    body = "".join(f"{line}\n" for line in lines)
    return web.Response(body=body.encode(), headers={"Content-Type": _TEXT})


class _Store:
    """The marker's bucket: one object per key, with its replication status."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._written: dict[str, float] = {}
        self._arrived: set[str] = set()

    async def put(self, request: web.Request) -> web.Response:
        key = self._admit(request, await request.read())
        self._written[key] = self._site.clock.unix()
        self._arrived.discard(key)
        etag = hashlib.sha256(f"{key}{self._written[key]}".encode()).hexdigest()[:32]
        return web.Response(headers={"ETag": f'"{etag}"', "X-Amz-Version-Id": f"{etag[:8]}-lab"})

    async def head(self, request: web.Request) -> web.Response:
        key = self._admit(request, b"")
        if key not in self._written:
            raise web.HTTPNotFound
        now = self._site.clock.unix()
        headers = {"Last-Modified": _http(self._written[key]), "Date": _http(now)}
        if self._site.region == SOURCE:
            headers["X-Amz-Replication-Status"] = self._status(key, now)
        return web.Response(headers=headers)

    def _status(self, key: str, now: float) -> str:
        world, written = self._site.world, self._written[key]
        then, epoch = world.timeline.at(written), world.timeline.at(now)
        at_once = world.minio.arriving(then) and (now > written or epoch is not then)
        if at_once or (world.minio.arriving(epoch) and world.minio.unsent(epoch, now) == 0 and now > written):
            self._arrived.add(key)
        if key in self._arrived:
            return "COMPLETED"
        return "FAILED" if world.minio.failing(epoch) and now > written else "PENDING"

    def _admit(self, request: web.Request, body: bytes) -> str:
        """The key, when the bucket exists and the request is signed for this body by the console's own account."""
        match = _SIGNED.fullmatch(request.headers.get("Authorization", ""))
        region = self._site.region
        if match is None or match[1] != self._site.secret(f"{region}-minio.access-key"):
            raise web.HTTPForbidden(reason="InvalidAccessKeyId" if match else "AccessDenied")
        if not hmac.compare_digest(match[5], _signature(request, match, self._site.secret(f"{region}-minio.secret-key"))):
            raise web.HTTPForbidden(reason="SignatureDoesNotMatch")
        if hashlib.sha256(body).hexdigest() != request.headers.get("x-amz-content-sha256"):
            raise web.HTTPBadRequest(reason="XAmzContentSHA256Mismatch")
        if request.match_info["bucket"] != MARKED:
            raise web.HTTPForbidden(reason="AccessDenied")
        return request.match_info["key"]


def _signature(request: web.Request, match: re.Match[str], secret: str) -> str:
    day, region, names = match[2], match[3], match[4]
    lines = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names.split(";"))
    path, _, query = request.raw_path.partition("?")
    digest = request.headers.get("x-amz-content-sha256", "")
    canonical = "\n".join((request.method, path, query, lines, names, digest))
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    scope = f"{day}/{region}/s3/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", request.headers.get("x-amz-date", ""), scope, hashed))
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


def _http(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


@web.middleware
async def _as_minio(request: web.Request, handler: Handler) -> web.StreamResponse:
    """MinIO's words: JSON below /minio/, XML for S3; what it does not know there counts as a bucket's name."""
    request_id = hashlib.sha256(request.raw_path.encode()).hexdigest()[:16].upper()
    shown = {"Accept-Ranges": "bytes", "Server": "MinIO", "X-Amz-Request-Id": request_id}
    try:
        answer = await handler(request)
    except web.HTTPException as refusal:
        answer = _refused(request, refusal, request_id)
    for name, value in shown.items():
        answer.headers.setdefault(name, value)
    return answer


def _refused(request: web.Request, refusal: web.HTTPException, request_id: str) -> web.Response:
    path = request.path
    if refusal.reason == _UNSIGNED:
        message = "Access Denied. (Authentication failed, check your access credentials)"
        body = {"Code": "AccessDenied", "Message": message, "Resource": path, "RequestId": request_id, "HostId": ""}
        return web.json_response(body, status=403)
    if request.method == "HEAD":
        return web.Response(status=refusal.status)
    code = refusal.reason if refusal.status in (400, 403) and " " not in refusal.reason else "AccessDenied"
    status = refusal.status if refusal.status in (400, 403) else 403
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{_SAID.get(code, "Access Denied.")}'
    text += f"</Message><Resource>{path}</Resource><RequestId>{request_id}</RequestId><HostId></HostId></Error>"
    return web.Response(status=status, body=text.encode(), headers={"Content-Type": "application/xml"})


_SAID = {
    "InvalidAccessKeyId": "The Access Key Id you provided does not exist in our records.",
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method.",
    "XAmzContentSHA256Mismatch": "The provided 'x-amz-content-sha256' header does not match what was computed.",
}


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    return {"minio": {"url": f"http://127.0.0.1:{ports[f'{region}/minio']}", "token_file": f"{files}{region}-minio.token"}}


def marker(files: str) -> dict[str, Any]:
    """What the console's settings say below `replication.minio`: the lab has a marker, to show what one proves."""
    keys = {f"{what}_key_file": f"{files}{SOURCE}-minio.{what}-key" for what in ("access", "secret")}
    return {"settle_s": 30, "marker": {"enabled": True, "bucket": MARKED, "every_s": 10, **keys}}


MINIO = Service(
    application=application,
    settings=_settings,
    secrets=("minio.token", "minio.access-key", "minio.secret-key"),
)
