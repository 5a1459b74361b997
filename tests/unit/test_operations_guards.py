"""The catalogue of guards: each allows and refuses, says why in a sentence, and never allows more because less is known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence, Freshness, Item, unknown
from openova_console.operations.guards import CATALOGUE, EVERYWHERE, Guard, Subject, guard_facts, rule_on, worst
from openova_console.operations.words import Answer
from tests.support.factories import NOW, ago, untimed
from tests.support.guard_cases import CASES, Case
from tests.support.guard_worlds import CALM, GONE, PLANNED, RESTARTS, UNPLANNED, said

EXEMPT = {
    "budget: a move is exempt",
    "replication-in-objective: unplanned it does not matter",
    "loss-accepted: planned, nothing is lost",
    "error-budget: unplanned, hurt users are the reason",
}
"""Cases in which a guard says that it does not concern this: they rest on the verb alone, which is no evidence."""

SET_ASIDE_BY = {
    "freeze": None,
    "freeze-known": Role.APPROVER,
    "run-in-flight": None,
    "cool-down": Role.APPROVER,
    "change-window": Role.APPROVER,
    "object-known": None,
    "actor-account": None,
    "not-undone": None,
    "canary-in-flight": None,
    "distinct-verbs": Role.ADMIN,
    "witness-quorum": Role.ADMIN,
    "not-isolated": None,
    "failover-controller": Role.ADMIN,
    "both-active": None,
    "one-region-on": None,
    "one-writer": None,
    "role-unambiguous": None,
    "lease-run-out": Role.ADMIN,
    "replication-in-objective": Role.APPROVER,
    "loss-accepted": Role.ADMIN,
    "stale-promotion-token": Role.ADMIN,
    "backup-recent": Role.APPROVER,
    "target-capacity": Role.APPROVER,
    "vault-unsealed": Role.ADMIN,
    "flux-ready": Role.APPROVER,
    "no-release-in-flight": Role.APPROVER,
    "no-rotation-or-erasure": Role.APPROVER,
    "budget": Role.APPROVER,
    "error-budget": Role.APPROVER,
    "another-person": None,
    "approval-fresh": None,
    "account-there": None,
    "admin-left": None,
    "word-usable": None,
    "token-fits": None,
    "policy-floor": None,
    "standing-fits": None,
}
"""Who may set a guard aside: a change of this table is a change of who may do what."""


def degraded(item: Item, how: str) -> Item:
    """The item as a silent source leaves it."""
    match how:
        case "unknown":
            return unknown("it was not read")
        case "stale":
            return item.model_copy(update={"freshness": Freshness.STALE, "sentence": "too old"})
        case _:
            return item.model_copy(update={"freshness": Freshness.LAST, "observed_at": ago(300)})


def less(evidence: Evidence, changes: dict[str, str]) -> Evidence:
    """The evidence with these items degraded, or gone ("missing")."""
    items = {
        key: degraded(item, changes[key]) if key in changes else item
        for key, item in evidence.items.items()
        if changes.get(key) != "missing"
    }
    return Evidence(at=evidence.at, items=items)


class Watched(Evidence):
    """Evidence that notes what is asked of it."""

    asked: set[str] = Field(default_factory=set)

    def get(self, key: str) -> Item:
        self.asked.add(key)
        return super().get(key)

    def under(self, prefix: str) -> dict[str, Item]:
        self.asked.add(prefix)
        return dict(super().under(prefix))


def answer(one: Case, evidence: Evidence | None = None) -> Answer:
    return CATALOGUE[one.guard].judge(one.subject, evidence or one.evidence).answer


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_a_guard_answers_as_its_case_says(one: Case):
    ruling = CATALOGUE[one.guard].judge(one.subject, one.evidence)
    assert ruling.answer is one.answer, ruling.sentence
    assert ruling.sentence and "\n" not in ruling.sentence and "None" not in ruling.sentence
    assert bool(ruling.clears) is (ruling.answer is not Answer.ALLOW)


@pytest.mark.parametrize("guard", CATALOGUE.values(), ids=lambda guard: guard.id)
def test_every_guard_allows_somewhere_and_refuses_somewhere(guard: Guard):
    answers = {one.answer for one in CASES if one.guard == guard.id}
    assert Answer.ALLOW in answers
    assert answers - {Answer.ALLOW}
    assert guard.sentence.endswith(".") and guard.clears.endswith(".") and guard.inputs and guard.judged


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
@pytest.mark.parametrize("how", ["unknown", "stale", "last", "missing"])
def test_knowing_less_of_one_thing_never_allows_what_was_refused(one: Case, how: str):
    for key in one.evidence.items:
        after = answer(one, less(one.evidence, {key: how}))
        assert one.answer is Answer.ALLOW or after is not Answer.ALLOW, f"{key} {how} allows it"


@untimed
@given(
    one=st.sampled_from(CASES),
    changes=st.dictionaries(
        st.sampled_from(sorted({*CALM, *GONE})), st.sampled_from(["unknown", "stale", "last", "missing"]), max_size=12
    ),
)
def test_knowing_less_of_anything_never_allows_what_was_refused(one: Case, changes: dict[str, str]):
    if one.answer is not Answer.ALLOW:
        assert answer(one, less(one.evidence, changes)) is not Answer.ALLOW


@pytest.mark.parametrize("one", [c for c in CASES if c.answer is Answer.ALLOW and c.id not in EXEMPT], ids=lambda one: one.id)
@pytest.mark.parametrize("how", ["unknown", "stale", "missing"])
def test_no_guard_allows_anything_when_nothing_is_known(one: Case, how: str):
    assert answer(one, less(one.evidence, dict.fromkeys(one.evidence.items, how))) is not Answer.ALLOW


@untimed
@given(
    one=st.sampled_from([c for c in CASES if c.subject.kind != "failover"]),
    keys=st.sets(st.sampled_from(sorted(CALM)), min_size=1, max_size=12),
)
def test_only_an_unplanned_failover_rests_on_last_readings(one: Case, keys: set[str]):
    as_last, as_stale = (less(one.evidence, dict.fromkeys(keys, how)) for how in ("last", "stale"))
    assert answer(one, as_last) is answer(one, as_stale)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_a_guard_reads_what_it_says_it_reads_and_nothing_else(one: Case):
    guard, watched = CATALOGUE[one.guard], Watched(at=NOW, items=one.evidence.items)
    guard.judge(one.subject, watched)
    assert all(
        any(key == said or (said.endswith(".") and key.startswith(said)) for said in guard.inputs) for key in watched.asked
    )


def test_every_input_of_a_guard_is_read_in_some_case():
    for guard in CATALOGUE.values():
        asked: set[str] = set()
        for one in (c for c in CASES if c.guard == guard.id):
            watched = Watched(at=NOW, items=one.evidence.items)
            guard.judge(one.subject, watched)
            asked |= watched.asked
        for named in guard.inputs:
            assert any(key.startswith(named) for key in asked), f"{guard.id} never reads {named}"


def test_who_may_set_a_guard_aside_is_as_written_here():
    assert {id_: guard.override for id_, guard in CATALOGUE.items()} == SET_ASIDE_BY


def test_a_guard_that_nobody_may_set_aside_stands_whatever_is_asked():
    blocked = next(one for one in CASES if one.guard == "both-active" and one.answer is Answer.BLOCK)
    ruled = rule_on(["both-active"], blocked.subject, blocked.evidence, overridden=["both-active"])
    assert worst(ruled) is Answer.BLOCK and not ruled[0].overridden


def test_a_guard_that_is_set_aside_no_longer_counts_and_no_longer_moves():
    held = next(one for one in CASES if one.guard == "backup-recent" and one.answer is Answer.HOLD)
    ruled = rule_on(["backup-recent"], held.subject, held.evidence, overridden=["backup-recent"])
    assert worst(ruled) is Answer.ALLOW and ruled[0].answer is Answer.HOLD
    assert guard_facts(ruled)["guard backup-recent"].value == "set aside"


def test_what_holds_everywhere_is_in_the_catalogue():
    assert set(EVERYWHERE) <= set(CATALOGUE)


@pytest.mark.parametrize("subject", [PLANNED, UNPLANNED, RESTARTS], ids=lambda subject: subject.kind)
def test_where_nothing_stands_against_it_every_guard_allows(subject: Subject):
    """Of its own kind: the role's guards say nothing of a restart in the primary."""
    own = [id_ for id_ in CATALOGUE if subject is not RESTARTS or id_ in {*EVERYWHERE, "object-known", "budget", "error-budget"}]
    ruled = rule_on(own, subject, Evidence(at=NOW, items=GONE if subject is UNPLANNED else CALM))
    assert {r.guard: r.sentence for r in ruled if r.answer is not Answer.ALLOW} == {}


def test_a_canary_that_is_read_counts_though_the_list_has_forgotten_it():
    running = said({"target": RESTARTS.resource, "in_flight": True, "phase": "Progressing"})
    evidence = Evidence(at=NOW, items={**CALM, f"canary.{RESTARTS.region}/acme-prod/portal": running})
    assert CATALOGUE["canary-in-flight"].judge(RESTARTS, evidence).answer is Answer.BLOCK


def test_rulings_are_plain_json():
    for one in CASES:
        json.dumps(CATALOGUE[one.guard].judge(one.subject, one.evidence).model_dump(mode="json"))


def test_a_last_reading_says_how_old_it_is():
    refused = next(one for one in CASES if one.id == "loss-accepted: another figure")
    assert "as last read 5 min ago" in CATALOGUE["loss-accepted"].judge(refused.subject, refused.evidence).sentence
