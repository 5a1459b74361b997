"""The drawer of one Kubernetes object: conditions, events, redacted text, difference from the other region."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

import reflex as rx

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.words import Verdict
from openova_console.operations.requests import Refused
from openova_console.systems.errors import Fault
from openova_console.watch.objects import KINDS
from openova_console.web import services as console
from openova_console.web.present import iso

_LONGEST = 260
_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class ActionRow:
    """Something that can be asked for about the object. `against`: why not at this moment; "" when it can be asked for."""

    kind: str
    label: str
    params: str
    against: str


_RESTARTED = {"Deployment", "StatefulSet", "DaemonSet"}
_VERBS = {"restart-workload": "Restart", "suspend-kustomization": "Suspend", "resume-kustomization": "Resume"}


class ObjectView(rx.State):
    """The object that this browser looks at. `where` is "region/kind/namespace/name", as buttons carry it."""

    where: str = ""
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
    actions: list[ActionRow] = []
    actions_note: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def show(self, where: str) -> Any:
        """Load one object; what is not there, or cannot be shown, is said in a sentence."""
        self.reset()
        self.where = where if isinstance(where, str) else ""
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
        wanted = _wanted(region, found.kind, namespace, name)
        self.actions_note = "Looking at what can be done…" if wanted else ""
        yield
        await self._events(region, kind, namespace, name)
        yield
        caller = await running.caller(self.router.headers.cookie)
        if wanted and caller is not None:
            self.actions = list(await asyncio.gather(*(_action(ask, params, caller) for ask, params in wanted.items())))
        self.actions_note = ""

    async def _events(self, region: str, kind: str, namespace: str, name: str) -> None:
        running = console.services()
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


def _wanted(region: str, kind: str, namespace: str, name: str) -> dict[str, dict[str, str]]:
    """What could be asked for about an object of this kind: kind of operation → its parameters."""
    params = {"region": region, "namespace": namespace, "name": name}
    if kind in _RESTARTED:
        return {"restart-workload": params | {"workload": kind}}
    return {"suspend-kustomization": params, "resume-kustomization": params} if kind == "Kustomization" else {}


async def _action(kind: str, params: dict[str, str], caller: Caller) -> ActionRow:
    try:
        found = await console.services().engine.preview(kind, params, caller)
        stands = [found.judged.sentence] if found.judged is not None and found.judged.against else []
        against = "; ".join([*found.refusals, *stands])
    except Refused as refused:
        against = refused.sentence
    except Exception:  # noqa: BLE001 - the drawer must not look for ever
        _log.exception("it cannot be told what can be done with an object")
        against = "It cannot be told now whether this is possible: the console's log says why."
    return ActionRow(kind, _VERBS[kind], json.dumps(params), against)
