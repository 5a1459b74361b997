"""Redpanda and MongoDB: what states, counters and gauges prove together, and what they never prove alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.mongodb import Capture, MongodbEvidence, judge_mongodb
from openova_console.handbook.redpanda import Mirror, Offsets, RedpandaEvidence, judge_redpanda
from openova_console.handbook.replication import Objective, Service
from openova_console.handbook.streams import (
    Connector,
    Flow,
    Sample,
    Task,
    backlog_age_s,
    broken,
    byte_rate,
    increase,
    last_rise,
    stood_s,
)
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

REDPANDA, MONGODB = Objective(Service.REDPANDA, 10, 60), Objective(Service.MONGODB, 10, 60)
MIRROR = Mirror(
    source_connector="mirror",
    checkpoint_connector="checkpoint",
    prefix="r1.",
    heartbeats="heartbeats",
    heartbeat_s=1,
    offset_flush_s=60,
)
CAPTURE = Capture(
    source_connector="source",
    sink_connector="sink",
    prefix="r1.cdc.",
    heartbeats="r1.beats",
    heartbeat_s=10,
)
RUNS = (Task(0, "RUNNING"),)
CONNECTORS = (
    Connector("checkpoint", "RUNNING"),
    Connector("mirror", "RUNNING", RUNS),
    Connector("sink", "RUNNING", RUNS),
    Connector("source", "RUNNING", RUNS),
)
STATES = ["RUNNING", "PAUSED", "STOPPED", "FAILED", "UNASSIGNED", "RESTARTING", "DESTROYED"]


def counts(*rows: tuple[float, float]) -> tuple[Sample, ...]:
    """A counter from (age in seconds, value), oldest first."""
    return tuple(Sample(ago(age), value) for age, value in rows)


def flow(topic: str, *rows: tuple[float, float], latency_ms: float | None = 300.0, size: float = 100.0) -> Flow:
    return Flow(topic, 0, counts(*rows), counts(*((age, size * value) for age, value in rows)), latency_ms)


BEATS = flow("r1.heartbeats", (31, 70), (16, 85), (1, 100), latency_ms=20.0)
CHANGES = flow("r1.cdc.orders", (31, 1000), (16, 1300), (1, 1600))
STILL = flow("r1.heartbeats", (31, 100), (16, 100), (1, 100), latency_ms=20.0)


def connectors(*changed: Connector):
    """All that runs, some of it changed."""
    names = {c.name for c in changed}
    return reading((*(c for c in CONNECTORS if c.name not in names), *changed))


def redpanda(**changes):
    healthy = RedpandaEvidence(
        connectors=reading(CONNECTORS),
        flows=reading((BEATS, CHANGES)),
        offsets=reading(Offsets({("cdc.orders", 0): 1589, ("heartbeats", 0): 99}, ago(20), 300)),
        ends=missing(),
    )
    return replace(healthy, **changes)


def judged(ends=None, **changes):
    return judge_redpanda(REDPANDA, redpanda(**changes), ends or missing(), MIRROR, now=NOW, budget_s=60)


def mongodb(**changes):
    healthy = MongodbEvidence(
        connectors=reading(CONNECTORS),
        behind_ms=reading(400.0, "ms"),
        since_event_ms=reading(900.0, "ms"),
        connected=reading(True),
        sink_records=reading(0.0, "count"),
    )
    return replace(healthy, **changes)


def summed(there=None, here=None, flows=(BEATS, CHANGES), mirror=None):
    return judge_mongodb(
        MONGODB,
        there or mongodb(),
        here or mongodb(),
        flows if not isinstance(flows, tuple) else reading(flows),
        mirror or reading(CONNECTORS),
        CAPTURE,
        MIRROR,
        now=NOW,
        budget_s=60,
    )


def said(found):
    return found.judgement.verdict, found.judgement.sentence


@pytest.mark.parametrize(
    ("connector", "verdict", "sentence"),
    [
        (Connector("m", "RUNNING", RUNS), None, ""),
        (None, Verdict.BREACH, "Kafka Connect has no connector m: nothing is copied"),
        (Connector("m", "FAILED", RUNS, "Oops: no"), Verdict.BREACH, "Connector m has failed: Oops: no"),
        (Connector("m", "RUNNING", (*RUNS, Task(1, "FAILED", "Oops"))), Verdict.BREACH, "Task 1 of m has failed: Oops"),
        (Connector("m", "PAUSED", (Task(0, "FAILED"), Task(2, "FAILED"))), Verdict.BREACH, "Tasks 0 and 2 of m have failed"),
        (Connector("m", "PAUSED", (Task(0, "PAUSED"),)), Verdict.BREACH, "Connector m is paused: nothing is copied"),
        (Connector("m", "STOPPED"), Verdict.BREACH, "Connector m is stopped: nothing is copied"),
        (Connector("m", "UNASSIGNED", RUNS), Verdict.UNKNOWN, "Connector m is unassigned"),
        (Connector("m", "RUNNING", (Task(0, "UNASSIGNED"),)), Verdict.UNKNOWN, "Task 0 of m is unassigned"),
        (Connector("m", "RUNNING", (Task(3, "RESTARTING"),)), Verdict.UNKNOWN, "Task 3 of m is restarting"),
        (Connector("m", "RUNNING"), Verdict.BREACH, "Connector m runs without a task: nothing is copied"),
    ],
)  # fmt: skip
def test_a_connectors_state_is_that_of_its_tasks_too(connector, verdict, sentence):
    wrong = broken(connector, "m")
    assert (wrong and wrong.verdict, wrong.sentence if wrong else "") == (verdict, sentence)


def test_a_checkpoint_connector_without_groups_has_no_task_and_is_in_order():
    assert broken(Connector("c", "RUNNING"), "c", may_idle=True) is None
    assert broken(Connector("c", "STOPPED"), "c", may_idle=True) is not None


def test_what_a_counter_proves():
    assert last_rise(counts((31, 5), (16, 7), (1, 7))) == ago(16)
    assert last_rise(counts((31, 5), (16, 5))) is None
    assert last_rise(counts((31, 500), (16, 3))) == ago(16), "it began anew and has counted since"
    assert last_rise(counts((31, 500), (16, 0))) is None
    assert stood_s(counts((31, 5), (16, 7), (1, 7))) == 15
    assert stood_s(counts((1, 7))) is None
    assert increase(counts((31, 5), (16, 7), (1, 3))) == 5
    assert byte_rate([flow("a", (31, 0), (1, 3))]) == 10
    assert byte_rate([flow("a", (1, 3))]) is None


def test_how_long_records_have_waited():
    steady = [flow("a", (46, 0), (31, 150), (16, 300), (1, 450))]
    assert backlog_age_s(steady, 0, NOW) == (0.0, True)
    assert backlog_age_s(steady, 5, NOW) == (0.5, True)
    assert backlog_age_s(steady, 300, NOW) == (30.0, True)
    assert backlog_age_s(steady, 451, NOW) == (45.0, False), "older than the samples reach"
    assert backlog_age_s([flow("a", (1, 450))], 5, NOW) is None
    burst = [flow("a", (46, 0), (31, 100), (16, 100), (1, 100))]
    assert backlog_age_s(burst, 40, NOW) == (36.0, True), "nothing came after the burst"


@pytest.mark.parametrize(
    ("changes", "verdict", "sentence", "lag"),
    [
        ({}, Verdict.OK, "Records take 0.3 s, heartbeats arrive", 0.3),
        # a topic that nobody writes keeps its old latency: 3.8 s after the start, for hours
        ({"flows": (BEATS, flow("r1.a", (31, 50), (1, 50), latency_ms=95_000.0))}, Verdict.OK,
         "Records take 0.02 s, heartbeats arrive", 0.02),
        ({"flows": (BEATS, flow("r1.a", (31, 50), (1, 60), latency_ms=12_000.0))}, Verdict.WARN,
         "Behind by 12 s, the objective is 10 s: records take 12 s, heartbeats arrive", 12),
        ({"flows": (BEATS, flow("r1.a", (31, 50), (1, 60), latency_ms=75_000.0))}, Verdict.BREACH,
         "Behind by 75 s, the limit is 60 s: records take 75 s, heartbeats arrive", 75),
        # another mirror's topics say nothing of this one
        ({"flows": (BEATS, flow("r2.a", (31, 50), (1, 60), latency_ms=75_000.0))}, Verdict.OK,
         "Records take 0.02 s, heartbeats arrive", 0.02),
        ({"flows": (STILL, CHANGES)}, Verdict.UNKNOWN,
         "Not known: no heartbeat has arrived for 30 s, one is due every 1 s", None),
        ({"flows": (CHANGES,)}, Verdict.UNKNOWN,
         "Not known: r1.heartbeats has no sample: gauges alone prove nothing", None),
        ({"flows": (flow("r1.heartbeats", (1, 7)),)}, Verdict.UNKNOWN,
         "Not known: r1.heartbeats has one sample only: not yet known to move", None),
        ({"flows": (flow("r1.heartbeats", (90, 7), (75, 22)), CHANGES)}, Verdict.UNKNOWN,
         "Not known: the last sample of r1.heartbeats is 75 s old", None),
        ({"flows": (BEATS, flow("r1.a", (31, 50), (1, 60), latency_ms=-4000.0))}, Verdict.UNKNOWN,
         "Not known: Clock skew: records arrive 4 s before they were written", None),
        ({"flows": (replace(BEATS, latency_ms=None),)}, Verdict.UNKNOWN,
         "Not known: no flow says how long its records took", None),
    ],
)  # fmt: skip
def test_a_mirror_as_its_series_show_it(changes, verdict, sentence, lag):
    found = judged(flows=reading(changes["flows"])) if changes else judged()
    assert said(found) == (verdict, sentence)
    assert found.lag_s == pytest.approx(lag)


def test_a_failed_task_under_a_running_connector_is_a_breach():
    failed = Connector("mirror", "RUNNING", (Task(0, "RUNNING"), Task(1, "FAILED", "Oops: no")))
    found = judged(connectors=connectors(failed))
    assert said(found) == (Verdict.BREACH, "Task 1 of mirror has failed: Oops: no")
    assert (found.lag_s, found.transport_up) == (None, False)


@pytest.mark.parametrize("how", ["missing", "stale", "partial"])
@pytest.mark.parametrize("part", ["connectors", "flows"])
def test_without_evidence_nothing_is_known(part, how):
    whole = getattr(redpanda(), part)
    lost = {
        "missing": missing("Region 2's Kafka Connect stopped answering"),
        "stale": replace(whole, observed_at=ago(61)),
        "partial": replace(whole, completeness="partial", error="the answer is not whole"),
    }[how]
    if part == "flows" and how == "stale":
        lost = reading((flow("r1.heartbeats", (76, 7), (61, 22)),), age_s=61)
    assert judged(**{part: lost}).judgement.verdict is Verdict.UNKNOWN
    sides = {"flows": lost} if part == "flows" else {"mirror": lost}
    assert summed(**sides).judgement.verdict is Verdict.UNKNOWN


def test_what_only_the_source_has_is_counted_in_bytes_once_nothing_moves():
    ends = reading({("cdc.orders", 0): 1690, ("heartbeats", 0): 130, ("unread", 0): 5})
    found = judged(ends, flows=reading((STILL, CHANGES)))
    # 100 records after offset 1589 and 30 heartbeats after offset 99, of 100 bytes each
    assert found.at_risk_bytes == pytest.approx(13_000)
    assert found.judgement.sentence.endswith("one is due every 1 s; about 13 KB exist only in the primary region")
    assert judged(reading({}), flows=reading((STILL, CHANGES))).at_risk_bytes is None
    assert judged(replace(ends, observed_at=ago(61)), flows=reading((STILL, CHANGES))).at_risk_bytes is None


def test_while_records_move_the_risk_is_lag_times_rate():
    found = judged()
    assert found.at_risk_bytes == pytest.approx(0.3 * (600 * 100 + 30 * 100) / 30)


def test_offsets_that_are_not_committed_warn_because_a_restart_copies_again():
    found = judged(offsets=reading(Offsets({}, ago(150), 300)))
    assert said(found) == (
        Verdict.WARN,
        "Source offsets have not been committed for 2 min 30 s: a restart would copy again",
    )
    young = judged(offsets=reading(Offsets({}, None, 30)))
    assert young.judgement.verdict is Verdict.OK and "Source offsets" not in [h.name for h in young.hops]


def test_a_failed_checkpoint_task_warns_of_old_offsets():
    found = judged(connectors=connectors(Connector("checkpoint", "RUNNING", (Task(0, "FAILED", "Oops"),))))
    assert said(found) == (Verdict.WARN, "Task 0 of checkpoint has failed: Oops; consumers would start from old offsets")


def test_three_hops_are_summed_and_each_is_shown():
    found = summed(here=mongodb(sink_records=reading(40.0, "count")))
    assert said(found) == (Verdict.OK, "Debezium 0.4 s, MirrorMaker 2 0.3 s and Sink 2 s")
    assert [(h.name, h.lag_s) for h in found.hops] == [("Debezium", 0.4), ("MirrorMaker 2", 0.3), ("Sink", 2.0)]
    assert found.lag_s == pytest.approx(2.7)
    assert found.at_risk_bytes == pytest.approx(2.7 * 600 * 100 / 30)


@pytest.mark.parametrize(
    ("there", "here", "verdict", "sentence"),
    [
        ({"behind_ms": reading(-1.0)}, {}, Verdict.UNKNOWN, "Not known, Debezium: Debezium has seen no event yet"),
        ({"since_event_ms": reading(-1.0)}, {}, Verdict.UNKNOWN, "Not known, Debezium: Debezium has seen no event yet"),
        ({"behind_ms": missing("x has no sample")}, {}, Verdict.UNKNOWN, "Not known, Debezium: x has no sample"),
        ({"behind_ms": reading(-2300.0)}, {}, Verdict.UNKNOWN,
         "Not known, Debezium: Clock skew: Debezium's clock is at least 2.3 s behind the database's"),
        ({"connected": reading(False)}, {}, Verdict.BREACH, "Debezium has lost the database: no change is captured"),
        ({"since_event_ms": reading(300_000.0)}, {}, Verdict.UNKNOWN,
         "Not known, Debezium: No event for 5 min and no heartbeat of Debezium's: the database may be idle or the capture stuck"),
        ({"behind_ms": reading(71_000.0)}, {}, Verdict.BREACH,
         "Behind by 71 s, the limit is 60 s: Debezium 71 s, MirrorMaker 2 0.3 s and Sink 0 s"),
        ({"behind_ms": reading(9_900.0)}, {}, Verdict.WARN,
         "Behind by 10 s, the objective is 10 s: Debezium 9.9 s, MirrorMaker 2 0.3 s and Sink 0 s"),
        ({}, {"sink_records": missing("y has no sample")}, Verdict.UNKNOWN, "Not known, Sink: y has no sample"),
        ({}, {"sink_records": reading(-3.0)}, Verdict.UNKNOWN,
         "Not known, Sink: The sink's group has read further than the topic goes: its offsets belong to another topic"),
        ({}, {"sink_records": reading(5000.0)}, Verdict.UNKNOWN,
         "Not known, Sink: 5000 records wait for the sink, the oldest for at least 30 s"),
        ({"behind_ms": reading(71_000.0)}, {"sink_records": missing()}, Verdict.BREACH,
         "Behind by at least 71 s, the limit is 60 s; Sink not known"),
    ],
)  # fmt: skip
def test_a_change_on_its_way(there, here, verdict, sentence):
    found = summed(mongodb(**there), mongodb(**here))
    assert said(found) == (verdict, sentence)


def test_the_connectors_of_both_ends_are_looked_at():
    failed = connectors(Connector("source", "RUNNING", (Task(0, "FAILED", "Oops"),)))
    assert said(summed(mongodb(connectors=failed))) == (Verdict.BREACH, "Task 0 of source has failed: Oops")
    stopped = connectors(Connector("sink", "STOPPED"))
    assert said(summed(here=mongodb(connectors=stopped)))[0] is Verdict.BREACH
    stale = replace(reading(CONNECTORS), observed_at=ago(61))
    assert said(summed(mongodb(connectors=stale))) == (
        Verdict.UNKNOWN,
        "Not known, Debezium: Kafka Connect: the last sample is 61 s old, the limit is 60 s",
    )


def test_an_idle_database_is_told_from_a_stuck_capture_by_debeziums_heartbeat():
    idle = mongodb(since_event_ms=reading(300_000.0))
    beating = flow("r1.beats", (31, 4), (16, 6), (1, 7), latency_ms=20.0)
    assert summed(idle, flows=(BEATS, CHANGES, beating)).judgement.verdict is Verdict.OK
    stuck = flow("r1.beats", (91, 4), (76, 6), (1, 6), latency_ms=20.0)
    assert summed(idle, flows=(BEATS, CHANGES, stuck)).judgement.verdict is Verdict.UNKNOWN


def test_without_a_change_lately_the_heartbeats_say_how_long_the_way_is():
    quiet = flow("r1.cdc.orders", (31, 50), (16, 50), (1, 50), latency_ms=95_000.0)
    found = summed(flows=(BEATS, quiet))
    assert (found.judgement.verdict, found.hops[1].lag_s) == (Verdict.OK, 0.02)


states = st.sampled_from(STATES)
tasks = st.lists(st.builds(Task, st.integers(0, 5), states), max_size=3).map(tuple)
gauges = st.none() | st.floats(-5000, 200_000)


@untimed
@given(states, tasks, st.booleans(), gauges)
def test_redpanda_is_ok_only_when_all_runs_heartbeats_arrive_and_the_latency_is_within(state, parts, beating, latency):
    flows = reading((BEATS if beating else STILL, replace(CHANGES, latency_ms=latency)))
    found = judged(connectors=connectors(Connector("mirror", state, parts)), flows=flows)
    if found.judgement.verdict is Verdict.OK:
        assert state == "RUNNING" and parts and all(t.state == "RUNNING" for t in parts)
        assert beating and (latency is None or 0 <= latency <= 10_000)


@untimed
@given(gauges, gauges, st.booleans(), st.none() | st.floats(-5, 10_000))
def test_mongodb_has_a_sum_only_when_each_hop_is_known(behind, since, connected, waiting):
    def maybe(value):
        return missing() if value is None else reading(value)

    found = summed(
        mongodb(behind_ms=maybe(behind), since_event_ms=maybe(since), connected=reading(connected)),
        mongodb(sink_records=maybe(waiting)),
    )
    known = [h.lag_s for h in found.hops if h.lag_s is not None]
    assert (found.lag_s is not None) == (len(known) == 3)
    if found.judgement.verdict is Verdict.OK:
        assert connected and behind >= 0 and since >= 0 and waiting >= 0
        assert found.lag_s == pytest.approx(sum(known)) and found.lag_s <= 10


@untimed
@given(st.floats(0, 200_000), st.floats(0, 200_000))
def test_more_latency_is_never_a_better_verdict(one, other):
    order = [Verdict.OK, Verdict.WARN, Verdict.BREACH]
    less, more = sorted((one, other))
    for judge in (
        lambda ms: judged(flows=reading((BEATS, replace(CHANGES, latency_ms=ms)))),
        lambda ms: summed(mongodb(behind_ms=reading(ms))),
    ):
        assert order.index(judge(less).judgement.verdict) <= order.index(judge(more).judgement.verdict)


@untimed
@given(st.lists(st.tuples(st.floats(0.5, 30), st.integers(0, 500)), min_size=2, max_size=10), st.integers(0, 4000))
def test_more_records_have_never_waited_for_less_time(steps, waiting):
    at, total, samples = NOW - timedelta(seconds=400), 0, []
    for pause, more in steps:
        at, total = at + timedelta(seconds=pause), total + more
        samples.append(Sample(at, total))
    flows = [Flow("a", 0, tuple(samples))]
    less, more = backlog_age_s(flows, waiting, NOW), backlog_age_s(flows, waiting + 10, NOW)
    assert less is not None and more is not None
    assert less[0] <= more[0] + 1e-6 and (less[1] or not more[1])
