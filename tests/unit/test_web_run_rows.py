"""Operations as pages show them: every state has its word and its look, credentials stay hidden, no rule is lost on the way."""

from datetime import UTC, datetime, timedelta

import pytest

from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence, Freshness, Item, fresh, unknown
from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.guards import Ruling
from openova_console.operations.operation import Policy
from openova_console.operations.plan import ObjectRef, Plan, Step
from openova_console.operations.words import Answer, State, StepState
from openova_console.store.change_tables import ApprovalRow, OperationRow, StepRow
from openova_console.web import run_rows
from openova_console.web.event_words import detail, said

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
REGIONS = {"region-1": "Frankfurt", "region-2": "Zurich"}
OBJECT = ObjectRef(region="region-1", group="apps", version="v1", plural="deployments", namespace="shop", name="web")
WRITE = Step(
    title="Ask for new pods",
    action="kubernetes.patch",
    system="region-1: Kubernetes API",
    method="PATCH",
    object=OBJECT,
    body={"metadata": {"annotations": {"password": "hunter2"}}},
    undo="It cannot be taken back.",
)
LOOK = Step(title="Pods are ready", action="kubernetes.rollout", system="region-1: Kubernetes API", skippable=True, closing=True)


def operation(**changes: object) -> OperationRow:
    given = {
        "id": "a" * 32, "kind": "restart-workload", "verb": "Restart", "title": "Restart web", "region": "region-1",
        "lane": "region-1/x", "params": "{}", "plan": "{}", "evidence": "{}", "facts": "{}", "guards": "[]", "overrides": "{}",
        "digest": "d" * 64, "policy": "{}", "request_sha256": "e" * 64, "state": "running", "sentence": "goes on",
        "actor": "olga", "caller": "person", "reason": "stale connections", "approvals_needed": 1, "created_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }  # fmt: skip
    return OperationRow(**{**given, **changes})


def test_every_state_of_operations_and_steps_has_a_look_and_a_word():
    assert set(run_rows.LOOKS) == set(State)
    assert set(run_rows.STEP_LOOKS) == set(StepState)
    looks = {"ok", "warn", "breach", "unknown", "active", "quiet"}
    assert {look for look, _ in (*run_rows.LOOKS.values(), *run_rows.STEP_LOOKS.values())} <= looks


@pytest.mark.parametrize("state", [s for s in State if s is not State.COMPLETED])
def test_only_what_completed_is_green(state: State):
    assert run_rows.run_line(operation(state=state.value), REGIONS).look != "ok"


def test_an_unknown_step_is_never_green():
    assert run_rows.STEP_LOOKS[StepState.UNKNOWN][0] == "unknown"
    assert run_rows.STEP_LOOKS[StepState.SKIPPED][0] == "warn"


def test_a_line_names_region_time_and_what_is_out_of_the_ordinary():
    row = operation(
        overrides='{"freeze": "storm"}', incident_id="i", started_at=NOW, ended_at=NOW + timedelta(seconds=90), region="region-2"
    )
    line = run_rows.run_line(row, REGIONS)
    assert (line.region, line.took) == ("Zurich", "90 s")
    assert line.exception == "Guards set aside: freeze; under a declared incident"
    assert run_rows.run_line(operation(region="", standing_id="s"), REGIONS).region == "The console"


def test_a_plan_shows_each_write_as_it_is_sent_without_credentials():
    shown = run_rows.plan_shown(Plan(steps=(WRITE, LOOK)), (), REGIONS)
    write, look = shown.steps
    assert write.call == "PATCH /apis/apps/v1/namespaces/shop/deployments/web"
    assert write.where == "Frankfurt: Kubernetes API"
    assert "hunter2" not in write.body and "password" in write.body
    assert (look.call, look.body) == ("", "")
    assert look.note.startswith("Only looks; changes nothing")


def test_what_stands_against_it_comes_first_and_says_who_may_set_it_aside():
    by_nobody = next(g.id for g in GUARDS.values() if g.override is None)
    by_somebody = next(g for g in GUARDS.values() if g.override is not None)
    rulings = (
        Ruling(guard="object-known", answer=Answer.ALLOW, sentence="it is there"),
        Ruling(guard=by_nobody, answer=Answer.BLOCK, sentence="no", clears="nothing"),
        Ruling(guard=by_somebody.id, answer=Answer.HOLD, sentence="not now", clears="time"),
        Ruling(guard=by_somebody.id, answer=Answer.HOLD, sentence="not now", overridden=True),
    )
    shown = run_rows.plan_shown(None, rulings, REGIONS)
    assert [(g.word, g.override) for g in shown.against] == [
        ("Blocks", ""),
        ("Holds", by_somebody.override.value if by_somebody.override else "?"),
        ("Set aside", by_somebody.override.value if by_somebody.override else "?"),
    ]
    assert [g.id for g in shown.others] == ["object-known"]
    assert all(line.look != "ok" for line in shown.against)


def test_steps_tell_what_was_sent_and_hide_credentials():
    rows = [
        StepRow(
            operation_id="a", number=1, state="done", sentence="stored", request="Authorization: Bearer abcdefghijkl",
            answer="200", started_at=NOW, ended_at=NOW + timedelta(seconds=2), by="lab/1",
        ),
        StepRow(operation_id="a", number=2, state="unknown", sentence="cut off", request="", answer=""),
    ]  # fmt: skip
    first, second = run_rows.step_lines(Plan(steps=(WRITE, LOOK)), rows, REGIONS)
    assert first.took == "2 s" and "abcdefghijkl" not in first.request
    assert (second.look, second.word, second.took) == ("unknown", "Outcome unknown", "")


def test_evidence_that_is_not_fresh_is_never_shown_as_ok():
    items = {
        "a": fresh({"token": "s3cret-value"}, at=NOW),
        "b": unknown("nobody answered"),
        "c": Item(freshness=Freshness.STALE, value=1, sentence="old"),
        "d": Item(freshness=Freshness.LAST, value=1, sentence="x" * 300),
    }
    lines = {line.key: line for line in run_rows.evidence_lines(Evidence(at=NOW, items=items))}
    assert [lines[key].look for key in "abcd"] == ["ok", "unknown", "unknown", "warn"]
    assert "s3cret-value" not in lines["a"].value
    assert lines["b"].value == "nobody answered"
    assert len(lines["d"].value) == 160


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (0, "Nobody has to approve this"),
        (1, "One person with the role approver, not whoever asks"),
        (2, "2 different people with the role approver"),
    ],
)
def test_who_has_to_agree(needed: int, words: str):
    assert words in run_rows.policy_words(Policy(approvals=needed), needed)
    assert "password again" in run_rows.policy_words(Policy(confirm=True, approve=Role.ADMIN), 1)


def test_a_decision_that_was_taken_back_is_not_shown_as_one_that_stands():
    row = ApprovalRow(
        id="a", operation_id="o", user_id=1, name="anna", decision="approve", reason="", digest="d", signature="s", at=NOW,
        expires_at=NOW, revoked_at=NOW, break_glass=True,
    )  # fmt: skip
    (line,) = run_rows.approval_lines([row])
    assert (line.look, line.word) == ("quiet", "Approved under break-glass, taken back")


def test_an_event_says_its_sentence_or_else_its_body_without_credentials():
    assert detail({"sentence": "It goes on", "reason": "x"}) == "It goes on"
    assert detail({"reason": "", "password": "hunter2", "n": 1}) == '{"n": 1, "password": "•••", "reason": ""}'


def test_what_people_do_at_the_door_and_what_was_sent_is_said_in_a_line():
    assert said("person.signed_in", {"address": "192.0.2.7", "failed_before": 0}) == "Signed in from 192.0.2.7"
    assert said("write.sending", {"request": "PATCH /apis/apps/v1/x\n{...}"}) == "PATCH /apis/apps/v1/x"
    assert len(said("write.answered", {"answer": "{" + "x" * 500})) == 120
