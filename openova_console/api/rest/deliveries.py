"""`/targets` and `/deliveries`: who is told, what has arrived, what has not, and trying a dead letter again."""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from openova_console.api.rest import words
from openova_console.api.rest.answers import DeliveriesPage, DeliveryShown, Targets, TargetShown, Tested
from openova_console.api.rest.callers import PEOPLE, READ, Asks, may
from openova_console.notify.deliveries import Delivery
from openova_console.operations.deliveries import Deliveries

Id = Annotated[str, Path(pattern=words.ID)]


def add(api: FastAPI, deliveries: Deliveries) -> None:
    """Add these routes."""

    @api.get("/targets", response_model=Targets, summary="Who is told of what, and how it stands with each")
    @may(READ)
    async def targets(caller: Asks) -> Targets:
        return Targets(items=[TargetShown.model_validate(found) for found in await deliveries.targets()])

    @api.post("/targets/test", response_model=Tested, summary="Send a test message now")
    @may(PEOPLE)
    async def test(asked: words.Tried, caller: Asks) -> Tested:
        return Tested(sentence=await deliveries.send_test(caller, asked.target))

    @api.get("/deliveries", response_model=DeliveriesPage, summary="Notifications on their way, newest first")
    @may(READ)
    async def listing(caller: Asks, asked: Annotated[words.DeliveriesQuery, Query()]) -> DeliveriesPage:
        found = await deliveries.listing(state=asked.state, target=asked.target, skip=asked.skip, limit=asked.limit + 1)
        more = asked.skip + asked.limit if len(found) > asked.limit else None
        return DeliveriesPage(items=[_shown(one) for one in found[: asked.limit]], next=more)

    @api.post("/deliveries/{id}/retry", response_model=DeliveryShown, summary="Try a dead letter again")
    @may(PEOPLE)
    async def retry(id: Id, asked: words.Tried, caller: Asks) -> DeliveryShown:
        return _shown(await deliveries.retry(caller, id, asked.target))


def _shown(found: Delivery) -> DeliveryShown:
    row, notification = found.row, found.notification
    return DeliveryShown(
        notification_id=row.notification_id,
        target=row.target,
        state=row.state,
        attempts=row.attempts,
        next_at=row.next_at if row.state == "waiting" else None,
        error=row.error,
        sent_at=row.sent_at,
        event=notification.event,
        title=notification.title,
        text=notification.text,
        link=notification.link,
        urgent=notification.urgent,
        at=notification.at,
    )
