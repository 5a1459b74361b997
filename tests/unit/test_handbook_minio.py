"""MinIO's bucket replication: cases of a real pair, and what must hold in every case."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.minio import Counters, Marker, MarkerStatus, MinioEvidence, Target, judge_minio
from openova_console.handbook.minio_backlog import Backlog, Flow, Memory, increase, remember
from openova_console.handbook.replication import Objective, Service
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

GOAL = Objective(Service.MINIO, 300, 900)
ORDER = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
KEY = ("cnpg-wal", "arn")
BUDGET_S, CACHE_S = 120.0, 60.0
ONLINE, OFFLINE = Target("dr:9000", True, 0.0), Target("dr:9000", False, 63.0)


def flow(sent=5.0, failed=0.0, *, last_hour=0.0, bucket="cnpg-wal") -> Flow:
    return Flow(bucket, "arn", sent, sent * 1024, failed, failed * 1024, last_hour)


def backlog(since_s=None, failed=20.0, sent=0.0) -> Backlog:
    return Backlog(None if since_s is None else ago(since_s), failed, failed * 1024, sent, ago(3))


def counted(*backlogs: Backlog, flows=None, age_s=1.0):
    return reading(Counters(tuple([flow()] if flows is None else flows), (), tuple((KEY, b) for b in backlogs)), age_s=age_s)


def marked(status: str, written_s: float, arrived_s: float | None = None):
    return reading(Marker(MarkerStatus(status), "probe", ago(written_s), None if arrived_s is None else ago(arrived_s)))


def source(**changes) -> MinioEvidence:
    healthy = MinioEvidence("Region 1", reading(True), reading((ONLINE,), age_s=61), counted())
    return replace(healthy, **changes)


def target(**changes) -> MinioEvidence:
    return replace(MinioEvidence("Region 2", reading(True), reading((), age_s=61), counted(flows=())), **changes)


def judged(here=None, there=None, *, wanted=(), now=NOW):
    return judge_minio(GOAL, here or source(), there or target(), now=now, budget_s=BUDGET_S, cache_s=CACHE_S, wanted=wanted)


@pytest.mark.parametrize(
    ("here", "there", "verdict", "sentence", "lag", "risk", "transport"),
    [
        ({}, {}, Verdict.OK, "Linked; no object failed, 5 sent in all", 1.0, 0.0, True),
        # refused for 63 s: the gauge has followed, 20 objects of 1 KiB failed
        ({"targets": reading((OFFLINE,), age_s=61), "counters": counted(backlog(64))}, {}, Verdict.BREACH,
         "The target dr:9000 is not reached for 63 s: up to 20 objects (20 KB) exist only in Region 1", 64.0, 20480.0, False),
        ({"targets": reading((OFFLINE,), age_s=61)}, {}, Verdict.BREACH,
         "The target dr:9000 is not reached for 63 s: what is written now stays in Region 1", None, None, False),
        # refused for 3 s: v2 still says that the link is up, v3 counts the failures
        ({"counters": counted(backlog(3))}, {}, Verdict.BREACH,
         "Nothing from cnpg-wal reaches Region 2 for 3 s: 20 objects (20 KB) failed and none was sent since", 3.0, 20480.0, True),
        # some arrive, old or new
        ({"counters": counted(backlog(40, sent=4))}, {}, Verdict.WARN,
         "Catching up for 40 s: 20 objects (20 KB) from cnpg-wal failed, 4 sent since", 40.0, 20480.0, True),
        ({"counters": counted(backlog(1000, sent=4))}, {}, Verdict.BREACH,
         "Behind by 17 min, the limit is 15 min: 20 objects (20 KB) from cnpg-wal failed, 4 sent since", 1000.0, 20480.0, True),
        ({"counters": counted(backlog(None, failed=1))}, {}, Verdict.UNKNOWN,
         "1 object (1 KB) failed before this console looked: whether they reached Region 2 since is not known",
         None, 1024.0, True),
        # a marker
        ({"marker": marked("COMPLETED", 9, 9)}, {}, Verdict.OK,
         "Linked; a marker written 9 s ago is in Region 2", 1.0, 0.0, True),
        ({"marker": marked("PENDING", 2, 62)}, {}, Verdict.OK,
         "Linked; a marker written 2 s ago is on its way", 62.0, 0.0, True),
        ({"marker": marked("PENDING", 340, 400)}, {}, Verdict.WARN,
         "Behind by 6 min 40 s, the objective is 5 min: linked; a marker written 5 min 40 s ago is on its way", 400.0, 0.0, True),
        ({"marker": marked("FAILED", 4, 70)}, {}, Verdict.BREACH,
         "A marker written 4 s ago failed to reach Region 2", 70.0, None, None),
        ({"marker": marked("FAILED", 4), "counters": counted(backlog(3))}, {}, Verdict.BREACH,
         "A marker written 4 s ago failed to reach Region 2; 20 objects (20 KB) failed with it", 4.0, 20480.0, None),
        ({"marker": marked("ABSENT", 4)}, {}, Verdict.BREACH, "No rule replicates the marker's bucket probe", None, None, None),
        ({"marker": missing("Region 1's MinIO refused")}, {}, Verdict.UNKNOWN,
         "Not known, marker: Region 1's MinIO refused", None, None, None),
        # the two ends
        ({}, {"writable": reading(False)}, Verdict.BREACH,
         "Region 2's MinIO has lost its write quorum: it takes no objects", None, None, None),
        ({}, {"writable": missing("Region 2's MinIO refused the connection: nothing listens there")}, Verdict.UNKNOWN,
         "Not known, Region 2: Region 2's MinIO refused the connection: nothing listens there", None, None, None),
        ({"writable": reading(False)}, {}, Verdict.UNKNOWN,
         "Region 1's MinIO has lost its write quorum: what it still replicates is not known", None, None, None),
        ({"targets": reading((), age_s=61)}, {}, Verdict.UNKNOWN,
         "Region 1's MinIO names no replication target: is bucket replication set up?", None, None, None),
        ({"counters": counted(flows=())}, {}, Verdict.UNKNOWN,
         "Linked, but nothing was sent from any bucket since MinIO started: whether it replicates is not known",
         None, None, True),
    ],
)  # fmt: skip
def test_a_pair_as_it_was_measured(here, there, verdict, sentence, lag, risk, transport):
    found = judged(source(**here), target(**there))
    assert (found.judgement.verdict, found.judgement.sentence) == (verdict, sentence)
    assert (found.lag_s, found.at_risk_bytes, found.transport_up) == (lag, risk, transport)


def test_a_bucket_that_must_replicate_and_is_not_counted_is_unknown():
    assert judged(wanted=("cnpg-wal",)).judgement.verdict is Verdict.OK
    found = judged(wanted=("cnpg-wal", "harbor-data"))
    assert found.judgement.verdict is Verdict.UNKNOWN and "nothing was sent from harbor-data" in found.judgement.sentence


def test_a_cached_gauge_may_be_older_by_the_cache_and_no_more():
    assert judged(source(targets=reading((ONLINE,), age_s=180))).judgement.verdict is Verdict.OK
    found = judged(source(targets=reading((ONLINE,), age_s=181)))
    assert found.judgement.sentence == "Not known, the target's state: the last sample is 3 min 1 s old, the limit is 3 min"
    assert judged(source(targets=reading((ONLINE,), age_s=180))).observed_at == ago(180)


def test_several_backlogs_are_one_figure_as_old_as_the_oldest():
    other = (("harbor-data", "arn"), backlog(90, failed=2))
    more = [((f"bucket-{n}", "arn"), backlog(10, failed=1)) for n in range(3)]
    counters = reading(Counters((flow(),), (), ((KEY, backlog(30)), other, *more)))
    found = judged(source(counters=counters))
    assert (found.lag_s, found.at_risk_bytes) == (90.0, 25 * 1024)
    assert "from bucket-0, bucket-1 and 3 more buckets" in found.judgement.sentence


flows = st.builds(
    lambda sent, failed, hour: flow(float(sent), float(failed), last_hour=float(min(hour, failed))),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)
backlogs = st.builds(
    lambda since, failed, sent: backlog(since, float(failed), float(sent)),
    st.none() | st.floats(0, 5000),
    st.integers(1, 99),
    st.integers(0, 99),
)
markers = st.none() | st.builds(
    lambda status, written, more: marked(status.value, written, None if more is None else written + more),
    st.sampled_from(list(MarkerStatus)),
    st.floats(0, 2000),
    st.none() | st.floats(0, 500),
)
evidence = st.builds(
    lambda writable, targets, counters, marker: source(
        writable=reading(writable), targets=reading(tuple(targets), age_s=61), counters=counters, marker=marker
    ),
    st.booleans(),
    st.lists(st.sampled_from([ONLINE, OFFLINE]), max_size=2),
    st.lists(backlogs, max_size=2).map(lambda b: counted(*b)),
    markers,
)


@untimed
@given(evidence, st.booleans())
def test_ok_only_with_a_target_online_nothing_missing_and_both_ends_taking_writes(here, there):
    found = judged(here, target(writable=reading(there)))
    if found.judgement.verdict is Verdict.OK:
        assert here.writable.value and there
        assert here.targets.value and all(t.online for t in here.targets.value)
        assert not here.counters.value.backlogs
        assert here.marker is None or here.marker.value.status in (
            MarkerStatus.PENDING,
            MarkerStatus.COMPLETED,
            MarkerStatus.REPLICA,
        )
        assert found.lag_s is not None and found.lag_s <= GOAL.warn_s


@untimed
@given(evidence, st.sampled_from(["writable", "targets", "counters", "there"]), st.sampled_from(["missing", "stale", "future"]))
def test_losing_a_reading_never_improves_the_verdict(here, lost, how):
    before = judged(here).judgement.verdict
    reading_ = target().writable if lost == "there" else getattr(here, lost)
    broken = {
        "missing": missing(),
        "stale": replace(reading_, observed_at=ago(181)),
        "future": replace(reading_, observed_at=ago(-6)),
    }[how]
    after = (
        judged(here, target(writable=broken)) if lost == "there" else judged(replace(here, **{lost: broken}))
    ).judgement.verdict
    assert after in (Verdict.UNKNOWN, Verdict.BREACH)
    assert after is Verdict.UNKNOWN or before is Verdict.BREACH or here.targets.value


@untimed
@given(st.floats(0, 5000), st.floats(0, 5000), st.integers(0, 5))
def test_an_older_backlog_is_never_a_better_verdict(one, other, sent):
    less, more = sorted((one, other))
    verdicts = [judged(source(counters=counted(backlog(age, sent=float(sent))))).judgement.verdict for age in (less, more)]
    assert ORDER.index(verdicts[0]) <= ORDER.index(verdicts[1])


def looks(*steps, settle_s=90.0, every_s=30.0):
    """The memory after each look: (flow or None, away, retried)."""
    memory, found = Memory(), []
    for number, (seen, away, retried) in enumerate(steps):
        at = NOW + timedelta(seconds=number * every_s)
        memory = remember(memory, {seen.key: seen} if seen else {}, at=at, away=away, retried=retried, settle_s=settle_s)
        found.append(memory)
    return found


def test_a_failure_is_dated_by_the_look_before_it():
    _, second = looks((flow(5), False, False), (flow(5, 20), False, False))
    found = second.backlogs[KEY]
    assert (found.since, found.failed_count, found.failed_bytes, found.sent_count) == (NOW, 20, 20480, 0)


def test_a_backlog_closes_when_as_many_arrived_and_it_has_been_quiet():
    steps = [(flow(5), False, False), (flow(5, 20), True, False), (flow(25, 20), False, False)]
    steps += [(flow(25, 20), False, False)] * 3
    found = looks(*steps)
    assert [KEY in m.backlogs for m in found] == [False, True, True, True, False, False]
    assert found[2].backlogs[KEY].sent_count == 20


def test_a_marker_that_failed_and_arrived_shows_that_retries_run():
    steps = [(flow(5), False, False), (flow(5, 20), True, False), (flow(25, 20), False, True)]
    assert not looks(*steps)[-1].backlogs
    fewer = [*steps[:2], (flow(24, 20), False, True)]
    assert looks(*fewer)[-1].backlogs


def test_while_a_target_is_away_nothing_closes():
    steps = [(flow(5), False, False), (flow(5, 20), True, False), *[(flow(90, 20), True, True)] * 9]
    assert looks(*steps)[-1].backlogs


def test_new_objects_alone_do_not_close_it_before_the_time():
    """Arrivals of other objects look like retries: the time without a failure is what tells."""
    steps = [(flow(5), False, False), (flow(5, 2), False, False), (flow(40, 2), False, False)]
    assert looks(*steps)[-1].backlogs


def test_failures_before_the_first_look_are_known_not_dated():
    first, *_, last = looks((flow(5, 20, last_hour=20), False, False), *[(flow(5, 20, last_hour=0), False, False)] * 4)
    assert first.backlogs[KEY].since is None and first.backlogs[KEY].failed_bytes == 20480
    assert not last.backlogs


def test_a_restart_counts_what_the_counters_show_then_as_new():
    steps = [(flow(500, 20), False, False), (None, False, False), (flow(3, 2), False, False)]
    found = looks(*steps)[-1].backlogs[KEY]
    assert (found.failed_count, found.sent_count) == (2, 0)
    assert looks((flow(500, 20), False, False), (flow(3, 4), False, False))[-1].backlogs[KEY].failed_count == 4


@untimed
@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_an_increase_is_never_negative_and_never_more_than_the_counter(before, now):
    assert 0 <= increase(before, now) <= now


@untimed
@given(st.lists(st.tuples(flows, st.booleans()), min_size=2, max_size=8))
def test_a_backlog_never_closes_with_fewer_arrivals_than_failures(steps):
    found = looks(*((seen, away, True) for seen, away in steps), settle_s=1.0)
    for before, after, (seen, away) in zip(found, found[1:], steps[1:], strict=False):
        open_ = before.backlogs.get(KEY)
        if open_ is not None and open_.since is not None and KEY not in after.backlogs:
            assert not away
            sent = open_.sent_count + increase(before.flows[KEY].sent_count, seen.sent_count)
            failed = increase(before.flows[KEY].failed_count, seen.failed_count)
            assert failed == 0 and sent >= open_.failed_count
