"""The "Show source" drawer: what was asked of a system, what it answered, when, and where to look further."""

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.web import services as console
from openova_console.web.present import iso


class SourceView(rx.State):
    """The source that this browser looks at."""

    key: str = ""
    call: str = ""
    answer: str = ""
    at: str = ""
    took: str = ""
    note: str = ""
    grafana: str = ""

    @rx.event
    @needs(Role.VIEWER)
    async def show(self, key: str) -> None:
        """Load one source by its key; an unknown key says so."""
        key = key if isinstance(key, str) and len(key) <= 120 else ""
        running = console.services()
        trace = running.watch.snapshots.current.traces.get(key)
        region = next((r for r in running.settings.regions if r.id in key.split("/")), None)
        self.key, self.grafana = key, (region.grafana_url or "") if region else ""
        if trace is None:
            health = running.watch.snapshots.current.collectors.get(key)
            self.call = self.answer = self.at = self.took = ""
            self.note = health.error if health and health.error else "Nothing was read from this source yet."
            return
        self.call, self.answer, self.note = trace.call, trace.answer, ""
        self.at, self.took = iso(trace.answered_at), f"{trace.duration_ms:.0f} ms"
