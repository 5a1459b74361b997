"""What the streams' collector makes of a window of series, and what the board says where nothing is configured."""

import pytest

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.settings import HttpEndpoint, Settings
from openova_console.watch.board.replication import replication_rows
from openova_console.watch.collectors.streams import StreamsCollector
from openova_console.watch.snapshot import Snapshot, SnapshotStore
from tests.support.factories import NOW, ago, region, series, settings, window

CONNECT = HttpEndpoint(url="http://connect.test")
MIRROR, DEBEZIUM = "kafka_connect_mirror_mirrorsourceconnector_", "debezium_metrics_"


def configured() -> Settings:
    return settings(
        regions=[region("region-1", "primary", kafka_connect=CONNECT), region("region-2", "dr", kafka_connect=CONNECT)]
    )


async def readings(*found, warnings=()):
    config = configured()
    collector = StreamsCollector(config.regions[1], config, SnapshotStore())
    try:
        return collector._readings(window(*found, warnings=warnings))
    finally:
        await collector.close()


def everything():
    flow = {"topic": "region1.a", "partition": "0"}
    gauge = {"context": "streaming", "plugin": "mongodb", "task": "0"}
    return (
        series(f"{MIRROR}record_count", (16, 10), (1, 25), **flow),
        series(f"{MIRROR}byte_count", (16, 1000), (1, 2500), **flow),
        series(f"{MIRROR}replication_latency_ms", (16, 9), (1, 31), **flow),
        series("redpanda_kafka_max_offset", (3, 26), redpanda_topic="a", redpanda_partition="0"),
        series(f"{DEBEZIUM}MilliSecondsBehindSource", (2, 400), **gauge),
        series(f"{DEBEZIUM}MilliSecondsSinceLastEvent", (2, 900), **gauge),
        series(f"{DEBEZIUM}Connected", (2, 1), **gauge),
        series("kafka_consumergroup_lag", (4, 7), consumergroup="connect-mongodb-sink", topic="region1.a", partition="0"),
    )


async def test_each_reading_is_dated_by_its_own_sample():
    found = await readings(*everything())
    assert found["flows"].observed_at == ago(1) and found["flows"].value[0].latency_ms == 31
    assert (found["ends"].value, found["ends"].observed_at) == ({("a", 0): 26}, ago(3))
    assert (found["behind"].value, found["since"].value, found["connected"].value) == (400, 900, True)
    assert (found["sink"].value, found["sink"].observed_at) == (7, ago(4))
    assert all(reading.fresh(NOW, 60) for reading in found.values())


async def test_an_answer_that_is_not_whole_is_no_evidence():
    found = await readings(*everything(), warnings=("a store gateway is gone",))
    assert not any(reading.fresh(NOW, 60) for reading in found.values())


async def test_what_has_no_sample_is_missing_and_named():
    found = await readings()
    assert found["flows"].error == f"{MIRROR}record_count has no sample"
    assert found["ends"].error == "redpanda_kafka_max_offset has no sample"
    assert found["behind"].error == f"{DEBEZIUM}MilliSecondsBehindSource has no sample"
    assert found["sink"].error == "kafka_consumergroup_lag of connect-mongodb-sink has no sample"


async def test_a_connection_of_two_tasks_is_up_only_when_both_are():
    labels = {"context": "streaming", "plugin": "mongodb"}
    one = series(f"{DEBEZIUM}Connected", (16, 1), (1, 1), task="0", **labels)
    other = series(f"{DEBEZIUM}Connected", (16, 1), (1, 0), task="1", **labels)
    assert (await readings(one, other))["connected"].value is False


def test_without_connect_there_is_nothing_to_collect():
    with pytest.raises(ValueError, match="region-2 has no Kafka Connect"):
        StreamsCollector(region("region-2", "dr"), settings(), SnapshotStore())


@pytest.mark.parametrize("service", [Service.MONGODB, Service.REDPANDA])
def test_a_row_says_what_is_missing_in_the_settings_and_what_was_not_read_yet(service):
    bare = settings()
    for config, measured, sentence in (
        (bare, False, "Not configured: add regions[].kafka_connect and prometheus to the settings"),
        (configured(), True, "nothing was read yet"),
    ):
        rows = replication_rows(Snapshot(), config, config.regions[0], NOW)
        row = next(r for r in rows if r.promise.service is service)
        assert row.assessment.judgement.verdict is Verdict.UNKNOWN
        assert row.assessment.judgement.sentence.endswith(sentence)
        assert row.measured is measured


def test_the_redpanda_row_shows_the_connect_that_it_was_read_from():
    config = configured()
    apart = config.regions[1].model_copy(update={"mirror_maker": CONNECT})
    own = config.model_copy(update={"regions": (config.regions[0], apart)})
    for these, first in ((config, "streams/region-2"), (own, "streams-mirror/region-2")):
        rows = replication_rows(Snapshot(), these, these.regions[0], NOW)
        row = next(r for r in rows if r.promise.service is Service.REDPANDA)
        assert row.traces == (first, "streams-series/region-2")
