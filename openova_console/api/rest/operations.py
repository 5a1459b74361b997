"""`/kinds` and `/operations`: what there is, what would happen, asking for it, and the list."""

import asyncio
from typing import Annotated, Any
from weakref import WeakValueDictionary

from fastapi import FastAPI, Header, Query
from sqlmodel import Session
from starlette.responses import Response

from openova_console.access.caller import Caller
from openova_console.api.rest import answers, shown, words
from openova_console.api.rest.answers import DetailShown, GuardShown, Kinds, KindShown, Page, PolicyShown
from openova_console.api.rest.callers import ASK, READ, Asks, may
from openova_console.api.rest.desk import Desk
from openova_console.api.rest.problems import Problematic
from openova_console.operations import policies, reads, requests
from openova_console.operations.authority import against_request
from openova_console.operations.catalogue import CATALOGUE, guards_of
from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.operation import Operation
from openova_console.operations.requests import KEY_LIMIT
from openova_console.store.change_tables import OperationRow

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LIMIT,
        pattern=r"^[\x21-\x7e]+$",
        description="Yours, new for each new request. The same key with the same words gives the same operation.",
    ),
]


def add(api: FastAPI, desk: Desk) -> None:
    """Add these routes."""
    locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @api.get("/kinds", response_model=Kinds, summary="Every kind of operation, with its policy, guards and parameters")
    @may(READ)
    async def kinds(caller: Asks) -> Kinds:
        def ask(opened: Session) -> Kinds:
            return Kinds(items=[_kind(opened, desk, operation, caller) for operation in CATALOGUE.values()])

        return await desk.read(ask)

    @api.post("/operations/preview", response_model=answers.Previewed, summary="What would happen; nothing is written")
    @may(ASK)
    async def preview(asked: words.Preview, caller: Asks) -> answers.Previewed:
        found = await desk.engine.preview(asked.kind, asked.params, caller, overrides=_known(asked.overrides))
        judged = found.judged
        return answers.Previewed(
            possible=found.possible,
            title=found.title,
            refusals=list(found.refusals),
            needed=found.needed,
            policy=PolicyShown.of(found.policy),
            plan=shown.plan_shown(found.plan) if found.plan is not None else None,
            guards=list(judged.rulings) if judged is not None else [],
            facts=shown.facts_of(judged.facts) if judged is not None else {},
            evidence=shown.evidence_shown(judged.evidence) if judged is not None else None,
        )

    @api.post(
        "/operations",
        response_model=DetailShown,
        status_code=201,
        summary="Ask for an operation",
        description="201 for a new one, 200 when this key has asked for it before.",
        responses={
            200: {"model": DetailShown, "description": "It was asked for before"},
            201: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Where the operation is"}}},
        },
    )
    @may(ASK)
    async def request(asked: words.Requested, key: Key, caller: Asks, answer: Response) -> DetailShown:
        id_ = requests.operation_id(caller, key)
        # One after the other, so that of many with one key exactly one is told that it made something.
        async with locks.setdefault(id_, asyncio.Lock()):
            before = await desk.read(lambda opened: opened.get(OperationRow, id_) is not None)
            row = await desk.engine.request(
                asked.kind,
                asked.params,
                caller,
                reason=asked.reason,
                idempotency_key=key,
                overrides=asked.overrides,
                incident_id=asked.incident_id,
            )
        answer.status_code = 200 if before else 201
        answer.headers["Location"] = f"/api/v1/operations/{row.id}"
        return await desk.detail(row.id, caller)

    @api.get("/operations", response_model=Page, summary="Operations, newest first")
    @may(READ)
    async def listed(caller: Asks, asked: Annotated[words.OperationsQuery, Query()]) -> Page:
        return await desk.read(lambda opened: _page(opened, asked))


def _known(overrides: dict[str, str]) -> dict[str, str]:
    """Overrides of guards that there are. Raises `Problematic`."""
    if missing := [id_ for id_ in overrides if id_ not in GUARDS]:
        errors = {f"overrides.{id_}": "is no guard" for id_ in missing}
        raise Problematic("params", f"There is no guard {', '.join(missing)}: see the list of kinds.", errors=errors)
    return overrides


def _kind(opened: Session, desk: Desk, operation: Operation, caller: Caller) -> KindShown:
    policy = policies.current(opened, desk.settings, operation)
    return KindShown(
        kind=operation.kind,
        title=operation.title,
        sentence=operation.sentence,
        on_platform=operation.on_platform,
        schedulable=operation.schedulable,
        policy=PolicyShown.of(policy),
        guards=[_guard(id_) for id_ in guards_of(operation)],
        params=_schema(operation),
        against=against_request(caller, operation, policy),
    )


def _guard(id_: str) -> GuardShown:
    guard = GUARDS[id_]
    override = guard.override.value if guard.override is not None else None
    return GuardShown(id=id_, sentence=guard.sentence, clears=guard.clears, override=override)


def _schema(operation: Operation) -> dict[str, Any]:
    return operation.params.model_json_schema()


def _page(opened: Session, asked: words.OperationsQuery) -> Page:
    if asked.cursor is not None and opened.get(OperationRow, asked.cursor) is None:
        raise Problematic("params", "There is no such page.", errors={"cursor": "is none that this list has given"})
    wanted = reads.Filter(
        state=asked.state,
        kind=asked.kind,
        region=asked.region,
        actor=asked.actor,
        since=asked.since,
        before=asked.cursor or "",
        limit=asked.limit + 1,
    )
    rows = reads.operations(opened, wanted)
    kept = rows[: asked.limit]
    return Page(items=[shown.summary_of(row) for row in kept], next=kept[-1].id if len(rows) > asked.limit else None)
