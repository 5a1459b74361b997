"""Kafka Connect's answers as Kafka 3.9 gave them, and random ones; series of mirrors, captures and sinks."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.handbook.streams import Connector, Sample, Task
from openova_console.settings import HttpEndpoint
from openova_console.settings.mongodb import CaptureMetrics
from openova_console.settings.redpanda import MirrorMetrics
from openova_console.systems import errors, kafka_connect, mirror
from tests.support import misbehaving as support
from tests.support.factories import ago, series, window

WORKER = "127.0.0.1:28083"
STATUSES = {
    "r1-r2.checkpoint": {
        "status": {
            "name": "r1-r2.checkpoint",
            "connector": {"state": "RUNNING", "worker_id": WORKER},
            "tasks": [],
            "type": "source",
        }
    },
    "r1-r2.source": {
        "status": {
            "name": "r1-r2.source",
            "connector": {"state": "RUNNING", "worker_id": WORKER},
            "tasks": [
                {
                    "id": 0,
                    "state": "FAILED",
                    "worker_id": WORKER,
                    "trace": "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\n\tat "
                    "org.apache.kafka.connect.runtime.errors.RetryWithToleranceOperator.execAndHandleError"
                    "(RetryWithToleranceOperator.java:261)\n\tpassword=hunter2",
                }
            ],
            "type": "source",
        }
    },
}
OFFSETS = {"offsets": [{"partition": {"cluster": "r1", "partition": 0, "topic": "orders"}, "offset": {"offset": 49}}]}
NOPE = {"error_code": 404, "message": "Connector nope not found"}


async def ask(what, document, status="200 OK"):
    """One question, answered with this document."""
    raw = support.http_bytes(json.dumps(document).encode(), status)
    async with support.tcp(support.answering(raw)) as port:
        endpoint = HttpEndpoint(url=f"http://127.0.0.1:{port}")
        api = kafka_connect.connect(endpoint, region="Region 2", network=support.NETWORK)
        try:
            return await what(api)
        finally:
            await api.aclose()


async def test_states_of_connectors_and_their_tasks():
    found = await ask(lambda api: api.statuses(), STATUSES)
    assert found.connectors == (
        Connector("r1-r2.checkpoint", "RUNNING"),
        Connector(
            "r1-r2.source",
            "RUNNING",
            (Task(0, "FAILED", "ConnectException: Tolerance exceeded in error handler"),),
        ),
    )
    assert "hunter2" not in repr(found) and "RetryWithTolerance" not in found.exchange.answer


async def test_offsets_by_topic_and_partition():
    found = await ask(lambda api: api.offsets("r1-r2.source"), OFFSETS)
    assert found.read == {("orders", 0): 49}
    assert (await ask(lambda api: api.offsets("x"), {"offsets": []})).read == {}
    reset = {"offsets": [{"partition": {"topic": "orders", "partition": 0}, "offset": None}]}
    assert (await ask(lambda api: api.offsets("x"), reset)).read == {}


async def test_an_unknown_connector_is_absent_not_a_missing_part():
    with pytest.raises(errors.Absent, match="Region 2's Kafka Connect has no connector nope"):
        await ask(lambda api: api.offsets("nope"), NOPE, "404 Not Found")


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"a": 3}, "a"),
        ({"a": {"status": {}}}, "a.status.connector.state"),
        ({"a.b": {"status": {"connector": {"state": 1}}}}, '["a.b"].status.connector.state'),
        ({"a": {"status": {"connector": {"state": "<b>hello"}}}}, "a.status.connector.state"),
        ({"a": {"status": {"connector": {"state": "RUNNING"}, "tasks": [1]}}}, "a.status.tasks[0]"),
        ({"a": {"status": {"connector": {"state": "RUNNING"}, "tasks": [{"state": "RUNNING"}]}}}, "id"),
    ],
)
async def test_states_that_cannot_be_read_are_named(document, path):
    with pytest.raises(errors.Malformed) as caught:
        await ask(lambda api: api.statuses(), document)
    assert caught.value.path == path


@pytest.mark.parametrize("row", [{"partition": {}}, {"partition": 1}, {"partition": {"topic": "a", "partition": "0"}}])
async def test_offsets_that_cannot_be_read_are_refused(row):
    with pytest.raises(errors.Malformed, match="Region 2's Kafka Connect gave an answer that cannot be read"):
        await ask(lambda api: api.offsets("x"), {"offsets": [{"offset": {"offset": 4}} | row]})


@pytest.mark.parametrize(
    ("trace", "line"),
    [
        ("", ""),
        ("\n\n  org.x.y.Oops: no\n\tat a.B.c(D.java:1)", "Oops: no"),
        ("com.x.Fail: mongodb://root:hunter2@db:27017 refused", "Fail: mongodb://root:•••@db:27017 refused"),
        ("Oops: password=hunter2", "Oops: password=•••"),
        ("Oops\x1b[31m: red\x00", "Oops[31m: red"),
    ],
)
def test_the_first_line_of_a_trace_has_no_secret_no_package_and_no_control_character(trace, line):
    assert kafka_connect.first_line(trace) == line


@given(st.text(max_size=5000))
def test_a_trace_of_any_text_is_one_short_printable_line(trace):
    line = kafka_connect.first_line(trace)
    assert len(line.encode()) <= 160 and "\n" not in line


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "status", "connector", "state", "tasks", "id", "trace"]), x, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_document_raises_anything_but_a_fault(document):
    api = kafka_connect.KafkaConnect(region="R", http=None, max_bytes=1, deadline_s=1)
    for name in document if isinstance(document, dict) else ():
        with contextlib.suppress(errors.Fault):
            api._connector(name, document)


MIRROR, CAPTURE = MirrorMetrics(), CaptureMetrics()


def of(name, *points, topic="region1.a", partition="0", **labels):
    return series(name, *points, topic=topic, partition=partition, **labels)


def test_a_flow_has_its_counts_and_its_newest_latency():
    found = mirror.flows(
        window(
            of(MIRROR.record_count, (15, 10), (1, 12)),
            of(MIRROR.byte_count, (15, 1000), (1, 1200)),
            of(MIRROR.latency_ms, (15, 70), (1, 31)),
            of(MIRROR.record_count, (1, 5), partition="x"),
            of(MIRROR.record_count, (1, float("nan")), topic="region1.b"),
        ),
        MIRROR,
    )
    assert [f.topic for f in found] == ["region1.a", "region1.b"]
    assert found[0].records == (Sample(ago(15), 10), Sample(ago(1), 12))
    assert (found[0].latency_ms, found[0].sent[-1].value) == (31, 1200)
    assert (found[1].records, found[1].latency_ms) == ((), None)


def test_after_a_rebalance_the_worker_with_the_newest_sample_counts():
    old = of(MIRROR.record_count, (45, 900), (30, 950), instance="a")
    new = of(MIRROR.record_count, (15, 3), (1, 8), instance="b")
    for order in ((old, new), (new, old)):
        assert mirror.flows(window(*order), MIRROR)[0].records[-1].value == 8


def test_end_offsets_are_as_old_as_the_oldest_of_them():
    labels = {"redpanda_topic": "a", "redpanda_partition": "0"}
    found, oldest = mirror.ends(
        window(
            series(MIRROR.end_offset, (1, 50), **labels),
            series(MIRROR.end_offset, (9, 40), **labels),
            series(MIRROR.end_offset, (4, 7), redpanda_topic="b", redpanda_partition="1"),
        ),
        MIRROR,
    )
    assert (found, oldest.at) == ({("a", 0): 50, ("b", 1): 7}, ago(4))
    assert mirror.ends(window(), MIRROR) == ({}, None)


def test_of_several_tasks_the_one_that_says_most_counts():
    def tasks(*values):
        return mirror.worst_gauge(series("x", (16, v), (1, v), task=str(n)) for n, v in enumerate(values))

    assert tasks(200, 900).value == 900
    assert tasks(200, -1).value == -1
    assert tasks(-1, -2300, 50).value == -2300
    assert tasks() is None
    gone = [series("x", (61, 70_000), (46, 70_000), task="0"), series("x", (16, 80), (1, 80), task="1")]
    assert mirror.worst_gauge(gone).value == 80, "a task that ended half a minute ago says nothing"


def test_another_connectors_gauges_are_left_out():
    streaming = series("x", (1, 5), context="streaming", plugin="mongodb")
    snapshot = series("x", (1, 6), context="snapshot", plugin="mongodb")
    bare = series("x", (1, 7))
    assert mirror.debezium(window(streaming, snapshot, bare), "x", CAPTURE) == (streaming, bare)


def test_the_sinks_lag_is_summed_over_its_partitions():
    def lag(value, age, group="connect-mongodb-sink", partition="0"):
        return series(CAPTURE.sink_lag, (age + 15, 0), (age, value), consumergroup=group, partition=partition)

    found = mirror.sink_lag(window(lag(4, 1), lag(3, 2, partition="1"), lag(99, 1, "other")), CAPTURE, "connect-mongodb-sink")
    assert (found.value, found.at) == (7, ago(2))
    assert mirror.sink_lag(window(), CAPTURE, "connect-mongodb-sink") is None
