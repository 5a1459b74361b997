"""`/operations/{id}`: look at one, follow it, take its runbook with you."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import FastAPI, Header, Path, Query
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from openova_console.access.caller import Caller
from openova_console.api.rest import shown
from openova_console.api.rest.answers import DetailShown, Events
from openova_console.api.rest.callers import READ, Asks, caller_in, key_of, may
from openova_console.api.rest.desk import Desk
from openova_console.api.rest.follow import AGAIN, BEAT_S, STILL_THERE, frame, rung
from openova_console.api.rest.words import ID, EventsQuery
from openova_console.operations import ledger
from openova_console.operations.runbook import About, runbook
from openova_console.operations.words import State
from openova_console.store.change_tables import AuditEvent

OperationId = Annotated[str, Path(alias="id", pattern=ID)]
LastSeen = Annotated[str, Header(alias="Last-Event-ID", max_length=20)]
_BATCH = 200
_MACHINE_FOLLOWS_S = 60.0
"""A machine's token is looked at when it connects: it has to connect again this often."""


def add(api: FastAPI, desk: Desk) -> None:
    """Add these routes."""

    @api.get("/operations/{id}", response_model=DetailShown, summary="One operation with everything that belongs to it")
    @may(READ)
    async def show(operation_id: OperationId, caller: Asks) -> DetailShown:
        return await desk.detail(operation_id, caller)

    @api.get(
        "/operations/{id}/events",
        response_model=Events,
        summary="Follow a run",
        description="As `text/event-stream` when that is what Accept asks for, until the run ends; else as one page of JSON.",
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    @may(READ)
    async def events(
        request: Request,
        operation_id: OperationId,
        caller: Asks,
        asked: Annotated[EventsQuery, Query()],
        last_seen: LastSeen = "",
    ) -> Events | Response:
        after = int(last_seen) if last_seen.isascii() and last_seen.isdigit() else asked.after
        first = await desk.read(lambda opened: events_after(opened, operation_id, after))
        desk.bells.check(key_of(request.scope))
        if "text/event-stream" in request.headers.get("accept", ""):
            lines = _stream(desk, request, operation_id, caller, first)
            return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        wait = min(asked.wait, desk.settings.api.wait_s)
        if first.items or first.ended or wait <= 0:
            return first
        with desk.bells.following(operation_id, key_of(request.scope)) as bell:
            until = asyncio.get_running_loop().time() + wait
            while True:
                found = await desk.read(lambda opened: events_after(opened, operation_id, after))
                left = until - asyncio.get_running_loop().time()
                if found.items or found.ended or left <= 0:
                    return found
                await rung(bell, min(left, BEAT_S))

    @api.get(
        "/operations/{id}/runbook",
        response_class=PlainTextResponse,
        summary="The plan as a runbook for kubectl",
        responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
    )
    @may(READ)
    async def written(operation_id: OperationId, caller: Asks) -> Response:
        row = await desk.read(lambda opened: ledger.by_id(opened, operation_id))
        about = About(row.id, row.title, row.actor, row.reason, row.digest, row.created_at)
        name = f'inline; filename="runbook-{row.id}.md"'
        text = runbook(ledger.plan_of(row), about)
        return PlainTextResponse(text, media_type="text/markdown", headers={"Content-Disposition": name})


def events_after(opened: Session, operation_id: str, after: int) -> Events:
    """The events of one run after this number, and where it stands. Raises `ledger.NoSuchOperation`."""
    row = ledger.by_id(opened, operation_id)
    own = select(AuditEvent).where(AuditEvent.operation_id == operation_id, col(AuditEvent.seq) > after)
    found = opened.exec(own.order_by(col(AuditEvent.seq)).limit(_BATCH + 1)).all()
    items = [shown.event_of(event) for event in found[:_BATCH]]
    state = State(row.state)
    return Events(
        items=items,
        next=items[-1].seq if items else after,
        state=state,
        sentence=row.sentence,
        ended=state.ended and len(found) <= _BATCH,
    )


async def _stream(desk: Desk, request: Request, operation_id: str, caller: Caller, first: Events) -> AsyncIterator[str]:
    """Frames until the run has ended, the caller may no longer look, or the time is over."""
    clock = asyncio.get_running_loop().time
    most = desk.settings.api.follow_minutes * 60
    until = clock() + (most if caller.kind == "person" else min(most, _MACHINE_FOLLOWS_S))
    with desk.bells.following(operation_id, key_of(request.scope)) as bell:
        found, after = first, first.next
        while True:
            for event in found.items:
                yield frame(event.event, event.model_dump(mode="json"), number=event.seq)
            after = found.next
            if found.ended:
                yield frame("end", {"state": found.state.value, "sentence": found.sentence})
                return
            if clock() >= until or await caller_in(request.scope, desk.database) is None:
                yield AGAIN
                return
            if not await rung(bell, BEAT_S):
                yield STILL_THERE
            found = await desk.read(lambda opened, after=after: events_after(opened, operation_id, after))  # type: ignore[misc]
