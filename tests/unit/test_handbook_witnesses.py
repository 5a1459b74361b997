"""Votes and quorum: every answer a witness was seen to give, and what no witness may ever bring about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.witnesses import Ballot, Finding, Outcome, Round, Vote, cast, count
from openova_console.handbook.words import Verdict
from tests.support.factories import CONTROL, untimed

UP, DOWN, SILENT = Vote.REACHABLE, Vote.UNREACHABLE, Vote.ABSTAIN
IN_ALL = " in 3 of 3 rounds"
OK_CONTROL = f"{IN_ALL}; control name answered in 12 ms"


def vote(*outcomes: Outcome, ede: tuple[int, ...] = (), control: Round | None = CONTROL) -> Ballot:
    rounds = outcomes * 3 if len(outcomes) == 1 else outcomes
    return cast([Round(outcome, ede) for outcome in rounds], control, agree=2)


def counted(*votes: Vote, weak: bool = False, control: bool = True):
    return count(votes, configured=3, needed=2, region="Region 1", weak_transport=weak, any_control_answered=control)


@pytest.mark.parametrize(
    ("outcome", "ede", "vote_", "why"),
    [
        (Outcome.ANSWER, (), UP, f"answered{OK_CONTROL}"),
        (Outcome.SERVFAIL, (), DOWN, f"SERVFAIL{OK_CONTROL}"),
        (Outcome.SERVFAIL, (22,), DOWN, f"SERVFAIL{OK_CONTROL}"),
        (Outcome.SERVFAIL, (9, 22), DOWN, f"SERVFAIL{OK_CONTROL}"),
        (Outcome.TIMEOUT, (), DOWN, f"time-out{OK_CONTROL}"),
        (Outcome.SERVFAIL, (6,), SILENT, f"SERVFAIL because signatures were not accepted{IN_ALL}"),
        (Outcome.SERVFAIL, (13,), SILENT, f"SERVFAIL from a cache{IN_ALL}"),
        (Outcome.NXDOMAIN, (), SILENT, f"says that the name does not exist: the probe zone is not set up{IN_ALL}"),
        (Outcome.NXDOMAIN, (19,), SILENT, f"the answer came from a stale cache{IN_ALL}"),
        (Outcome.REFUSED, (), SILENT, f"refuses to answer{IN_ALL}"),
        (Outcome.REFUSED, (20,), SILENT, f"refuses to answer{IN_ALL}"),
        (Outcome.EMPTY, (), SILENT, f"answered without an address{IN_ALL}"),
        (Outcome.ANSWER, (3,), SILENT, f"the answer came from a stale cache{IN_ALL}"),
        (Outcome.SERVFAIL, (3,), SILENT, f"the answer came from a stale cache{IN_ALL}"),
        (Outcome.ANSWER, (15,), SILENT, f"the resolver filters this name{IN_ALL}"),
        (Outcome.SERVFAIL, (17, 22), SILENT, f"the resolver filters this name{IN_ALL}"),
        (Outcome.TLS_FAILED, (), SILENT, f"its certificate was not accepted{IN_ALL}"),
        (Outcome.UNREACHABLE, (), SILENT, f"cannot be reached{IN_ALL}"),
        (Outcome.MALFORMED, (), SILENT, f"its answer makes no sense{IN_ALL}"),
    ],
)
def test_each_answer_and_its_vote(outcome, ede, vote_, why):
    assert vote(outcome, ede=ede) == Ballot(vote_, why)


@pytest.mark.parametrize(
    ("control", "why"),
    [
        (Round(Outcome.TIMEOUT), "time-out"),
        (Round(Outcome.UNREACHABLE), "cannot be reached"),
        (Round(Outcome.TLS_FAILED), "its certificate was not accepted"),
        (Round(Outcome.SERVFAIL), "SERVFAIL"),
        (Round(Outcome.NXDOMAIN), "it does not exist there"),
        (Round(Outcome.ANSWER, (3,)), "the answer came from a stale cache"),
        (Round(Outcome.ANSWER, (17,)), "the resolver filters this name"),
    ],
)
def test_a_witness_that_is_not_proven_to_work_abstains_whatever_it_says(control, why):
    wanted = Ballot(SILENT, f"the control name was not answered ({why}), so what it says of the region does not count")
    assert vote(Outcome.TIMEOUT, control=control) == vote(Outcome.ANSWER, control=control) == wanted


def test_a_control_that_was_not_asked_proves_nothing():
    assert vote(Outcome.SERVFAIL, control=None) == Ballot(SILENT, "the control name was not asked, so its answer says nothing")


def test_two_of_three_rounds_make_a_vote_and_one_each_makes_none():
    assert vote(Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.ANSWER) == Ballot(
        DOWN, "SERVFAIL and time-out in 2 of 3 rounds; control name answered in 12 ms"
    )
    split = vote(Outcome.SERVFAIL, Outcome.ANSWER, Outcome.REFUSED)
    assert split == Ballot(SILENT, "its 3 rounds disagree (1 unreachable, 1 reachable, 1 abstain)")
    assert cast([], CONTROL, agree=2) == Ballot(SILENT, "was not asked")


@pytest.mark.parametrize(
    ("votes", "finding", "verdict", "sentence"),
    [
        ((UP, UP, UP), Finding.REACHABLE, Verdict.OK, "3 of 3 reach Region 1"),
        ((UP, UP, SILENT), Finding.REACHABLE, Verdict.WARN, "2 of 3 reach Region 1, 1 abstains"),
        ((UP, UP, DOWN), Finding.REACHABLE, Verdict.WARN, "2 of 3 reach Region 1, 1 cannot"),
        ((UP, UP), Finding.REACHABLE, Verdict.WARN, "2 of 3 reach Region 1, 1 abstains"),
        ((DOWN, DOWN, DOWN), Finding.UNREACHABLE, Verdict.BREACH, "3 of 3 agree that Region 1 is unreachable"),
        ((DOWN, DOWN, UP), Finding.UNREACHABLE, Verdict.BREACH,
         "2 of 3 agree that Region 1 is unreachable; 1 still reaches it"),
        ((DOWN, SILENT, SILENT), Finding.NO_QUORUM, Verdict.UNKNOWN,
         "No quorum about Region 1: 0 reach it, 1 cannot, 2 abstain; 2 of 3 must agree"),
        ((DOWN,), Finding.NO_QUORUM, Verdict.UNKNOWN,
         "No quorum about Region 1: 0 reach it, 1 cannot, 2 abstain; 2 of 3 must agree"),
        ((UP, DOWN, SILENT), Finding.NO_QUORUM, Verdict.UNKNOWN,
         "No quorum about Region 1: 1 reach it, 1 cannot, 1 abstain; 2 of 3 must agree"),
    ],
)  # fmt: skip
def test_the_count_and_its_sentence(votes, finding, verdict, sentence):
    quorum = counted(*votes)
    assert (quorum.finding, quorum.judgement.verdict, quorum.judgement.sentence) == (finding, verdict, sentence)
    assert quorum.dissent == (finding is Finding.UNREACHABLE and UP in votes)


def test_when_no_control_came_back_it_is_we_who_are_cut_off():
    quorum = counted(SILENT, SILENT, SILENT, control=False)
    assert (quorum.finding, quorum.judgement.verdict) == (Finding.ISOLATED, Verdict.UNKNOWN)
    assert quorum.judgement.sentence == (
        "No witness answers its control name: this side is cut off, so nothing can be said of Region 1"
    )


def test_plain_udp_is_marked_weak_and_never_green():
    quorum = counted(UP, UP, UP, weak=True)
    assert quorum.judgement.verdict is Verdict.WARN
    assert quorum.judgement.sentence == "3 of 3 reach Region 1 (over plain UDP, which can be forged on the path)"


votes = st.lists(st.sampled_from(Vote), max_size=5)
rounds = st.lists(st.builds(Round, st.sampled_from(Outcome), st.lists(st.integers(0, 30), max_size=3).map(tuple)), max_size=5)


@untimed
@given(votes, st.data())
def test_losing_a_witness_never_makes_a_region_unreachable(cast_, data):
    needed = data.draw(st.integers(3, 5))

    def finding(some):
        quorum = count(some, configured=5, needed=needed, region="R", weak_transport=False, any_control_answered=True)
        if quorum.finding is Finding.UNREACHABLE:
            assert some.count(DOWN) >= needed
        return quorum.finding

    whole = finding(cast_)
    for index in range(len(cast_)):
        for rest in ([*cast_[:index], *cast_[index + 1 :]], [*cast_[:index], SILENT, *cast_[index + 1 :]]):
            assert not (finding(rest) is Finding.UNREACHABLE and whole is not Finding.UNREACHABLE)


@untimed
@given(st.sampled_from(Vote), st.sampled_from([UP, SILENT]), st.sampled_from([UP, SILENT]))
def test_one_liar_of_three_never_makes_a_region_unreachable(lie, second, third):
    assert counted(lie, second, third).finding is not Finding.UNREACHABLE


@untimed
@given(st.sampled_from(Vote))
def test_one_liar_of_three_never_makes_a_dead_region_reachable(lie):
    assert counted(lie, DOWN, DOWN).finding is Finding.UNREACHABLE


@untimed
@given(rounds, st.none() | st.builds(Round, st.sampled_from(Outcome), st.lists(st.integers(0, 30), max_size=2).map(tuple)))
def test_a_witness_votes_only_with_a_fresh_answer_to_the_control(asked, control):
    ballot = cast(asked, control, agree=len(asked) // 2 + 1)
    assert ballot.why
    if ballot.vote is not SILENT:
        assert control is not None and control.outcome is Outcome.ANSWER
        assert not set(control.ede) & {3, 15, 16, 17, 18, 19}
    if ballot.vote is DOWN:
        agreeing = [r for r in asked if r.outcome in (Outcome.SERVFAIL, Outcome.TIMEOUT)]
        assert len(agreeing) > len(asked) / 2
