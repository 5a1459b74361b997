"""`/audit`: search the sealed audit, and take the whole of it as JSON Lines."""

from typing import Annotated

from fastapi import FastAPI, Query
from sqlmodel import Session
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from openova_console.api.rest import shown, words
from openova_console.api.rest.answers import AuditPage
from openova_console.api.rest.callers import EXPORT, READ, Asks, may
from openova_console.api.rest.desk import Desk
from openova_console.store import audit
from openova_console.store.audit_file import export

NDJSON = "application/x-ndjson"


def add(api: FastAPI, desk: Desk) -> None:
    """Add these routes."""

    @api.get("/audit", response_model=AuditPage, summary="Search the audit, newest first")
    @may(READ)
    async def search(caller: Asks, asked: Annotated[words.AuditQuery, Query()]) -> AuditPage:
        def ask(opened: Session) -> AuditPage:
            found = audit.search(
                opened,
                words=asked.words,
                event=asked.event,
                actor=asked.actor,
                operation_id=asked.operation or "",
                before_seq=asked.before,
                limit=asked.limit,
            )
            full = len(found) == asked.limit
            return AuditPage(items=[shown.event_of(event) for event in found], next=found[-1].seq if full else None)

        return await desk.read(ask)

    @api.get(
        "/audit/export",
        response_class=StreamingResponse,
        summary="The whole audit as JSON Lines, for `audit verify`",
        responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
    )
    @may(EXPORT)
    async def whole(caller: Asks) -> Response:
        name = 'attachment; filename="audit.jsonl"'
        lines = iterate_in_threadpool(export(desk.database))
        return StreamingResponse(lines, media_type=NDJSON, headers={"Content-Disposition": name})
