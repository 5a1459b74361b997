"""The lab's MinIOs: bodies as a real pair gave them, refusals, and the board's row under each bad case."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from minio import Minio as OwnClient
from minio.error import S3Error

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.lab.faults import Fault
from openova_console.lab.minio import BUCKETS, MARKED, MinioPair
from openova_console.lab.world import World
from openova_console.settings import Settings
from openova_console.settings.minio import MinioMarker
from openova_console.watch.collectors.minio import MinioCollector
from tests.lab.lab_time import LabTime
from tests.lab.running import R1, R2, START, Running
from tests.support.bad_cases import proven

CAPTURED = Path(__file__).parents[1] / "support" / "captured"
NODE, BUCKET, V3 = "/minio/v2/metrics/node", "/minio/v2/metrics/bucket", "/minio/metrics/v3/bucket/replication/"
COLLECTOR = "openova_console.watch.collectors.minio"
T0 = START.timestamp()


def without_marker(settings: Settings) -> Settings:
    minio = settings.replication.minio.model_copy(update={"marker": MinioMarker()})
    return settings.model_copy(update={"replication": settings.replication.model_copy(update={"minio": minio})})


@pytest_asyncio.fixture
async def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LabTime]:
    async with LabTime(tmp_path / "lab", monkeypatch, Service.MINIO, MinioCollector, modules=(COLLECTOR,)) as one:
        yield one


@pytest_asyncio.fixture
async def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LabTime]:
    lab = tmp_path / "lab"
    async with LabTime(lab, monkeypatch, Service.MINIO, MinioCollector, modules=(COLLECTOR,), change=without_marker) as one:
        yield one


async def ask(here: Running, path: str, *, region: str = R1, token: str | None = None) -> httpx.Response:
    token = here.lab.folder.secret(f"{region}-minio.token") if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=here.url(f"{region}/minio"), headers=headers, trust_env=False) as client:
        return await client.get(path)


def shape(text: str) -> dict[str, tuple[str, ...]]:
    """Metric names with their labels."""
    found = re.findall(r"^(\w+)\{(.*)\} \S+$", text, re.MULTILINE)
    return {name: tuple(re.findall(r"(\w+)=\"", labels)) for name, labels in found}


@pytest.mark.parametrize(
    ("path", "region", "captured"),
    [
        (NODE, R1, "minio-v2-node-steady.txt"),
        (BUCKET, R1, "minio-v2-bucket-steady.txt"),
        (BUCKET, R2, "minio-v2-bucket-target.txt"),
        (f"{V3}loki-data", R1, "minio-v3-bucket-down-2s.txt"),
    ],
)
async def test_metrics_have_the_names_and_labels_of_a_real_pair(here: Running, path: str, region: str, captured: str):
    answer = await ask(here, path, region=region)
    real = shape((CAPTURED / captured).read_text())
    mine = shape(answer.text)
    assert mine and all(real[name] == labels for name, labels in mine.items())
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


async def test_a_bucket_that_does_not_replicate_has_no_lines(here: Running):
    answer = await ask(here, f"{V3}nowhere")
    assert (answer.status_code, answer.text) == (200, "")


async def test_health_needs_no_token_and_metrics_do(here: Running):
    health = await ask(here, "/minio/health/cluster", token="")
    assert (health.status_code, health.headers["X-Minio-Write-Quorum"]) == (200, "1")
    for token in ("", "wrong", here.lab.folder.secret(f"{R2}-minio.token")):
        for path in (NODE, BUCKET, f"{V3}loki-data"):
            answer = await ask(here, path, token=token)
            assert answer.status_code == 403
            said = answer.json()
            assert (said["Code"], said["Resource"]) == ("AccessDenied", path)
            assert said["Message"] == "Access Denied. (Authentication failed, check your access credentials)"
    unknown = await ask(here, "/minio/v2/metrics/nowhere")
    assert (unknown.status_code, "<Code>AccessDenied</Code>" in unknown.text) == (403, True)


def own_client(here: Running, *, secret: str | None = None) -> OwnClient:
    """MinIO's own client library."""
    folder = here.lab.folder
    return OwnClient(
        endpoint=here.url(f"{R1}/minio").removeprefix("http://"),
        access_key=folder.secret(f"{R1}-minio.access-key"),
        secret_key=folder.secret(f"{R1}-minio.secret-key") if secret is None else secret,
        region="us-east-1",
        secure=False,
    )


async def test_minios_own_client_writes_a_marker_and_a_wrong_key_does_not(here: Running):
    def put(client: OwnClient, bucket: str) -> str:
        return str(client.put_object(bucket_name=bucket, object_name="a/b", data=io.BytesIO(b"x"), length=1).etag)

    assert await asyncio.to_thread(put, own_client(here), MARKED)
    for client, bucket, code in (
        (own_client(here, secret="wrong"), MARKED, "SignatureDoesNotMatch"),
        (own_client(here), "loki-data", "AccessDenied"),
    ):
        with pytest.raises(S3Error) as refused:
            await asyncio.to_thread(put, client, bucket)
        assert refused.value.code == code
    await here.lab.advance(1)
    seen = await asyncio.to_thread(lambda: own_client(here).stat_object(bucket_name=MARKED, object_name="a/b"))
    assert seen.metadata["X-Amz-Replication-Status"] == "COMPLETED"


def test_counters_never_fall_and_everything_arrives_in_the_end():
    world = World(7)
    changes = [(0, {}), (40, {"link_up": False}), (100, {}), (130, {"troubles": frozenset({"minio_target_full"})}), (190, {})]
    pair: MinioPair = world.minio
    seen: list[tuple[int, int]] = []
    healthy = {"link_up": True, "troubles": frozenset()}
    for second in range(300):
        t = T0 + second
        for at, change in changes:
            if at == second:
                world.change(t, **(healthy | change))
        epoch = world.timeline.at(t)
        counts = [pair.count(epoch, bucket, t) for bucket in BUCKETS]
        seen.append((sum(c.sent for c in counts), sum(c.failed for c in counts)))
    for before, after in pairwise(seen):
        assert after[0] >= before[0] and after[1] >= before[1]
    assert seen[39][1] == 0 and seen[99][1] > 20 and seen[129][1] == seen[100][1] < seen[189][1]
    assert seen[99][0] == seen[40][0]
    assert pair.unsent(world.timeline.at(T0 + 299), T0 + 299) == 0


async def test_in_step(marked: LabTime):
    first = await marked.look()
    assert first.judgement.verdict is Verdict.OK
    found = await marked.look(12)
    assert (found.judgement.verdict, found.transport_up, found.at_risk_bytes) == (Verdict.OK, True, 0.0)
    assert found.judgement.sentence.startswith("Linked; a marker written ")


async def test_full_target(marked: LabTime):
    await marked.look(12)
    await marked.here.lab.set_trouble("minio_target_full", True)
    found = await marked.look(30)
    proven("MinIO", "the target is full: objects fail over a link that is up", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.BREACH and found.at_risk_bytes > 1e6 and found.lag_s >= 30
    await marked.here.lab.set_trouble("minio_target_full", False)
    assert (await marked.look(12)).judgement.verdict is not Verdict.OK
    found = await marked.look(200, every_s=20)
    assert (found.judgement.verdict, found.at_risk_bytes) == (Verdict.OK, 0.0)


async def test_full_target_without_a_marker(plain: LabTime):
    await plain.look(12)
    await plain.here.lab.set_trouble("minio_target_full", True)
    found = await plain.look(30)
    proven("MinIO", "the target is full, no marker", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.BREACH and "none was sent since" in found.judgement.sentence
    await plain.here.lab.set_trouble("minio_target_full", False)
    found = await plain.look(24, every_s=3)
    assert found.judgement.verdict is Verdict.WARN and found.judgement.sentence.startswith("Catching up for ")
    assert (await plain.look(200, every_s=20)).judgement.verdict is Verdict.OK


async def test_link_down(plain: LabTime):
    await plain.look(12)
    await plain.here.lab.set_trouble("minio_link_down", True)
    early = await plain.look(20)
    assert early.judgement.verdict is Verdict.BREACH
    found = await plain.look(75)
    proven("MinIO", "the target is not reached", found.judgement, on="lab")
    assert (found.judgement.verdict, found.transport_up) == (Verdict.BREACH, False)
    assert "exist only in Region 1" in found.judgement.sentence
    await plain.here.lab.set_trouble("minio_link_down", False)
    assert (await plain.look(240, every_s=20)).judgement.verdict is Verdict.OK


async def test_a_queue_that_no_counter_shows(marked: LabTime):
    await marked.look(12)
    await marked.here.lab.set_trouble("minio_backlog", True)
    found = await marked.look(360, every_s=30)
    proven("MinIO", "objects wait and none fails: the marker grows old", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.WARN and found.lag_s > 300


async def test_a_console_that_starts_after_the_failures(plain: LabTime):
    await plain.here.lab.set_trouble("minio_target_full", True)
    await plain.here.lab.advance(60)
    await plain.here.lab.set_trouble("minio_target_full", False)
    await plain.here.lab.advance(60)
    found = await plain.look()
    proven("MinIO", "objects failed before the console started", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.UNKNOWN and found.lag_s is None


async def test_no_power_and_no_link(marked: LabTime):
    await marked.look(12)
    await marked.here.lab.switch("r1_down")
    found = await marked.look(30)
    proven("MinIO", "region 1 has no power", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.UNKNOWN and marked.faults
    await marked.here.lab.switch("healthy")
    assert (await marked.look(300, every_s=20)).judgement.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("endpoint", "fault", "case"),
    [
        (f"{R2}/minio", "refuse", "region 2's MinIO is gone"),
        (f"{R1}/minio", "garbage:html", "a sign-in page instead of metrics"),
        (f"{R1}/minio", "garbage:truncated", "metrics that are cut short"),
    ],
)
async def test_an_end_that_cannot_be_read(marked: LabTime, endpoint: str, fault: str, case: str):
    await marked.look(12)
    await marked.here.lab.set_fault(endpoint, Fault.parse(fault))
    found = await marked.look(30)
    proven("MinIO", case, found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.UNKNOWN and marked.faults
