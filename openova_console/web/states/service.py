"""One replicated service as this browser looks at it: which one, over which time, with its history."""

from typing import Any

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.replication import Service, promise
from openova_console.watch.board import objective
from openova_console.watch.history import RANGES, series
from openova_console.web import chart
from openova_console.web import services as console
from openova_console.web.rows import PointRow


class ServiceView(rx.State):
    """The selection comes from the address: /replication/<service>?range=24h."""

    service: str = ""
    title: str = "Replication"
    range: str = "24h"
    figure: dict[str, Any] = {}
    points: list[PointRow] = []
    note: str = ""
    csv: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the selection from the address and load the history; an unknown selection says what there is."""
        url = self.router.url
        asked = url.path.rstrip("/").rsplit("/", 1)[-1]
        range_ = url.query_parameters.get("range", "24h")
        self.range = range_ if range_ in RANGES else "24h"
        self.figure, self.points, self.note, self.csv = {}, [], "", ""
        if asked not in set(Service):
            self.service, self.title = "", "Replication"
            self.note = f"There is no such service. The handbook has: {', '.join(Service)}."
            return
        service = Service(asked)
        self.service, self.title = service.value, promise(service).title
        self.csv = f"/api/v1/history.csv?service={service.value}&range={self.range}"
        running = console.services()
        goal = objective(running.settings, service)
        loaded = await running.watch.history.chart(series(service, "lag_s"), self.range, console.now())
        if not any(p.count or p.unknown for p in loaded.points):
            self.note = "No history yet: the first samples appear here within a minute of being read."
        self.figure, self.points = chart.figure(loaded, goal), chart.table(loaded)
