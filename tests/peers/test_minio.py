"""The MinIO row on two real MinIOs: in step, target down, a marker that proves it, back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.settings import Cadence, HttpEndpoint, Settings
from openova_console.settings.minio import MinioMarker, MinioSettings
from openova_console.systems import errors
from openova_console.systems.minio import Minio
from openova_console.watch.board import judge
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.collectors.minio import MinioCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import ask
from tests.peers.servers.background import Background
from tests.peers.servers.minio import BUCKET, MinioPair
from tests.peers.servers.process import Missing
from tests.support import factories
from tests.support.bad_cases import proven

ON = "MinIO 2026-02-12"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioPair]:
    with Background() as background:
        try:
            made = MinioPair(tmp_path_factory.mktemp("minio"), background)
        except Missing as missing:
            if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
                pytest.fail(f"a peer is missing: {missing}", pytrace=False)
            pytest.skip(f"a peer is missing: {missing}")
        try:
            made.start()
            yield made
        finally:
            made.stop()


class Console:
    """The collectors of both regions, with what they remember, and the row that the board makes of it."""

    def __init__(self, pair: MinioPair, *, marker: bool) -> None:
        regions = [
            factories.region(f"region-{n}", role, minio=HttpEndpoint(**where))
            for n, role, where in zip((1, 2), ("primary", "dr"), pair.settings(), strict=True)
        ]
        minio = MinioSettings(settle_s=5, marker=MinioMarker(**pair.marker()) if marker else MinioMarker())
        plain = factories.settings(regions=regions, cadence=Cadence(timeout_s=2))
        self.settings: Settings = plain.model_copy(update={"replication": plain.replication.model_copy(update={"minio": minio})})
        self.store = SnapshotStore()
        self.collectors = [MinioCollector(region, self.settings, self.store) for region in self.settings.regions]

    async def look(self) -> Assessment:
        for collector in self.collectors:
            await collector.read()
        return ask.row(judge(self.store.current, self.settings, utc_now()), Service.MINIO)

    async def close(self) -> None:
        for collector in self.collectors:
            await collector.close()


async def test_target_down_and_back(pair: MinioPair):
    plain, marked = Console(pair, marker=False), Console(pair, marker=True)
    try:
        found = await ask.eventually(marked.look, lambda a: "marker written" in a.judgement.sentence)
        assert (found.judgement.verdict, found.transport_up) == (Verdict.OK, True)
        assert found.judgement.sentence.startswith("Linked; ")
        found = await plain.look()
        assert found.judgement.verdict is Verdict.OK and found.judgement.sentence.startswith("Linked; no object failed")
        # v2's gauges are a minute old at worst, and are dated so.
        assert (utc_now() - found.observed_at).total_seconds() >= 60
        evidence = plain.store.current.minio["region-1"]
        assert [t.endpoint for t in evidence.targets.value] == [f"127.0.0.1:{pair.link.port}"]

        pair.link.refuse()
        pair.write("down", 20)
        found = await ask.eventually(plain.look, lambda a: a.at_risk_bytes == 20 * 1024, timeout_s=10)
        proven("MinIO", "the target is gone, no marker: counters alone", found.judgement, on=ON)
        assert (found.judgement.verdict, found.lag_s is not None) == (Verdict.BREACH, True)
        found = await ask.eventually(marked.look, lambda a: "failed to reach" in a.judgement.sentence, timeout_s=10)
        proven("MinIO", "the target is gone: a marker fails", found.judgement, on=ON)
        assert found.judgement.verdict is Verdict.BREACH and found.at_risk_bytes >= 20 * 1024
        pair.link.up()
        found = await ask.eventually(marked.look, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=90)
        assert found.at_risk_bytes == 0 and pair.status("down/19") == "COMPLETED"
        found = await ask.eventually(plain.look, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=20)
        assert found.lag_s is not None
    finally:
        await plain.close()
        await marked.close()


async def test_a_source_that_starts_while_the_target_is_away(pair: MinioPair):
    """Nothing is cached yet: the first look sees the target's true state, and no counter of before."""
    console = Console(pair, marker=False)
    pair.link.refuse()
    try:
        pair.restart()
        pair.write("again", 3)
        found = await ask.eventually(console.look, lambda a: a.transport_up is False, timeout_s=75)
        proven("MinIO", "the target is gone: its gauge says so", found.judgement, on=ON)
        assert found.judgement.verdict is Verdict.BREACH
    finally:
        pair.link.up()
        await console.close()


async def test_the_servers_own_refusals(pair: MinioPair, tmp_path: Path):
    (tmp_path / "wrong").write_text("not-the-secret")
    keys = pair.marker() | {"secret_key_file": tmp_path / "wrong"}
    for marker, words in ((keys, "permission"), (pair.marker() | {"bucket": "no-such-bucket"}, "not installed")):
        minio = Minio(
            HttpEndpoint(**pair.settings()[0]),
            MinioSettings(marker=MinioMarker(**marker)),
            region="Region 1",
            network=ask.NETWORK,
            deadline_s=5,
        )
        try:
            with pytest.raises(errors.Fault, match=words):
                await minio.put_marker()
        finally:
            await minio.aclose()


async def test_the_target_itself_is_gone(pair: MinioPair):
    """Both ends are read: a target that the console cannot reach is unknown, whatever the source's gauges say."""
    console = Console(pair, marker=False)
    try:
        pair.processes[1].freeze()
        with pytest.raises(errors.TimedOut):
            await console.collectors[1].read()
        await console.collectors[0].read()
        found = ask.row(judge(console.store.current, console.settings, utc_now()), Service.MINIO)
        proven("MinIO", "region 2's MinIO does not answer", found.judgement, on=ON)
    finally:
        pair.processes[1].thaw()
        await console.close()


async def test_the_other_side_counts_what_it_received(pair: MinioPair):
    console = Console(pair, marker=False)
    try:
        await console.look()
    finally:
        await console.close()
    received = dict(console.store.current.minio["region-2"].counters.value.received)
    # Up to a minute old, so of the first objects at least.
    assert received[BUCKET] >= 1
