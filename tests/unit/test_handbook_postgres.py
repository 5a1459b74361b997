"""The Postgres stream: measured cases of a real pair, and what must hold in every case."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.postgres import judge_postgres, last_in_step
from openova_console.handbook.replication import Objective, Service, grade, promise
from openova_console.handbook.words import Judgement, Verdict
from tests.support.factories import NOW, ago, missing, postgres, reading, samples, untimed

GOAL = Objective(Service.CNPG, 5, 30)
ORDER = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
NEEDED = ("in_recovery", "receiver_up", "stream_row", "primary_in_recovery")


def judged(**changes):
    return judge_postgres(GOAL, postgres(**changes), now=NOW, budget_s=60)


def verdict_and_sentence(**changes):
    judgement = judged(**changes).judgement
    return judgement.verdict, judgement.sentence


def test_up_and_busy():
    stream = samples((31, 0, 0.2), (16, 0, 0.3), (1, 0, 0.1))
    found = judged(stream=stream, slot_diff_bytes=reading(0.0))
    assert found.judgement.verdict is Verdict.OK
    assert found.judgement.sentence == "Streaming; the standby has confirmed every write"
    assert (found.lag_s, found.at_risk_bytes, found.transport_up, found.observed_at) == (0.0, 0.0, True, ago(1))


def test_up_and_idle_for_a_long_time_stays_ok():
    stream = samples(*((age, 0, 0.0) for age in range(301, 0, -15)))
    assert verdict_and_sentence(stream=stream) == (Verdict.OK, "Streaming; the standby has confirmed every write")


def test_a_busy_pair_with_bytes_on_the_way_is_ok_by_its_measured_time():
    found = judged()
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, "Streaming; 2.5 KB on the way")
    assert found.lag_s == 0.1


def test_refused_with_rows_behind_is_a_breach_although_the_lag_metric_reads_zero():
    found = judged(
        receiver_up=reading(False), stream_row=reading(False), stream=samples((16, 0, 0.1)), slot_diff_bytes=reading(7_221_264.0)
    )
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == (
        "WAL receiver and primary's stream are down: 7.2 MB of writes exist only in the primary region; "
        "the standby's own lag of 0 s says nothing"
    )
    assert (found.lag_s, found.at_risk_bytes, found.transport_up) == (16.0, 7_221_264.0, False)


def test_refused_for_longer_than_the_limit_says_for_how_long():
    assert verdict_and_sentence(
        receiver_up=reading(False), stream_row=reading(False), stream=samples((90, 0, 0.1)), slot_diff_bytes=reading(9e6),
        replication_lag=missing(),
    ) == (
        Verdict.BREACH,
        "WAL receiver and primary's stream are down, not in step for 90 s: 9 MB of writes exist only in the primary region",
    )  # fmt: skip


def test_frozen_for_seconds_still_streams_by_both_ends_and_is_not_green_with_bytes_outstanding():
    frozen = samples((31, 0, 0.2), (16, 0, 0.2), (1, 72_288, 0.2))
    assert verdict_and_sentence(stream=frozen, slot_diff_bytes=reading(72_288.0)) == (
        Verdict.WARN,
        "Behind by 15 s, the objective is 5 s: connected, but no newer write was confirmed; 72 KB are outstanding",
    )


def test_frozen_until_the_sender_gave_up():
    found = judged(stream_row=reading(False), stream=samples((14, 0, 0.2)), slot_diff_bytes=reading(72_288.0))
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == (
        "Primary's stream is down: 72 KB of writes exist only in the primary region; the standby's own lag of 0 s says nothing"
    )


def test_frozen_for_longer_than_all_samples_is_a_breach_with_the_least_that_is_known():
    frozen = samples(*((age, 72_288 + 1000 * (300 - age), 0.2) for age in range(301, 0, -15)))
    found = judged(stream=frozen)
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence.startswith("Behind for at least 5 min, the limit is 30 s: connected, ")
    assert found.lag_s == 300


def test_promoted_standby_follows_nobody():
    assert verdict_and_sentence(in_recovery=reading(False), receiver_up=reading(False), stream_row=reading(False)) == (
        Verdict.BREACH,
        "The standby is not in recovery: it accepts writes of its own and follows nobody",
    )


def test_a_dead_receiver_with_nothing_written_since_is_unknown():
    assert verdict_and_sentence(receiver_up=reading(False), slot_diff_bytes=reading(0.0)) == (
        Verdict.UNKNOWN,
        "WAL receiver is down; nothing was written since; the standby's own lag of 0 s says nothing",
    )


def test_a_dead_receiver_without_a_slot_does_not_know_what_is_lost():
    found = judged(receiver_up=reading(False), slot_diff_bytes=missing())
    assert found.judgement.sentence.startswith("WAL receiver is down; how much was written since is not known")
    assert (found.judgement.verdict, found.at_risk_bytes) == (Verdict.UNKNOWN, None)


def test_a_primary_that_is_itself_a_standby_leaves_nobody_to_take_writes():
    assert verdict_and_sentence(primary_in_recovery=reading(True)) == (
        Verdict.UNKNOWN,
        "The primary region's side is itself a standby: nobody is known to take writes",
    )


def test_catching_up_after_an_outage_is_not_green_while_old_writes_are_missing():
    """The row is back and confirms, but Postgres has no figure yet: fewer bytes do not mean a small lag."""
    catching_up = samples((240, 0, 0.1), (31, 7e9, 0.0), (16, 6e9, 0.0), (1, 5e9, 0.0))
    assert verdict_and_sentence(stream=catching_up) == (
        Verdict.BREACH,
        "Behind by 3 min 59 s, the limit is 30 s: catching up; 5 GB are outstanding",
    )
    assert verdict_and_sentence(stream=catching_up[1:]) == (
        Verdict.UNKNOWN,
        "Catching up, but the samples at hand do not show since when: 5 GB are outstanding",
    )


def test_one_sample_with_bytes_outstanding_proves_nothing():
    assert verdict_and_sentence(stream=samples((1, 1e9, 0.5))) == (
        Verdict.UNKNOWN,
        "Connected, but the samples at hand do not show since when: 1 GB are outstanding",
    )


def test_an_old_byte_count_is_not_taken_for_the_newest():
    """The row's newest sample has no figures, an older one said that nothing was outstanding."""
    found = judged(stream=samples((46, 0, 0.1)))
    assert (found.judgement.verdict, found.at_risk_bytes) == (Verdict.UNKNOWN, None)
    assert found.judgement.sentence == "Connected, but the newest sample has no byte count and no lag"
    assert judged(stream=()).judgement == found.judgement


def test_a_standby_ahead_of_its_primary_is_a_contradiction():
    assert verdict_and_sentence(stream=samples((16, 0, 0.1), (1, -5000, 0.1))) == (
        Verdict.UNKNOWN,
        "The standby is 5 KB ahead of its primary: the two do not share one history",
    )


def test_the_primarys_prometheus_is_gone():
    found = judged(stream_row=missing("Region 1's Prometheus refused the connection: nothing listens there"))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence == (
        "Not known, primary's view: Region 1's Prometheus refused the connection: nothing listens there"
    )


def test_a_judgement_is_as_old_as_its_oldest_evidence():
    assert judged(receiver_up=reading(True, age_s=40)).observed_at == ago(40)


@untimed
@given(
    st.sampled_from(NEEDED),
    st.sampled_from(["missing", "stale", "partial", "future"]),
    st.booleans(),
    st.floats(0, 1e9),
)
def test_never_ok_with_any_needed_reading_unfit(name, how, value, slot):
    unfit = {
        "missing": missing(),
        "stale": reading(value, age_s=61),
        "partial": reading(value, completeness="partial"),
        "future": reading(value, age_s=-6),
    }[how]
    assert judged(**{name: unfit}, slot_diff_bytes=reading(slot)).judgement.verdict is Verdict.UNKNOWN


@untimed
@given(st.booleans(), st.booleans(), st.floats(0, 1e12), st.floats(0, 1e6))
def test_never_ok_unless_the_transport_is_up_at_both_ends(receiver, row, slot, lag):
    found = judged(
        receiver_up=reading(receiver), stream_row=reading(row), slot_diff_bytes=reading(slot), replication_lag=reading(lag)
    )
    assert (found.judgement.verdict is Verdict.OK) == (receiver and row)
    if not (receiver and row):
        assert found.judgement.verdict is (Verdict.BREACH if slot > 0 else Verdict.UNKNOWN)


streams = st.lists(st.tuples(st.floats(-1e6, 1e9), st.floats(0, 3600) | st.just(0.0)), min_size=0, max_size=8).map(
    lambda rows: samples(*((1 + 15 * (len(rows) - i), d, lag) for i, (d, lag) in enumerate(rows, 1)))
)


@untimed
@given(streams, st.booleans(), st.booleans(), st.floats(0, 1e9))
def test_losing_a_reading_never_improves_the_verdict(stream, receiver, row, slot):
    """It may turn a breach into unknown, never anything into ok or a mere warning."""
    evidence = postgres(stream=stream, receiver_up=reading(receiver), stream_row=reading(row), slot_diff_bytes=reading(slot))
    before = judge_postgres(GOAL, evidence, now=NOW, budget_s=60).judgement.verdict
    for field in fields(evidence):
        lost = replace(evidence, **{field.name: () if field.name == "stream" else missing()})
        after = judge_postgres(GOAL, lost, now=NOW, budget_s=60).judgement.verdict
        assert after in (before, Verdict.UNKNOWN, Verdict.BREACH)
        assert ORDER.index(after) >= min(ORDER.index(before), ORDER.index(Verdict.UNKNOWN))


@untimed
@given(streams.filter(len))
def test_bytes_outstanding_are_green_only_with_a_measured_time_within_the_objective(stream):
    found = judged(stream=stream)
    if found.judgement.verdict is Verdict.OK:
        newest = stream[-1]
        assert newest.flush_diff_bytes == 0 or (last_in_step(stream) is not None and found.lag_s <= GOAL.warn_s)
        assert found.lag_s >= (newest.flush_lag_s if newest.flush_diff_bytes else 0)


@untimed
@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_lag_is_never_a_better_verdict(one, other):
    less, more = sorted((one, other))

    def verdict(lag):
        return judged(stream=samples((16, 900, 1e6), (1, 900, lag or 1e-9))).judgement.verdict

    assert ORDER.index(verdict(less)) <= ORDER.index(verdict(more))
    assert ORDER.index(grade(GOAL, less, "x").verdict) <= ORDER.index(grade(GOAL, more, "x").verdict)


@pytest.mark.parametrize(
    ("lag", "verdict", "sentence"),
    [
        (5, Verdict.OK, "Streaming"),
        (5.5, Verdict.WARN, "Behind by 5.5 s, the objective is 5 s: streaming"),
        (30, Verdict.WARN, "Behind by 30 s, the objective is 5 s: streaming"),
        (31, Verdict.BREACH, "Behind by 31 s, the limit is 30 s: streaming"),
    ],
)
def test_the_objective_and_the_limit_are_themselves_allowed(lag, verdict, sentence):
    assert grade(GOAL, lag, "streaming") == Judgement(verdict, sentence)


def test_the_promise_is_said_in_the_handbooks_word_and_in_seconds():
    assert GOAL.words == "Near-zero, ≤ 5 s"
    assert promise(Service.VALKEY).method == "REPLICAOF"
