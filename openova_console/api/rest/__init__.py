"""`/api/v1`: everything that the engine of change does, for programs. `docs/api.md` tells how it is used."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import Depends, FastAPI
from sqlalchemy import Engine as Database
from starlette.routing import Mount

from openova_console.api.rest import audit, brakes, decisions, operations, runs, schema
from openova_console.api.rest import deliveries as deliveries_routes
from openova_console.api.rest.callers import asks
from openova_console.api.rest.desk import Desk
from openova_console.api.rest.follow import Bells
from openova_console.api.rest.problems import HANDLERS
from openova_console.api.rest.shield import Shield
from openova_console.operations.deliveries import Deliveries
from openova_console.operations.engine import Engine
from openova_console.settings import Settings

__all__ = ["PREFIX", "application", "routes"]
PREFIX = schema.PREFIX


def application(
    engine: Engine,
    database: Database,
    settings: Settings,
    deliveries: Deliveries,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """The API without what stands around it. Every route passes `callers.asks`, which refuses those without a rule."""
    api = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(asks)],
        exception_handlers=dict(HANDLERS),
        # Nothing is told to anybody who is not configured, whatever the environment says.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    api.state.database = database
    bells = api.state.bells = Bells(engine, most=settings.api.follows)
    desk = Desk(engine, database, settings, now, bells)
    operations.add(api, desk)
    runs.add(api, desk)
    decisions.add(api, desk)
    brakes.add(api, desk)
    audit.add(api, desk)
    deliveries_routes.add(api, deliveries)
    schema.add(api)
    return api


def routes(
    engine: Engine,
    database: Database,
    settings: Settings,
    deliveries: Deliveries,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.monotonic,
) -> list[Mount]:
    """What stands behind the gate at `/api/v1`. Give it after more specific routes below that address.

    Args:
        clock: monotonic seconds, for the limits.
    """
    return [Mount(PREFIX, app=Shield(application(engine, database, settings, deliveries, now=now), settings.api, clock))]
