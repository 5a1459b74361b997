"""What people decide about one operation: approve, deny, take back, steer, acknowledge. Machines never do."""

from fastapi import FastAPI

from openova_console.api.rest import words
from openova_console.api.rest.answers import DetailShown
from openova_console.api.rest.callers import PEOPLE, Asks, may
from openova_console.api.rest.desk import Desk
from openova_console.api.rest.runs import OperationId


def add(api: FastAPI, desk: Desk) -> None:
    """Add these routes. Each answers with the operation as it stands then."""
    engine = desk.engine

    @api.post("/operations/{id}/approve", response_model=DetailShown, summary="Say yes to the plan with this digest")
    @may(PEOPLE)
    async def approve(operation_id: OperationId, asked: words.Approved, caller: Asks) -> DetailShown:
        await engine.decisions.approve(operation_id, caller, digest=asked.digest, reason=asked.reason)
        return await desk.detail(operation_id, caller)

    @api.post("/operations/{id}/deny", response_model=DetailShown, summary="Say no, or take back what you asked for")
    @may(PEOPLE)
    async def deny(operation_id: OperationId, asked: words.Reasoned, caller: Asks) -> DetailShown:
        await engine.decisions.deny(operation_id, caller, reason=asked.reason)
        return await desk.detail(operation_id, caller)

    @api.post("/operations/{id}/revoke", response_model=DetailShown, summary="Take your own yes back before the run begins")
    @may(PEOPLE)
    async def revoke(operation_id: OperationId, caller: Asks) -> DetailShown:
        await engine.decisions.take_back(operation_id, caller)
        return await desk.detail(operation_id, caller)

    @api.post("/operations/{id}/steer", response_model=DetailShown, summary="Pause, resume, skip a step, or stop")
    @may(PEOPLE)
    async def steer(operation_id: OperationId, asked: words.Steered, caller: Asks) -> DetailShown:
        await engine.steering.steer(operation_id, caller, asked.wish, reason=asked.reason)
        return await desk.detail(operation_id, caller)

    @api.post("/operations/{id}/acknowledge", response_model=DetailShown, summary="Say that a run that ended was looked at")
    @may(PEOPLE)
    async def acknowledge(operation_id: OperationId, asked: words.Reasoned, caller: Asks) -> DetailShown:
        await engine.steering.acknowledge(operation_id, caller, reason=asked.reason)
        return await desk.detail(operation_id, caller)
