"""The MongoDB and Redpanda rows on the lab: read by the real collector over sockets, judged as the board does."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.lab.clock import Clock
from openova_console.lab.faults import Fault as LabFault
from openova_console.lab.world import World
from openova_console.systems.errors import Fault
from openova_console.watch.board.replication import replication_rows
from openova_console.watch.collectors.streams import StreamsCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, START, Running, running
from tests.support.bad_cases import proven

BEFORE_S = 400
CAPTURED = Path(__file__).parent / "samples" / "services" / "kafka-connect.json"
MONGODB, REDPANDA = Service.MONGODB, Service.REDPANDA


class Overview:
    """A lab whose clock lags behind ours until it is looked at: answers of Connect are dated by ours."""

    def __init__(self, here: Running) -> None:
        self.here = here
        self.settings = console_settings.load(here.path / "console.yaml")
        self.store = SnapshotStore()
        self.collectors = [StreamsCollector(r, self.settings, self.store) for r in self.settings.regions]

    async def until(self, seconds: float) -> None:
        """Let time pass until so many seconds before now."""
        left = (datetime.now(UTC) - self.here.lab.clock.now()).total_seconds() - seconds
        await self.here.lab.advance(max(0.0, left))

    async def row(self, service: Service) -> Assessment:
        """Read everything now; what the board says then."""
        await self.until(0)
        for collector in self.collectors:
            try:
                await collector.read()
            except Fault as fault:
                assert fault.sentence
        found = replication_rows(self.store.current, self.settings, self.settings.regions[0], datetime.now(UTC))
        return next(r.assessment for r in found if r.promise.service is service)

    async def close(self) -> None:
        for collector in self.collectors:
            await collector.close()


@pytest_asyncio.fixture
async def overview(tmp_path: Path) -> AsyncIterator[Overview]:
    here = await running(tmp_path / "lab", clock=Clock(datetime.now(UTC) - timedelta(seconds=BEFORE_S)))
    one = Overview(here)
    yield one
    await one.close()
    await here.lab.stop()


def said(found: Assessment) -> tuple[Verdict, str]:
    return found.judgement.verdict, found.judgement.sentence


async def test_healthy_streams_are_ok_with_every_hop_measured(overview: Overview) -> None:
    mongodb, redpanda = await overview.row(MONGODB), await overview.row(REDPANDA)
    assert mongodb.judgement.verdict is Verdict.OK, mongodb.judgement
    assert redpanda.judgement.verdict is Verdict.OK, redpanda.judgement
    assert [h.name for h in mongodb.hops] == ["Debezium", "MirrorMaker 2", "Sink"]
    assert mongodb.lag_s == pytest.approx(sum(h.lag_s for h in mongodb.hops))
    assert all(h.judgement.verdict is Verdict.OK for h in (*mongodb.hops, *redpanda.hops))
    assert (mongodb.transport_up, redpanda.transport_up) == (True, True)
    assert mongodb.at_risk_bytes > 0 and redpanda.at_risk_bytes > 0


@pytest.mark.parametrize(
    ("trouble", "service", "verdict", "words"),
    [
        ("mirror_source_frozen", REDPANDA, Verdict.UNKNOWN, "Not known: no heartbeat has arrived for "),
        ("mirror_task_failed", REDPANDA, Verdict.BREACH,
         "Task 1 of region1->region2.MirrorSourceConnector has failed: ConnectException: Tolerance exceeded in error handler"),
        ("mirror_paused", REDPANDA, Verdict.BREACH,
         "Connector region1->region2.MirrorSourceConnector is paused: nothing is copied"),
        ("mirror_source_frozen", MONGODB, Verdict.UNKNOWN, "Not known, MirrorMaker 2: No heartbeat has arrived for "),
        ("mirror_task_failed", MONGODB, Verdict.BREACH, "Task 1 of region1->region2.MirrorSourceConnector has failed"),
        ("cdc_connector_failed", MONGODB, Verdict.BREACH, "Task 0 of mongodb-source has failed: ConnectException: An exception"),
        ("cdc_disconnected", MONGODB, Verdict.BREACH, "Debezium has lost the database: no change is captured"),
        ("cdc_no_event", MONGODB, Verdict.UNKNOWN, "Not known, Debezium: Debezium has seen no event yet"),
        ("cdc_clock_skew", MONGODB, Verdict.UNKNOWN, "Not known, Debezium: Clock skew: Debezium's clock is at least 2.3 s"),
        ("sink_stopped", MONGODB, Verdict.BREACH, "Connector mongodb-sink is stopped: nothing is copied"),
    ],
)  # fmt: skip
async def test_a_single_trouble_is_never_green(overview: Overview, trouble, service, verdict, words) -> None:
    await overview.until(30)
    await overview.here.lab.set_trouble(trouble, True)
    found = await overview.row(service)
    assert found.judgement.verdict is verdict, found.judgement
    assert found.judgement.sentence.startswith(words)
    title = "MongoDB" if service is MONGODB else "Redpanda"
    proven(title, trouble.replace("_", " "), found.judgement, on="lab")


async def test_a_frozen_source_is_unknown_within_two_heartbeats_and_a_scrape(overview: Overview) -> None:
    assert (await overview.row(REDPANDA)).judgement.verdict is Verdict.OK
    await overview.here.lab.set_trouble("mirror_source_frozen", True)
    overview.here.lab.clock.advance(11)
    for collector in overview.collectors:
        await collector.read()
    hops = replication_rows(overview.store.current, overview.settings, overview.settings.regions[0], datetime.now(UTC))
    found = next(r.assessment for r in hops if r.promise.service is REDPANDA)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert {h.name: h.judgement.verdict for h in found.hops}["Connector"] is Verdict.OK


async def test_what_a_frozen_source_has_more_is_told_in_bytes(overview: Overview) -> None:
    await overview.until(30)
    await overview.here.lab.set_trouble("mirror_source_frozen", True)
    found = await overview.row(REDPANDA)
    assert found.judgement.sentence.endswith(" exist only in the primary region")
    # 72 records a second of about 500 bytes, for half a minute and what was not committed before
    assert 30 * 15_000 < found.at_risk_bytes < 80 * 80_000


@pytest.mark.parametrize("service", [MONGODB, REDPANDA])
@pytest.mark.parametrize(("scenario", "after", "verdict"), [
    ("lag_breach", 30, Verdict.WARN),
    ("lag_breach", 110, Verdict.BREACH),
    ("partition", 30, Verdict.UNKNOWN),
    ("r1_down", 30, Verdict.UNKNOWN),
    ("r2_isolated", 30, Verdict.UNKNOWN),
])  # fmt: skip
async def test_scenarios_change_what_they_should(overview: Overview, service, scenario, after, verdict) -> None:
    await overview.until(after)
    await overview.here.lab.switch(scenario)
    found = await overview.row(service)
    assert found.judgement.verdict is verdict, found.judgement
    title = "MongoDB" if service is MONGODB else "Redpanda"
    proven(title, f"{scenario} for {after} s", found.judgement, on="lab")


async def test_everything_is_well_again_after_the_trouble(overview: Overview) -> None:
    await overview.until(120)
    for trouble in ("mirror_source_frozen", "sink_stopped", "cdc_connector_failed"):
        await overview.here.lab.set_trouble(trouble, True)
    await overview.until(60)
    await overview.here.lab.switch("healthy")
    for service in (MONGODB, REDPANDA):
        found = await overview.row(service)
        assert found.judgement.verdict is Verdict.OK, found.judgement


async def test_what_one_source_does_not_give_leaves_the_other_new(overview: Overview) -> None:
    await overview.row(REDPANDA)
    before = overview.store.current.redpanda[R2]
    await overview.here.lab.set_fault(f"{R2}/connect", LabFault("refuse"))
    overview.here.lab.clock.advance(6)
    with pytest.raises(Fault, match="Region 2's Kafka Connect refused the connection: nothing listens there"):
        await overview.collectors[1].read()
    after = overview.store.current.redpanda[R2]
    assert (after.connectors, after.offsets) == (before.connectors, before.offsets), "they grow old"
    assert after.flows.observed_at > before.flows.observed_at
    await overview.here.lab.set_fault(f"{R2}/connect", LabFault("up"))
    await overview.here.lab.set_fault(f"{R2}/prometheus", LabFault("refuse"))
    with pytest.raises(Fault, match="Region 2's Prometheus refused the connection"):
        await overview.collectors[1].read()
    last = overview.store.current.redpanda[R2]
    assert last.flows == after.flows and last.connectors.observed_at > after.connectors.observed_at


async def test_a_mirror_maker_with_a_connect_of_its_own_is_read_there(overview: Overview) -> None:
    """Strimzi's KafkaMirrorMaker2: here region 2's Connect plays it, and region 1's has nothing of region 2's but the name."""
    one, two = overview.settings.regions
    apart = two.model_copy(update={"kafka_connect": one.kafka_connect, "mirror_maker": two.kafka_connect})
    collector = StreamsCollector(apart, overview.settings, overview.store)
    await overview.until(0)
    await collector.read()
    await collector.close()
    mirrors = {c.name for c in overview.store.current.redpanda[R2].connectors.value}
    captures = {c.name for c in overview.store.current.mongodb[R2].connectors.value}
    assert "region1->region2.MirrorSourceConnector" in mirrors and "mongodb-sink" in mirrors
    assert "mongodb-source" in captures and "mongodb-sink" not in captures
    assert {f"streams/{R2}", f"streams-mirror/{R2}", f"streams-series/{R2}"} <= set(overview.store.current.traces)


async def test_committed_offsets_are_seen_to_move(overview: Overview) -> None:
    await overview.until(40)
    mirror = overview.collectors[1]
    await mirror.read()
    first = overview.store.current.redpanda[R2].offsets.value
    await overview.until(0)
    await mirror.read()
    second = overview.store.current.redpanda[R2].offsets.value
    assert first.moved_at is None and second.moved_at is not None
    assert all(second.read[partition] >= offset for partition, offset in first.read.items())


async def test_before_the_first_answer_the_reason_is_told(overview: Overview) -> None:
    await overview.here.lab.set_fault(f"{R2}/connect", LabFault("refuse"))
    found = await overview.row(REDPANDA)
    assert said(found) == (
        Verdict.UNKNOWN,
        "Not known: Region 2's Kafka Connect refused the connection: nothing listens there",
    )


def test_no_count_ever_falls_whatever_breaks_and_mends() -> None:
    world, t = World(7), START.timestamp()
    steps: list[dict[str, object]] = [
        {},
        {"lagging": True},
        {"lagging": False, "link_up": False},
        {"troubles": frozenset({"cdc_connector_failed"})},
        {"link_up": True, "lagging": True},
        {"troubles": frozenset({"mirror_source_frozen", "sink_stopped"}), "lagging": False},
        {"troubles": frozenset()},
    ]
    last: dict[str, int] = {}
    for changes in steps:
        if changes:
            world.change(t, **changes)
        for _ in range(40):
            t += 1.3
            epoch = world.timeline.at(t)
            for topic in world.streams.topics:
                found = world.streams.arrived(epoch, topic, t)
                assert last.get(topic.name, 0) <= found <= world.streams.produced(epoch, topic, t), (topic.name, changes)
                assert world.streams.committed(epoch, topic, t) < found
                last[topic.name] = found


def shape(document: object) -> object:
    """A document with its values replaced by their types: what must be as it was captured, and in which order."""
    if isinstance(document, dict):
        return [(key, shape(value)) for key, value in document.items()]
    return [shape(item) for item in document] if isinstance(document, list) else type(document).__name__


async def test_connect_answers_as_it_was_captured(overview: Overview) -> None:
    captured = json.loads(CAPTURED.read_text())
    mirror = "region1->region2.MirrorSourceConnector"
    path = f"/connectors/{quote(mirror, safe='')}"
    async with overview.here.http(f"{R2}/connect") as client:
        statuses = (await client.get("/connectors?expand=status")).json()
        heartbeat = statuses["region1->region2.MirrorHeartbeatConnector"]
        assert shape(heartbeat) == shape(captured["statuses"]["r1-r2.heartbeat"])
        offsets = (await client.get(f"{path}/offsets")).json()
        assert shape(offsets["offsets"][0]) == shape(captured["offsets"]["offsets"][0])
        await overview.here.lab.set_trouble("mirror_task_failed", True)
        failed = (await client.get(f"{path}/status")).json()
        assert failed["connector"]["state"] == captured["failed"]["connector"]["state"] == "RUNNING"
        assert failed["tasks"][1] == captured["failed"]["tasks"][0] | {k: failed["tasks"][1][k] for k in ("id", "worker_id")}
        await overview.here.lab.set_trouble("sink_stopped", True)
        assert shape((await client.get("/connectors/mongodb-sink/status")).json()) == shape(captured["stopped"])
        for verb, where, status, body in captured["refusals"]:
            refused = await client.request(verb, where)
            assert (refused.status_code, refused.json()) == (status, body)
    async with overview.here.http(f"{R1}/connect") as client:
        found = (await client.get("/connectors?expand=status")).json()
        # Nobody reads in the primary region what comes back: no consumer group, so no task, and that is in order.
        assert shape(found["region2->region1.MirrorCheckpointConnector"]) == shape(captured["statuses"]["r1-r2.checkpoint"])
