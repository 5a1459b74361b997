"""Which canary this browser looks at; what is said of it comes from the panel."""

import re

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role

_KEY = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}/[a-z0-9][a-z0-9.-]{0,252}")


class DeliveryView(rx.State):
    """The selection comes from the address: /delivery?canary=<namespace>/<name>."""

    canary: str = ""
    note: str = ""

    @rx.event
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the selection from the address; what can be no canary is said, and selects nothing."""
        asked = self.router.url.query_parameters.get("canary", "")
        known = isinstance(asked, str) and _KEY.fullmatch(asked) is not None
        self.canary = asked if known else ""
        self.note = "" if known or not asked else "The address names no canary: it should end in ?canary=namespace/name."
