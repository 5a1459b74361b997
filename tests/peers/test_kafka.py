"""The Redpanda row, and the mirror's leg of MongoDB's, on real Kafka: healthy, source frozen, link cut, task failed, stopped."""

import os
from collections.abc import Iterator

import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.settings import Cadence, Freshness, Settings
from openova_console.settings.redpanda import RedpandaSettings
from openova_console.settings.replication import ReplicationSettings
from openova_console.systems import errors, kafka_connect
from openova_console.watch.collectors.streams import StreamsCollector
from tests.peers import ask
from tests.peers.servers.background import Background
from tests.peers.servers.kafka import CHECKPOINT, MIRROR, TOPIC, KafkaPair
from tests.peers.servers.process import Missing
from tests.support.bad_cases import proven
from tests.support.factories import region
from tests.support.factories import settings as made

ON = "Kafka 3.9"
LONG_S = 40


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaPair]:
    with Background() as background:
        try:
            running = KafkaPair(tmp_path_factory.mktemp("kafka"), background)
        except Missing as missing:
            if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
                pytest.fail(f"a peer is missing: {missing}", pytrace=False)
            pytest.skip(f"a peer is missing: {missing}")
        try:
            running.start()
            running.write(10)
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def streams(pair: KafkaPair) -> Settings:
    """Settings of a console that reads region 2's Connect and Prometheus; region 1 is not read."""
    regions = (region("region-1", "primary", valkey=None), region("region-2", "dr", valkey=None, **pair.settings()))
    replication = ReplicationSettings(redpanda=RedpandaSettings(**pair.names()))
    return made(regions=regions, replication=replication, cadence=Cadence(streams_s=1), freshness=Freshness(streams_s=10))


@pytest.fixture
def judged(streams: Settings):
    async def read(service: Service = Service.REDPANDA) -> Assessment:
        dr = streams.regions[1]
        found = await ask.board(streams, lambda store: [StreamsCollector(dr, streams, store)])
        return ask.row(found, service)

    return read


@pytest.fixture
async def well(judged) -> None:
    """Records flow, whatever the test before has done."""
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


async def connect(streams: Settings) -> kafka_connect.KafkaConnect:
    return kafka_connect.connect(streams.regions[1].kafka_connect, region="Region 2", network=ask.NETWORK)


async def test_a_healthy_mirror_is_ok_by_its_heartbeats_and_its_latency(pair: KafkaPair, judged, well):
    pair.write(50)
    found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK and (a.at_risk_bytes or 0) > 0)
    hops = {hop.name: hop.judgement for hop in found.hops}
    assert found.judgement.sentence.endswith("heartbeats arrive")
    assert 0 <= found.lag_s < 10
    assert hops["Connector"].sentence == f"{MIRROR} runs with 1 task"
    assert hops["Checkpoints"].verdict is Verdict.OK, "without a consumer group it has no task, and that is in order"
    assert found.transport_up is True


async def test_the_offsets_that_were_copied_can_be_read(pair: KafkaPair, streams: Settings, well):
    api = await connect(streams)
    try:
        first = await ask.eventually(lambda: api.offsets(MIRROR), lambda o: (TOPIC, 0) in o.read)
        pair.write(5)
        await ask.eventually(lambda: api.offsets(MIRROR), lambda o: o.read[TOPIC, 0] >= first.read[TOPIC, 0] + 5)
        names = [c.name for c in (await api.statuses()).connectors]
        assert MIRROR in names and CHECKPOINT in names
        with pytest.raises(errors.Absent, match="Region 2's Kafka Connect has no connector nope"):
            await api.offsets("nope")
    finally:
        await api.aclose()


async def test_a_frozen_source_is_unknown_although_every_state_says_running(pair: KafkaPair, streams: Settings, judged, well):
    pair.source.freeze()
    try:
        found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.UNKNOWN)
        assert {hop.name: hop.judgement.verdict for hop in found.hops}["Connector"] is Verdict.OK
        assert found.judgement.sentence.startswith("Not known: no heartbeat has arrived for ")
        assert (found.lag_s, found.transport_up) == (None, None)
        proven("Redpanda", "source broker frozen", found.judgement, on=ON)
    finally:
        pair.source.thaw()
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


async def test_a_cut_link_leaves_bytes_behind_that_are_counted(pair: KafkaPair, streams: Settings, judged, well):
    """The source lives on: its own end offsets tell what has not come through."""
    both = with_both(streams)
    pair.link.freeze()
    try:
        pair.write(400)
        found = await ask.eventually(
            lambda: row_of(both, Service.REDPANDA), lambda a: (a.at_risk_bytes or 0) > 400 * 100, timeout_s=LONG_S
        )
        assert found.judgement.verdict is Verdict.UNKNOWN
        assert found.judgement.sentence.endswith(" exist only in the primary region")
        assert found.at_risk_bytes < 600 * 300
        proven("Redpanda", "link cut, source written on", found.judgement, on=ON)
    finally:
        pair.link.up()
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


@pytest.mark.parametrize("how", ["freeze", "refuse"])
async def test_a_cut_link_is_unknown_until_it_is_back(pair: KafkaPair, judged, well, how):
    getattr(pair.link, how)()
    try:
        found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.UNKNOWN)
        assert found.judgement.sentence.startswith("Not known: no heartbeat has arrived for ")
        proven("Redpanda", f"link cut ({how})", found.judgement, on=ON)
    finally:
        pair.link.up()
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


async def test_a_failed_task_is_a_breach_although_its_connector_runs(pair: KafkaPair, streams: Settings, judged, well):
    pair.break_task()
    try:
        pair.write(5)
        found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.BREACH, timeout_s=LONG_S)
        assert found.judgement.sentence == (
            f"Task 0 of {MIRROR} has failed: ConnectException: Tolerance exceeded in error handler"
        )
        api = await connect(streams)
        mirror = next(c for c in (await api.statuses()).connectors if c.name == MIRROR)
        await api.aclose()
        assert (mirror.state, mirror.tasks[0].state) == ("RUNNING", "FAILED")
        proven("Redpanda", "mirror task failed", found.judgement, on=ON)
    finally:
        pair.mend_task()
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


def with_both(streams: Settings) -> Settings:
    """Both regions read from region 2's parts: one Prometheus scrapes all, and there is one Connect."""
    parts = {"kafka_connect": streams.regions[1].kafka_connect, "prometheus": streams.regions[1].prometheus}
    return streams.model_copy(update={"regions": tuple(r.model_copy(update=parts) for r in streams.regions)})


async def row_of(config: Settings, service: Service) -> Assessment:
    found = await ask.board(config, lambda store: [StreamsCollector(r, config, store) for r in config.regions])
    return ask.row(found, service)


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("stop", "stopped")])
async def test_a_mirror_that_somebody_halted_is_never_green(pair: KafkaPair, judged, well, verb, state):
    assert pair.ask_to(verb, MIRROR) in (202, 204)
    try:
        found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.BREACH)
        assert found.judgement.sentence == f"Connector {MIRROR} is {state}: nothing is copied"
        proven("Redpanda", f"mirror {state}", found.judgement, on=ON)
    finally:
        pair.ask_to("resume", MIRROR)
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=LONG_S)


async def test_mongodb_without_debezium_is_a_breach_that_names_it(streams: Settings, well):
    found = await row_of(with_both(streams), Service.MONGODB)
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == "Kafka Connect has no connector mongodb-source: nothing is copied"
    proven("MongoDB", "no Debezium connector", found.judgement, on=ON)
    assert found.hops[1].judgement.verdict is Verdict.OK, "the mirror's own leg is measured all the same"
