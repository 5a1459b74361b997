"""MinIO's metrics as a real pair gave them, the signature as AWS documents it, and whatever is no metrics at all."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.minio import MarkerStatus, Target
from openova_console.handbook.minio_backlog import Flow
from openova_console.settings import HttpEndpoint
from openova_console.settings.minio import MinioMarker, MinioSettings
from openova_console.systems import errors, sigv4
from openova_console.systems.metrics_text import parse
from openova_console.systems.minio import Minio
from tests.support import misbehaving as support
from tests.support.factories import untimed
from tests.unit.test_systems_garbage import HTTP_GARBAGE

CAPTURED = Path(__file__).parents[1] / "support" / "captured"
NAMES = MinioSettings().metrics
GARBAGE = HTTP_GARBAGE | {
    "truncated JSON": (HTTP_GARBAGE["truncated JSON"][0], errors.Malformed, "cut short"),
    "NaN": (HTTP_GARBAGE["NaN"][0], errors.Malformed, "cut short"),
    "a list": (HTTP_GARBAGE["a list"][0], errors.Malformed, "cut short"),
    "null": (HTTP_GARBAGE["null"][0], errors.Malformed, "cut short"),
    "wrong types": (HTTP_GARBAGE["wrong types"][0], errors.Malformed, "cut short"),
    "deep": (HTTP_GARBAGE["deep"][0], errors.Malformed, "cut short"),
    "not UTF-8": (HTTP_GARBAGE["not UTF-8"][0], errors.Malformed, "cut short"),
    "JSON with a line end": (support.http_bytes(b'{"a": 1}\n'), errors.Malformed, "not metrics"),
    "a metric cut off": (support.http_bytes(b"minio_node_replication_link_online{endp"), errors.Malformed, "cut short"),
    "no number": (support.http_bytes(b"minio_node_replication_link_online{} x\n"), errors.Malformed, "cannot be read"),
    "bad label": (support.http_bytes(b"minio_node_replication_link_online{a} 1\n"), errors.Malformed, "cannot be read"),
}


def minio(port: int, *, scheme: str = "http", deadline_s: float = 5, settings: MinioSettings | None = None, **kw) -> Minio:
    return Minio(
        HttpEndpoint(url=f"{scheme}://127.0.0.1:{port}", **kw),
        settings or MinioSettings(),
        region="Region 1",
        network=support.NETWORK,
        deadline_s=deadline_s,
    )


def serving(answers: dict[str, bytes]):
    """By path, a body with status 200, or a whole answer; anything else is MinIO's 403."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = answers.get(head.split(b" ")[1].decode())
        refusal = support.http_bytes(b'{"Code":"AccessDenied"}', "403 Forbidden")
        writer.write(refusal if found is None else found if found.startswith(b"HTTP/") else support.http_bytes(found))
        await writer.drain()

    return handle


def captured(state: str, *, v3: bool = True) -> dict[str, bytes]:
    found = {f"/minio/v2/metrics/{part}": (CAPTURED / f"minio-v2-{part}-{state}.txt").read_bytes() for part in ("node", "bucket")}
    if v3:
        found["/minio/metrics/v3/bucket/replication/cnpg-wal"] = (CAPTURED / f"minio-v3-bucket-{state}.txt").read_bytes()
    return found


async def read(answers: dict[str, bytes], settings: MinioSettings | None = None):
    async with support.tcp(serving(answers)) as port:
        one = minio(port, settings=settings)
        try:
            return await one.replication()
        finally:
            await one.aclose()


async def test_a_pair_in_step():
    found = await read(captured("steady"))
    assert found.targets == (Target("127.0.0.1:9002", True, 0.0),)
    (flow,) = found.flows
    assert (flow.bucket, flow.sent_count, flow.failed_count, found.cached) == ("cnpg-wal", 5, 0, False)
    assert flow.target.startswith("arn:minio:replication:")


async def test_two_seconds_after_the_link_broke_v3_counts_and_v2_does_not():
    fresh, cached = await read(captured("down-2s")), await read(captured("down-2s", v3=False))
    assert (fresh.flows[0].failed_count, fresh.flows[0].failed_bytes, fresh.cached) == (20, 20480, False)
    assert (cached.flows[0].failed_count, cached.cached) == (0, True)
    assert fresh.targets[0].online and cached.targets[0].online


async def test_a_minute_later_v2_has_followed():
    found = await read(captured("down-64s", v3=False))
    # How long it has been away is not told by a server that has not seen it since its own start.
    assert found.targets == (Target("127.0.0.1:9002", False, 0.0),)
    assert found.flows[0].failed_count == 20


async def test_the_side_that_receives():
    bucket = (CAPTURED / "minio-v2-bucket-target.txt").read_bytes()
    found = await read(
        {"/minio/v2/metrics/node": captured("steady")["/minio/v2/metrics/node"], "/minio/v2/metrics/bucket": bucket}
    )
    assert (found.flows, found.received) == ((), (("cnpg-wal", 5.0),))


async def test_a_target_without_its_gauge_is_not_online():
    node = b'minio_node_replication_link_offline_duration_seconds{endpoint="dr:9000"} 63\n'
    found = await read(captured("steady") | {"/minio/v2/metrics/node": node})
    assert found.targets == (Target("dr:9000", False, 63.0),)


async def test_only_the_named_target_counts_and_every_servers_view_of_it():
    lines = ['{endpoint="dr:9000",server="a"} 1', '{endpoint="dr:9000",server="b"} 0', '{endpoint="archive:9000",server="a"} 0']
    node = "".join(f"minio_node_replication_link_online{line}\n" for line in lines).encode()
    found = await read(captured("steady") | {"/minio/v2/metrics/node": node}, MinioSettings(target="dr:9000"))
    assert found.targets == (Target("dr:9000", False, 0.0),)


async def test_what_is_shown_of_the_exchange_is_what_counts():
    found = await read(captured("down-2s"))
    assert "GET http://127.0.0.1" in found.exchange.call and "/minio/v2/metrics/node" in found.exchange.call
    assert "minio_bucket_replication_total_failed_count" in found.exchange.answer


@pytest.mark.parametrize(("status", "writable"), [("200 OK", True), ("503 Service Unavailable", False)])
async def test_health(status, writable):
    async with support.tcp(serving({"/minio/health/cluster": support.http_bytes(b"", status)})) as port:
        one = minio(port)
        assert await one.writable() is writable
        await one.aclose()


@pytest.mark.parametrize("case", GARBAGE)
async def test_garbage_is_one_clear_sentence(case):
    raw, wanted, words = GARBAGE[case]
    async with support.tcp(support.answering(raw)) as port:
        one = minio(port)
        with pytest.raises(wanted) as caught:
            await one.replication()
        await one.aclose()
    assert caught.value.sentence.startswith("Region 1's MinIO ") and words in caught.value.sentence
    assert "Sign in" not in caught.value.sentence and "stack trace" not in caught.value.sentence


async def test_silence_a_drip_and_a_missing_token(tmp_path):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for handler in (support.silent, support.dripping(head, b"1\r\n#\r\n")):
        async with support.tcp(handler) as port:
            one = minio(port, deadline_s=0.6)
            with pytest.raises(errors.TimedOut):
                await one.replication()
            await one.aclose()
    one = minio(1, token_file=tmp_path / "gone")
    with pytest.raises(errors.Misconfigured, match="token file"):
        await one.writable()
    await one.aclose()


@untimed
@given(st.binary(max_size=90) | st.lists(st.sampled_from(
    ["minio_node_replication_link_online", '{endpoint="a"}', "{a=", " 1", " NaN", " 1e999", "\n", "#", '"', "\\", "}"]
), max_size=12).map(lambda parts: "".join(parts).encode()))  # fmt: skip
def test_no_text_raises_anything_but_a_fault(body):
    with contextlib.suppress(errors.Fault):
        for sample in parse(body, {NAMES.link_online}, "S"):
            assert sample.value == sample.value and abs(sample.value) != float("inf")


# A marker object.


def with_marker(tmp_path: Path) -> MinioSettings:
    (tmp_path / "access").write_text("AKIAIOSFODNN7EXAMPLE\n")
    (tmp_path / "secret").write_text("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n")
    marker = MinioMarker(enabled=True, bucket="probe", access_key_file=tmp_path / "access", secret_key_file=tmp_path / "secret")
    return MinioSettings(marker=marker)


def head_answer(**headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return support.http_bytes(b"", extra=lines)


@pytest.mark.parametrize(
    ("said", "status"),
    [(s, s) for s in ("PENDING", "COMPLETED", "FAILED", "REPLICA")] + [("COMPLETE", "COMPLETED"), (None, "ABSENT")],
)
async def test_a_markers_status_and_age_by_the_servers_own_clock(tmp_path, said, status):
    status_line = {"x_amz_replication_status": said} if said else {}
    dates = {"Date": "Mon, 01 Jan 2001 00:01:40 GMT", "Last_Modified": "Mon, 01 Jan 2001 00:00:00 GMT"}
    answer = head_answer(**status_line, **dates)
    async with support.tcp(serving({"/probe/openova-console/marker": answer})) as port:
        one = minio(port, settings=with_marker(tmp_path))
        found = await one.marker()
        await one.aclose()
    assert found is not None and found.status is MarkerStatus(status)
    assert abs((datetime.now(UTC) - found.written_at) - timedelta(seconds=100)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("answer", "wanted", "words"),
    [
        (head_answer(Last_Modified="Mon, 01 Jan 2001 00:00:00 GMT"), errors.Malformed, "without a date"),
        (head_answer(Date="x", Last_Modified="y"), errors.Malformed, "without a date"),
        (
            head_answer(Date="Mon, 01 Jan 2001 00:00:00 GMT", Last_Modified="Mon, 01 Jan 2001 00:00:00 GMT",
                        x_amz_replication_status="LOST"),
            errors.Malformed,
            "unknown replication status",
        ),
        (support.http_bytes(b"", "403 Forbidden"), errors.Refused, "permission"),
    ],
)  # fmt: skip
async def test_a_marker_that_cannot_be_read(tmp_path, answer, wanted, words):
    async with support.tcp(serving({"/probe/openova-console/marker": answer})) as port:
        one = minio(port, settings=with_marker(tmp_path))
        with pytest.raises(wanted, match=words):
            await one.marker()
        await one.aclose()


async def test_no_marker_yet_and_none_switched_on(tmp_path):
    async with support.tcp(serving({"/probe/openova-console/marker": support.http_bytes(b"", "404 Not Found")})) as port:
        one, off = minio(port, settings=with_marker(tmp_path)), minio(port)
        assert await one.marker() is None
        with pytest.raises(errors.Misconfigured, match="no marker is switched on"):
            await off.put_marker()
        await one.aclose()
        await off.aclose()


async def test_the_write_is_signed_and_carries_no_secret(tmp_path):
    seen: list[bytes] = []

    async def handle(reader, writer):
        seen.append(await reader.read(4000))
        writer.write(support.http_bytes(b""))

    async with support.tcp(handle) as port:
        one = minio(port, settings=with_marker(tmp_path))
        await one.put_marker()
        await one.aclose()
    assert seen[0].startswith(b"PUT /probe/openova-console/marker HTTP/1.1")
    assert b"Credential=AKIAIOSFODNN7EXAMPLE/" in seen[0] and b"wJalrXUtnFEMI" not in seen[0]


def test_the_signature_is_the_documented_one():
    """AWS documentation, "Signature Calculations for the Authorization Header", example: GET Object."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    header = sigv4.authorization(
        "GET",
        "/test.txt",
        {
            "host": "examplebucket.s3.amazonaws.com",
            "range": "bytes=0-9",
            "x-amz-content-sha256": empty,
            "x-amz-date": "20130524T000000Z",
        },
        empty,
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        at=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert header == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_flows_have_a_key():
    assert Flow("a", "b", 0, 0, 0, 0, 0).key == ("a", "b")
