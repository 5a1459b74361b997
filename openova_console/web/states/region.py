"""Which region this browser looks at; the values come from the region panel."""

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.web import services as console


class RegionView(rx.State):
    """The selection comes from the address: /region/<id>."""

    region: str = ""
    title: str = "Region"
    note: str = ""

    @rx.event
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the selection from the address; an unknown region says which there are."""
        asked = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        regions = {r.id: r.display for r in console.services().settings.regions}
        self.region = asked if asked in regions else ""
        self.title = regions.get(asked, "Region")
        self.note = "" if self.region else f"There is no such region. Configured: {', '.join(regions)}."
