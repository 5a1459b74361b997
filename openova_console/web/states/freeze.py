"""The brakes as this browser works them: freeze and lift, declare and end an incident, close a review."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import reflex as rx

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.operations import reads
from openova_console.operations.catalogue import CATALOGUE
from openova_console.web import deciding
from openova_console.web import services as console
from openova_console.web.present import iso
from openova_console.web.states.asking import SIGNED_OUT
from openova_console.web.wishes import words_of

HOURS = {"": "until somebody lifts it", "1": "for 1 hour", "4": "for 4 hours", "12": "for 12 hours", "48": "for 2 days"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that can be frozen, as the form names it: "all:", "region:<id>" or "kind:<kind>"."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review that nobody has closed. `against`: why this person cannot close it."""

    id: str
    what: str
    by: str
    at: str
    href: str
    against: str


class FreezeView(rx.State):
    """What can be frozen, and what waits for a review."""

    scopes: list[Scope] = []
    against: str = ""
    against_incident: str = ""
    incident_hours: str = ""
    reviews: list[ReviewLine] = []
    error: str = ""
    said: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """What there is to freeze, and whether this person may."""
        self.reset()
        running = console.services()
        regions = [Scope(f"region:{r.id}", f"Changes of {r.display}") for r in running.settings.regions]
        kinds = [Scope(f"kind:{kind}", o.title) for kind, o in CATALOGUE.items() if o.on_platform]
        self.scopes = [Scope("all:", "Every change of the platform"), *regions, *kinds]
        self.incident_hours = f"{running.settings.operations.incident_hours:g} h"
        await self._load()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: load the reviews again."""
        await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def freeze(self, form: dict[str, Any]) -> Any:
        """Freeze what the form names."""
        words = words_of(form)
        scope, _, value = words.get("scope", "").partition(":")
        hours = words.get("hours", "")
        caller = await self._caller()
        if caller is None:
            return
        if hours not in HOURS:
            self.error = "How long it lasts must be one of those that the list offers."
            return
        until = console.now() + timedelta(hours=int(hours)) if hours else None
        governance = console.services().engine.governance
        freeze = governance.freeze(caller, scope=scope, value=value, reason=words.get("reason", ""), until=until)
        await self._after(freeze, "It is frozen here; the other console is being told.")

    @rx.event
    @needs(Role.VIEWER)
    async def lift(self, form: dict[str, Any]) -> Any:
        """Lift the freeze that the form names."""
        words = words_of(form)
        if (caller := await self._caller()) is not None:
            governance = console.services().engine.governance
            lift = governance.lift(caller, words.get("id", ""), reason=words.get("reason", ""))
            await self._after(lift, "The freeze is lifted.")

    @rx.event
    @needs(Role.VIEWER)
    async def declare(self, form: dict[str, Any]) -> Any:
        """Declare an incident."""
        words = words_of(form)
        if (caller := await self._caller()) is not None:
            declare = console.services().engine.governance.declare(caller, title=words.get("title", ""))
            await self._after(declare, "The incident is declared.")

    @rx.event
    @needs(Role.VIEWER)
    async def end_incident(self, form: dict[str, Any]) -> Any:
        """End an incident before its time."""
        words = words_of(form)
        if (caller := await self._caller()) is not None:
            governance = console.services().engine.governance
            end = governance.end_incident(caller, words.get("id", ""), reason=words.get("reason", ""))
            await self._after(end, "The incident is over.")

    @rx.event
    @needs(Role.VIEWER)
    async def close_review(self, form: dict[str, Any]) -> Any:
        """Close a review with what was found."""
        words = words_of(form)
        if (caller := await self._caller()) is not None:
            governance = console.services().engine.governance
            close = governance.close_review(caller, words.get("id", ""), finding=words.get("finding", ""))
            await self._after(close, "The review is closed.")

    async def _caller(self) -> Caller | None:
        self.error = self.said = ""
        caller = await console.services().caller(self.router.headers.cookie)
        if caller is None:
            self.error = SIGNED_OUT
        return caller

    async def _after(self, change: Awaitable[object], said: str) -> None:
        _, self.error = await deciding.outcome(change)
        self.said = "" if self.error else said
        await self._load()

    async def _load(self) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return
        governance = running.engine.governance
        self.against = governance.against_freeze(caller)
        self.against_incident = governance.against_incident(caller)
        found = await running.read(
            lambda opened: [
                (row, governance.against_review(opened, caller, row)) for row in reads.brakes_now(opened, console.now()).reviews
            ]
        )
        self.reviews = [
            ReviewLine(
                row.id,
                row.what,
                row.opened_by,
                iso(row.opened_at),
                f"/runs/{row.operation_id}" if row.operation_id else "",
                against,
            )
            for row, against in found
        ]
