"""The objectives as this browser looks at them: which one's burn, over which time."""

from typing import Any

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.slo import TITLES, Sli
from openova_console.watch.slo_history import RANGES, points, slo_series
from openova_console.web import services as console
from openova_console.web import slo_chart
from openova_console.web.slo_chart import BurnPoint


class SloView(rx.State):
    """The selection comes from the address: /slo?sli=latency&range=1d."""

    sli: str = Sli.AVAILABILITY.value
    title: str = TITLES[Sli.AVAILABILITY]
    range: str = "1d"
    figure: dict[str, Any] = {}
    columns: list[str] = []
    points: list[BurnPoint] = []
    note: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the selection from the address and load its history; what is unknown there is the default."""
        asked = self.router.url.query_parameters
        sli, range_ = asked.get("sli", ""), asked.get("range", "")
        self.sli = sli if sli in set(Sli) else Sli.AVAILABILITY.value
        self.range = range_ if range_ in RANGES else "1d"
        self.title = TITLES[Sli(self.sli)]
        running = console.services()
        regions = running.settings.regions if len(running.settings.regions) > 1 else ()
        names = {"All regions": ""} | {r.display: r.id for r in regions}
        series = {place: slo_series(Sli(self.sli), id_, "burn_1h") for place, id_ in names.items()}
        end = console.now()
        steps = points(RANGES[self.range], running.settings.cadence.slo_s)
        found = await running.watch.history.charts(tuple(series.values()), end - RANGES[self.range], end, steps)
        charts = [(place, found[name]) for place, name in series.items()]
        empty = not any(p.count or p.unknown for _, chart in charts for p in chart.points)
        self.note = "No history yet: the first figures appear here a minute after the first read." if empty else ""
        self.columns = list(series)
        self.figure, self.points = slo_chart.figure(charts), slo_chart.table(charts)
