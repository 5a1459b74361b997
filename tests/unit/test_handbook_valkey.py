"""The REPLICAOF link: measured cases of a real pair, and what must hold in every case."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.replication import Objective, Service
from openova_console.handbook.valkey import judge_valkey
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, primary_end, reading, replica_end, untimed

GOAL = Objective(Service.VALKEY, 5, 30)
ORDER = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
NO_REPLICA = {"replica_ack_age_s": None, "replica_state": ""}


def judged(primary=None, replica=None):
    """Changes as dicts, or a whole reading."""
    there = reading(primary_end(**primary)) if isinstance(primary, dict) else primary or reading(primary_end())
    here = reading(replica_end(**replica)) if isinstance(replica, dict) else replica or reading(replica_end())
    return judge_valkey(GOAL, there, here, now=NOW, budget_s=30)


def down(since, offset=64):
    return {"link_up": False, "down_since_s": since, "heard_s": None, "offset": offset}


@pytest.mark.parametrize(
    ("primary", "replica", "verdict", "sentence", "lag", "risk", "transport"),
    [
        # up
        ({}, {}, Verdict.OK, "Linked; the replica has every write", 1.0, 0.0, True),
        # refused for 4 s, one write since
        ({"offset": 92} | NO_REPLICA, down(4), Verdict.BREACH,
         "The link is down for 4 s: 28 B of writes exist only in the primary region", 4.0, 28.0, False),
        # frozen for 3 s: both ends still call it up; within the objective only because 4 s is less than 5 s
        ({"offset": 176, "replica_ack_age_s": 4.0}, {"offset": 106, "heard_s": 4.0}, Verdict.OK,
         "Linked; 70 B on the way", 4.0, 70.0, True),
        # frozen for as long as the time-out allows
        ({"offset": 176, "replica_ack_age_s": 31.0}, {"offset": 106, "heard_s": 31.0}, Verdict.BREACH,
         "Behind by 31 s, the limit is 30 s: the replica has not acknowledged for 31 s; 70 B behind", 31.0, 70.0, True),
        # frozen for 7 s: the primary gave up first
        ({"offset": 176} | NO_REPLICA, down(2, 106), Verdict.BREACH,
         "The link is down for 2 s: 70 B of writes exist only in the primary region", 2.0, 70.0, False),
        # up again: partial resynchronisation, equal offsets
        ({"offset": 204}, {"offset": 204}, Verdict.OK, "Linked; the replica has every write", 1.0, 0.0, True),
        # the primary dropped it while the replica still believes in the link
        ({"offset": 176} | NO_REPLICA, {"offset": 106, "heard_s": 7.0}, Verdict.UNKNOWN,
         "The ends disagree: the replica says that it is linked, the primary says that it has no replica", None, 70.0, None),
        ({"replica_state": "wait_bgsave"}, {}, Verdict.UNKNOWN,
         "The ends disagree: the replica says that it is linked, the primary says that it is in state 'wait_bgsave'",
         None, 0.0, None),
        # full synchronisation: its history and offset are not the primary's yet
        (NO_REPLICA, {"syncing": True, "link_up": False, "down_since_s": 3.0, "replid": "b" * 40, "offset": 0}, Verdict.BREACH,
         "A full synchronisation is in progress: until it ends the DR side has no current copy", 3.0, None, False),
        # REPLICAOF NO ONE on the DR side
        ({}, {"role": "master", "link_up": None}, Verdict.BREACH,
         "The DR side is not a replica: it accepts writes of its own", None, None, False),
        # FAILOVER done: the old primary follows
        ({"role": "slave"} | NO_REPLICA, {}, Verdict.UNKNOWN,
         "The primary region's side is itself a replica: nobody is known to take writes", None, None, True),
        ({"replid": "b" * 40}, {}, Verdict.UNKNOWN,
         "The replica follows another history than this primary's: the two cannot be compared", None, None, True),
        # down without a write since: unknown at first, a breach when it lasts
        (NO_REPLICA, down(4), Verdict.UNKNOWN, "The link is down for 4 s; nothing was written since", None, 0.0, False),
        (NO_REPLICA, down(31), Verdict.BREACH, "The link is down for 31 s; nothing was written since", 31.0, 0.0, False),
    ],
)  # fmt: skip
def test_a_pair_as_it_was_measured(primary, replica, verdict, sentence, lag, risk, transport):
    found = judged(primary, replica)
    assert (found.judgement.verdict, found.judgement.sentence) == (verdict, sentence)
    assert (found.lag_s, found.at_risk_bytes, found.transport_up) == (lag, risk, transport)


def test_an_idle_pair_hears_a_ping_every_ten_seconds_and_stays_ok():
    for heard in (0.0, 5.5, 10.0, 11.0):
        assert judged({"replica_ack_age_s": 1.0}, {"heard_s": heard}).judgement.verdict is Verdict.OK


def test_a_replica_that_hears_nothing_is_behind_although_another_one_acknowledges():
    """The primary counts some replica's acknowledgement; only the DR side's own silence shows that it is not that one."""
    found = judged({"offset": 5_000_064, "replica_ack_age_s": 0.0}, {"heard_s": 40.0})
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == "Behind by 40 s, the limit is 30 s: the replica has heard nothing for 40 s; 5 MB behind"


def test_an_older_word_of_the_primary_says_nothing_of_the_writes_since_the_link_broke():
    before = reading(primary_end(offset=64), age_s=25)
    found = judged(before, reading(replica_end(**down(4, 70))))
    assert (found.judgement.verdict, found.at_risk_bytes) == (Verdict.UNKNOWN, None)
    assert found.judgement.sentence == "The link is down for 4 s; how much was written since is not known"


def test_with_the_primary_silent_the_lag_is_unknown():
    found = judged(missing("Region 1's Valkey refused the connection: nothing listens there"), down(9))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence == "Not known, primary: Region 1's Valkey refused the connection: nothing listens there"
    assert (found.lag_s, found.at_risk_bytes, found.transport_up) == (None, None, False)


def test_a_judgement_is_as_old_as_its_oldest_evidence():
    assert judged(reading(primary_end(), age_s=20)).observed_at == ago(20)


ends = st.fixed_dictionaries(
    {
        "offset": st.integers(0, 10**12),
        "replica_ack_age_s": st.none() | st.floats(0, 1e4),
        "replica_state": st.sampled_from(["online", "wait_bgsave", "send_bulk", ""]),
        "role": st.sampled_from(["master", "slave"]),
    }
)
replicas = st.fixed_dictionaries(
    {
        "offset": st.integers(0, 10**12),
        "link_up": st.sampled_from([True, False, None]),
        "down_since_s": st.none() | st.floats(0, 1e4),
        "syncing": st.booleans(),
        "role": st.sampled_from(["master", "slave"]),
        "heard_s": st.none() | st.floats(0, 1e4),
        "replid": st.sampled_from(["a" * 40, "b" * 40]),
    }
)


@untimed
@given(ends, replicas)
def test_ok_only_when_both_ends_agree_and_the_silence_is_within_the_objective(primary, replica):
    found = judged(primary, replica)
    if found.judgement.verdict is Verdict.OK:
        assert (primary["role"], replica["role"]) == ("master", "slave")
        assert replica["link_up"] and primary["replica_state"] == "online"
        assert not replica["syncing"] and replica["replid"] == "a" * 40
        assert primary["replica_ack_age_s"] <= GOAL.warn_s


@untimed
@given(ends, replicas, st.sampled_from(["primary", "replica"]), st.sampled_from(["missing", "stale", "partial", "future"]))
def test_losing_an_end_never_improves_the_verdict(primary, replica, lost, how):
    sides = {"primary": reading(primary_end(**primary)), "replica": reading(replica_end(**replica))}
    before = judged(**sides).judgement.verdict
    side = sides[lost]
    sides[lost] = {
        "missing": missing(),
        "stale": replace(side, observed_at=ago(31)),
        "partial": replace(side, completeness="partial"),
        "future": replace(side, observed_at=ago(-6)),
    }[how]
    after = judged(**sides).judgement.verdict
    assert after in (Verdict.UNKNOWN, Verdict.BREACH)
    assert after is Verdict.UNKNOWN or before is Verdict.BREACH


@untimed
@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_more_silence_is_never_a_better_verdict(one, other):
    less, more = sorted((one, other))
    for key, side in (("replica_ack_age_s", 0), ("heard_s", 1)):
        verdicts = [judged(*(({key: lag}, None) if side == 0 else (None, {key: lag}))).judgement.verdict for lag in (less, more)]
        assert ORDER.index(verdicts[0]) <= ORDER.index(verdicts[1])
