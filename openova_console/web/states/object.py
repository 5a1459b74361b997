"""The drawer of one Kubernetes object: conditions, events, redacted text, difference from the other region."""

from dataclasses import dataclass

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.words import Verdict
from openova_console.systems.errors import Fault
from openova_console.watch.objects import KINDS
from openova_console.web import services as console
from openova_console.web.present import iso

_LONGEST = 260


@dataclass(frozen=True, slots=True)
class ConditionRow:
    kind: str
    status: str
    reason: str
    message: str
    at: str


@dataclass(frozen=True, slots=True)
class EventRow:
    verdict: str
    reason: str
    message: str
    count: str
    at: str


class ObjectView(rx.State):
    """The object that this browser looks at. `where` is "region/kind/namespace/name", as buttons carry it."""

    title: str = ""
    place: str = ""
    note: str = ""
    at: str = ""
    conditions: list[ConditionRow] = []
    events: list[EventRow] = []
    events_note: str = ""
    text: str = ""
    difference: str = ""
    elsewhere: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def show(self, where: str) -> None:
        """Load one object; what is not there, or cannot be shown, is said in a sentence."""
        self.reset()
        parts = where.split("/") if isinstance(where, str) and len(where) <= _LONGEST else []
        running = console.services()
        displays = {r.id: r.display for r in running.settings.regions}
        if len(parts) != 4 or parts[0] not in displays or parts[1] not in KINDS:
            self.title, self.note = "Object", "There is no such object to show."
            return
        region, kind, namespace, name = parts
        found = running.watch.objects.show(region, kind, namespace, name)
        self.title = name
        self.place = " · ".join(part for part in (displays[region], kind, namespace) if part)
        if found is None:
            self.note = f"{displays[region]} has no such object now: it was deleted, or its kind could not be read."
            return
        self.title, self.at = f"{found.kind} {name}", iso(found.confirmed_at)
        self.conditions = [ConditionRow(c.kind, c.status, c.reason, c.message, iso(c.changed_at)) for c in found.conditions]
        self.text, self.difference, self.elsewhere = found.text, found.difference, found.elsewhere
        try:
            events = await running.watch.objects.events(region, kind, namespace, name)
        except Fault as fault:
            self.events_note = f"The events cannot be read: {fault.sentence}."
            return
        self.events = [
            EventRow(
                (Verdict.WARN if e.warning else Verdict.OK).value,
                e.reason,
                e.message,
                f"{e.count}×" if e.count > 1 else "",
                iso(e.last_seen),
            )
            for e in events[:50]
        ]
        self.events_note = "" if events else "No events: Kubernetes keeps them for about an hour."
