"""What a run does when the platform refuses, conflicts, throttles, or takes a write and says nothing; and how people steer it."""

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from openova_console.access.roles import Role
from openova_console.operations.clusters import Clusters
from openova_console.operations.plan import Step
from openova_console.operations.requests import Refused
from openova_console.operations.steps import Checked, Verified
from openova_console.operations.steps.kubernetes import Patch
from openova_console.operations.words import State, StepState
from openova_console.store.change_tables import OperationRow
from openova_console.systems import errors
from tests.lab.running import Running
from tests.support.engines import R1, Bench, engine_on, settings_for
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
RESUME = "resume-kustomization"
OBJECT = "kustomizations/observability"
ASKS = State.PAUSED_BY_FAILED_STEP


async def run(bench: Bench, kind: str = "suspend-kustomization", params=SUSPEND, key: str = "k1") -> OperationRow:
    return await bench.approve(await bench.ask(kind, params, key=key))


def writes(lab: Running) -> int:
    return len([w for w in lab.lab.writes.log if OBJECT in w.path])


async def trouble(lab: Running, name: str, on: bool = True) -> None:
    await lab.lab.set_trouble(name, on)


async def test_an_answer_that_was_dropped_is_observed_and_not_sent_again(bench: Bench, lab: Running, matrix: Matrix):
    await trouble(lab, "answer_dropped")
    row = await run(bench)
    assert (await bench.until(row.id)).state == State.COMPLETED
    assert writes(lab) == 1
    assert "write.observed" in bench.events(row.id) and "write.answered" not in bench.events(row.id)
    said = bench.said(row.id, "write.observed")["sentence"]
    matrix("API that applies the write and drops the answer", "the connection ends after the write", by="observation", saw=said)


async def test_a_conflict_is_checked_anew_and_sent_with_the_fresh_version(bench: Bench, lab: Running, matrix: Matrix):
    lab.lab.writes.configure(conflicts=2)
    await trouble(lab, "write_conflicts")
    row = await run(bench)
    assert (await bench.until(row.id)).state == State.COMPLETED
    assert bench.events(row.id).count("write.conflict") == 2 and bench.events(row.id).count("write.sending") == 3
    matrix("409", "twice, then the write goes through", by="precondition", saw=bench.row(row.id).sentence)


async def test_after_three_conflicts_a_person_is_asked(bench: Bench, lab: Running, matrix: Matrix):
    lab.lab.writes.configure(conflicts=3)
    await trouble(lab, "write_conflicts")
    row = await run(bench)
    asked = await bench.until(row.id, ASKS)
    assert "3 times" in asked.sentence and "run.asks" in bench.outbox.events
    matrix("409", "three times", by="precondition, known outcome", saw=asked.sentence)


@pytest.mark.parametrize(("name", "words"), [("writes_forbidden", "403"), ("writes_throttled", "429")])
async def test_a_refusal_is_known_to_have_written_nothing_and_asks(
    bench: Bench, lab: Running, matrix: Matrix, name: str, words: str
):
    await trouble(lab, name)
    row = await run(bench)
    asked = await bench.until(row.id, ASKS)
    assert words in asked.sentence and bench.steps(row.id)[0].state == StepState.FAILED
    assert "write.refused" in bench.events(row.id)
    matrix(words, "the API turns the write away", by="known outcome", saw=asked.sentence)


class Refusing(Patch):
    """The real step, on an API server that refuses the first questions, as one does that has just started."""

    def __init__(self, clusters: Clusters, word: str, times: int) -> None:
        super().__init__(clusters)
        self.word, self.left = word, times

    def _refuse(self, word: str) -> None:
        if word == self.word and self.left:
            self.left -= 1
            raise errors.Refused("Region 1", "Region 1 does not allow it (403)", status=403)

    async def check(self, step: Step) -> Checked:
        self._refuse("check")
        return await super().check(step)

    async def verify(self, step: Step) -> Verified:
        self._refuse("verify")
        return await super().verify(step)


@pytest.mark.parametrize("word", ["check", "verify"])
@pytest.mark.parametrize(("times", "state"), [(2, State.COMPLETED), (10_000, ASKS)])
async def test_a_question_that_is_refused_is_asked_again_for_a_while(
    lab: Running, tmp_path: Path, word: str, times: int, state: State
):
    config = lab.path / "console.yaml"
    clusters = Clusters(settings_for(config, "sqlite:///none.db", tmp_path))
    steps = {"kubernetes.patch": Refusing(clusters, word, times)}
    async with contextlib.aclosing(clusters), engine_on(config, tmp_path, handlers=steps, patience_s=1) as bench:
        row = await run(bench)
        ended = await bench.until(row.id, State.COMPLETED, ASKS)
    assert ended.state == state and writes(lab) == (0 if (word, state) == ("check", ASKS) else 1)
    assert state == State.COMPLETED or "403" in ended.sentence


async def test_going_on_after_a_failure_needs_an_approver_who_did_not_ask(bench: Bench, lab: Running):
    await trouble(lab, "writes_forbidden")
    row = await run(bench)
    await bench.until(row.id, ASKS)
    for name, role in (("olga", Role.OPERATOR), ("otto", Role.OPERATOR)):
        with pytest.raises(Refused):
            await bench.engine.steering.steer(row.id, bench.person(name, role), "resume", reason="it should work")
    await trouble(lab, "writes_forbidden", False)
    await bench.engine.steering.steer(row.id, bench.person("anna", Role.APPROVER), "resume", reason="the right is given")
    assert (await bench.until(row.id)).state == State.COMPLETED
    assert "run.resume" in bench.events(row.id) and bench.steps(row.id)[0].attempts == 2


async def test_a_run_that_asks_can_be_stopped(bench: Bench, lab: Running):
    await trouble(lab, "writes_forbidden")
    row = await run(bench)
    await bench.until(row.id, ASKS)
    await bench.engine.steering.steer(row.id, bench.person("olga"), "abort", reason="not worth it")
    assert (await bench.until(row.id)).state == State.CANCELLED
    assert writes(lab) == 0


async def test_a_step_that_the_rest_rests_on_cannot_be_skipped(bench: Bench, lab: Running):
    await trouble(lab, "writes_forbidden")
    row = await run(bench)
    await bench.until(row.id, ASKS)
    with pytest.raises(Refused, match="cannot be skipped"):
        await bench.engine.steering.steer(row.id, bench.person("anna", Role.APPROVER), "skip", reason="let it be")


async def test_a_verification_that_fails_can_be_skipped_and_shows_as_an_exception(bench: Bench, lab: Running):
    row = await run(bench)
    await bench.until(row.id)
    await trouble(lab, "kustomization_fails")
    again = await run(bench, RESUME, key="k2")
    asked = await bench.until(again.id, ASKS)
    assert "BuildFailed" in asked.sentence
    await bench.engine.steering.steer(again.id, bench.person("bert", Role.APPROVER), "skip", reason="known, Git is being mended")
    ended = await bench.until(again.id)
    assert ended.state == State.COMPLETED_WITH_EXCEPTIONS and "step 2" in ended.sentence


async def test_a_resume_is_verified_by_the_applied_revision(bench: Bench, lab: Running):
    await bench.until((await run(bench)).id)
    again = await run(bench, RESUME, key="k2")
    ended = await bench.until(again.id)
    assert ended.state == State.COMPLETED and "main@sha1:" in ended.sentence and "is applied" in ended.sentence


async def test_a_child_that_its_parent_would_put_back_is_refused(bench: Bench, matrix: Matrix):
    child = {"region": R1, "namespace": "flux-system", "name": "acme-staging"}
    with pytest.raises(Refused, match="undo") as caught:
        await bench.ask("suspend-kustomization", child)
    assert [r.guard for r in caught.value.rulings] == ["not-undone"]
    case = "the object belongs to a Kustomization that is not suspended"
    matrix("Flux resuming over an operation", case, held="not-undone", saw=caught.value.sentence)


async def test_what_is_suspended_already_cannot_be_planned(bench: Bench):
    await bench.until((await run(bench)).id)
    with pytest.raises(Refused, match="suspended already"):
        await bench.ask("suspend-kustomization", SUSPEND, key="k2")


async def test_a_restart_whose_pods_never_come_asks_within_its_time(bench: Bench, lab: Running):
    await trouble(lab, "rollout_stuck")
    row = await run(bench, "restart-workload", {**SUSPEND, "workload": "Deployment", "namespace": "acme-prod", "name": "portal"})
    waiting = await bench.until(row.id, State.VERIFYING)
    await bench.when(lambda: "new pods are ready" in bench.steps(row.id)[1].sentence)
    assert "0 of" in bench.steps(row.id)[1].sentence or "1 of" in bench.steps(row.id)[1].sentence
    await bench.engine.steering.steer(waiting.id, bench.person("olga"), "abort", reason="the image is missing")
    ended = await bench.until(row.id)
    assert ended.state == State.CANCELLED and "what was done stays" in ended.sentence


async def test_the_same_thing_at_once_again_needs_an_acknowledgement(bench: Bench, matrix: Matrix):
    params = {"region": R1, "workload": "Deployment", "namespace": "acme-prod", "name": "portal"}
    row = await run(bench, "restart-workload", params)
    await bench.until(row.id)
    with pytest.raises(Refused, match="pause ends in") as caught:
        await bench.ask("restart-workload", params, key="k2")
    matrix("cool-down", "the same object at once again", held="cool-down", saw=caught.value.sentence)
    await bench.engine.steering.acknowledge(row.id, bench.person("olga"), reason="I have looked at it")
    assert (await bench.ask("restart-workload", params, key="k3")).state == State.PENDING


async def test_the_head_of_the_audit_lies_in_both_regions_after_a_run(bench: Bench, lab: Running):
    await bench.until((await run(bench)).id)
    heads = ("openova-console/openova-audit-head-region-2",)

    def there() -> bool:
        kept = [r.find("configmaps", *name.split("/")) for r in (x.store for x in lab.lab.regions.values()) for name in heads]
        return all(kept)

    await bench.when(there)
    assert bench.engine.heads.file.exists()


async def test_the_database_itself_refuses_to_alter_the_audit(bench: Bench):
    await bench.ask("suspend-kustomization", SUSPEND)
    for statement in ("UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events"):
        with pytest.raises(DatabaseError, match="append-only"), bench.write() as opened:
            opened.connection().execute(text(statement))
