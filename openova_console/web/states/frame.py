"""What frames every page: who looks, at which platform, from where; and the arrival of a browser."""

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.web import services as console
from openova_console.web.publish import panels
from openova_console.web.rows import NavItem

ROLE_WORDS = {
    "viewer": "Viewer: looks",
    "operator": "Operator: requests changes",
    "approver": "Approver: approves what others request",
    "security-officer": "Security officer: keys and personal data",
    "admin": "Administrator: accounts and policy",
}


class Frame(rx.State):
    """The header and the navigation of this browser."""

    environment: str = ""
    kind: str = ""
    is_lab: bool = False
    looks_from: str = ""
    who: str = "…"
    role: str = ""
    path: str = ""
    title_tail: str = ""
    watch_nav: list[NavItem] = []
    region_nav: list[NavItem] = []
    change_nav: list[NavItem] = []
    console_nav: list[NavItem] = []

    @rx.event
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """A browser came, came back, or went to another page: give it the present values, then the broadcasts."""
        running = console.services()
        settings = running.settings
        await running.hub.join(self.router.session.session_id)
        who = await running.visitor(self.router.headers.cookie)
        self.who, self.role = (who.name, ROLE_WORDS[who.role]) if who else ("signed out", "")
        self.environment, self.kind = settings.environment.name, settings.environment.kind
        self.is_lab = settings.environment.kind == "lab"
        here = settings.region(settings.console.looks_from)
        self.looks_from, self.path = here.display, self.router.url.path.rstrip("/") or "/"
        self.title_tail = f" · {settings.environment.name} · from {here.display}"
        self.watch_nav = [
            NavItem("overview", "Overview", "/", "g o"),
            NavItem("replication", "Replication", "/replication", "g r"),
            NavItem("slo", "SLOs", "/slo", "g l"),
            NavItem("delivery", "Delivery", "/delivery", "g d"),
            NavItem("alerts", "Alerts", "/alerts", "g a"),
            NavItem("budget", "Budget", "/budget", "g b"),
        ]
        self.region_nav = [
            *(
                NavItem(f"region-{n}", region.display, f"/region/{region.id}", f"g {n}")
                for n, region in enumerate(settings.regions, 1)
            ),
            *([NavItem("witnesses", "Witnesses", "/witnesses", "g w")] if len(settings.regions) > 1 else []),
            NavItem("gslb", "Global DNS", "/gslb", "g n"),
        ]
        self.change_nav = [
            NavItem("runs", "Runs", "/runs", "g u"),
            NavItem("approvals", "Approvals", "/approvals", "g p"),
            NavItem("standing", "Standing approvals", "/standing", "g t"),
            NavItem("freeze", "Freeze", "/freeze", "g f"),
        ]
        self.console_nav = [
            NavItem("sources", "Sources", "/sources", "g s"),
            NavItem("notifications", "Notifications", "/notifications", "g y"),
            NavItem("audit", "Audit", "/audit", "g i"),
            NavItem("users", "Users", "/users", "g e"),
            NavItem("tokens", "Tokens", "/tokens", "g k"),
        ]
        for state, values in panels(running.watch, settings, console.now(), running.books.seen).items():
            panel = await self.get_state(state)
            for name, value in values.items():
                setattr(panel, name, value)
