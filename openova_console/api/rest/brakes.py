"""`/freezes`, `/incidents` and `/reviews`: what holds changes back, lets them pass quicker, or has to be looked at."""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from openova_console.api.rest import shown, words
from openova_console.api.rest.answers import Freezes, FreezeShown, Incidents, IncidentShown, Reviews, ReviewShown
from openova_console.api.rest.callers import PEOPLE, READ, Asks, may
from openova_console.api.rest.desk import Desk
from openova_console.operations import reads

Id = Annotated[str, Path(pattern=words.ID)]


def add(api: FastAPI, desk: Desk) -> None:
    """Add these routes."""
    governance = desk.engine.governance

    @api.get("/freezes", response_model=Freezes, summary="Freezes that stand")
    @may(READ)
    async def freezes(caller: Asks) -> Freezes:
        found = await desk.read(lambda opened: reads.brakes_now(opened, desk.now()))
        return Freezes(items=[shown.freeze_of(row) for row in found.freezes])

    @api.post("/freezes", response_model=FreezeShown, status_code=201, summary="Freeze all, a region, or a kind")
    @may(PEOPLE)
    async def freeze(asked: words.Frozen, caller: Asks) -> FreezeShown:
        row = await governance.freeze(caller, scope=asked.scope, value=asked.value, reason=asked.reason, until=asked.until)
        return shown.freeze_of(row)

    @api.delete("/freezes/{id}", response_model=FreezeShown, summary="Lift a freeze, with a reason")
    @may(PEOPLE)
    async def lift(id: Id, asked: Annotated[words.LiftQuery, Query()], caller: Asks) -> FreezeShown:
        return shown.freeze_of(await governance.lift(caller, id, reason=asked.reason))

    @api.get("/incidents", response_model=Incidents, summary="Incidents that last")
    @may(READ)
    async def incidents(caller: Asks) -> Incidents:
        found = await desk.read(lambda opened: reads.brakes_now(opened, desk.now()))
        return Incidents(items=[shown.incident_of(row) for row in found.incidents])

    @api.post("/incidents", response_model=IncidentShown, status_code=201, summary="Declare an incident")
    @may(PEOPLE)
    async def declare(asked: words.Declared, caller: Asks) -> IncidentShown:
        return shown.incident_of(await governance.declare(caller, title=asked.title))

    @api.post("/incidents/{id}/end", response_model=IncidentShown, summary="End an incident before its time")
    @may(PEOPLE)
    async def end(id: Id, asked: words.Reasoned, caller: Asks) -> IncidentShown:
        return shown.incident_of(await governance.end_incident(caller, id, reason=asked.reason))

    @api.get("/reviews", response_model=Reviews, summary="Reviews that nobody has closed")
    @may(READ)
    async def reviews(caller: Asks) -> Reviews:
        found = await desk.read(lambda opened: reads.brakes_now(opened, desk.now()))
        return Reviews(items=[shown.review_of(row) for row in found.reviews])

    @api.post("/reviews/{id}/close", response_model=ReviewShown, summary="Close a review with what was found")
    @may(PEOPLE)
    async def close(id: Id, asked: words.Found, caller: Asks) -> ReviewShown:
        return shown.review_of(await governance.close_review(caller, id, finding=asked.finding))
