"""Brakes: freeze, one run at a time, cool-down, change window."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from openova_console.access.roles import Role
from openova_console.handbook.speech import span
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.words import Answer


def frozen_by(freezes: Iterable[Mapping[str, Any]], subject: Subject) -> Mapping[str, Any] | None:
    """The first of these freezes that concerns the subject: all, one of its regions, or its kind."""
    for freeze in freezes:
        scope, value = freeze["scope"], freeze["value"]
        if (
            scope == "all"
            or (scope == "region" and value in {subject.region, *subject.regions})
            or (scope == "kind" and value == subject.kind)
        ):
            return freeze
    return None


def _freeze(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("freezes")
    if not item.known:
        return hold(f"It is not known whether changes are frozen: {item.sentence}")
    found = frozen_by(item.value, subject)
    if found is None:
        return allow("Nothing that concerns this is frozen")
    until = f" until {found['until']}" if found.get("until") else ""
    return block(f"{found['by']} has frozen {_scope(found)}{until}: {found['reason']}")


def _scope(freeze: Mapping[str, Any]) -> str:
    return {"all": "every change", "region": f"changes in {freeze['value']}", "kind": f"operations of kind {freeze['value']}"}[
        freeze["scope"]
    ]


def _freeze_known(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("freezes.other")
    if not item.known:
        return hold(f"Whether the other region's console has frozen changes is not known: {item.sentence}")
    found = frozen_by(item.value, subject)
    if found is not None:
        return block(f"{found['by']} has frozen {_scope(found)} from the other region's console: {found['reason']}")
    return allow(item.sentence or "The other region's console has frozen nothing that concerns this")


def _one_run(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("runs")
    if not item.known:
        return hold(f"It is not known what else is running: {item.sentence}")
    for run in item.value:
        # Of those that wait in the same lane each lets the others go first: only one that has begun is in the way of a run.
        if subject.operation_id and not run["begun"]:
            continue
        if run["id"] != subject.operation_id and run["region"] == subject.region and run["resource"] == subject.resource:
            return hold(f"“{run['title']}” is {run['state'].replace('_', ' ')} on the same object")
    return allow("Nothing else runs on this object")


def _cool_down(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("cool_down")
    if not item.known:
        return hold(f"It is not known when this was last done: {item.sentence}")
    if not item.value.get("ends_at"):
        return allow("It was not done here lately")
    left = (datetime.fromisoformat(item.value["ends_at"]) - subject.now).total_seconds()
    if left <= 0:
        return allow("The pause after the last time is over")
    return hold(f"This was done here a short time ago (run {item.value['operation'][:8]}); the pause ends in {span(left)}")


def _window(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("change_window")
    if not item.known:
        return hold(f"It is not known whether this is a time for changes: {item.sentence}")
    return allow(item.sentence) if item.value else hold(item.sentence)


FREEZE = Guard(
    "freeze",
    "Nothing runs against a freeze of all changes, of its region or of its kind.",
    ("freezes",),
    "Lift the freeze on the Freeze page, or wait until it ends.",
    None,
    _freeze,
)
FREEZE_KNOWN = Guard(
    "freeze-known",
    "What the other region's console has frozen holds here too; not knowing it holds as well.",
    ("freezes.other",),
    "Bring the other region's Kubernetes API back into reach, or set this guard aside.",
    Role.APPROVER,
    _freeze_known,
)
ONE_RUN = Guard(
    "run-in-flight",
    "One run at a time on one object.",
    ("runs",),
    "Wait until that run has ended, or abort it.",
    None,
    _one_run,
)
COOL_DOWN = Guard(
    "cool-down",
    "The same thing is not done to the same object again at once, unless a person has looked at the last time.",
    ("cool_down",),
    "Acknowledge the last run on its page, or wait.",
    Role.APPROVER,
    _cool_down,
)
CHANGE_WINDOW = Guard(
    "change-window",
    "Where change windows are set, changes are made in them.",
    ("change_window",),
    "Wait for the next window, or set this guard aside with an incident.",
    Role.APPROVER,
    _window,
)
GUARDS = (FREEZE, FREEZE_KNOWN, ONE_RUN, COOL_DOWN, CHANGE_WINDOW)
