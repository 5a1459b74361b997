"""The whole line, from a request to a sealed end, on the lab over sockets."""

from openova_console.operations.words import State
from tests.support.engines import Bench


async def test_a_restart_is_asked_for_approved_run_verified_and_sealed(bench: Bench) -> None:
    asked = await bench.ask()
    assert asked.state == State.PENDING
    await bench.approve(asked)
    done = await bench.until(asked.id)
    assert done.state == State.COMPLETED, done.sentence
    assert bench.events(asked.id) == [
        "operation.requested",
        "approval.given",
        "operation.approved",
        "operation.running",
        "write.sending",
        "write.answered",
        "step.done",
        "step.done",
        "operation.completed",
    ]
