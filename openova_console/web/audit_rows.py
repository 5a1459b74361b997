"""The audit as pages show it: events, what a verification found, and where heads of it lie. No rule is decided here."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.redaction import redacted
from openova_console.handbook.speech import listing, span
from openova_console.operations.heads import Kept
from openova_console.store.change_tables import AnchorRow, AuditEvent
from openova_console.web.event_words import said
from openova_console.web.present import iso, utc
from openova_console.web.verifying import Outcome

GROUPS: Mapping[str, str] = {
    "": "All",
    "operation": "Requests",
    "approval": "Approvals",
    "guard": "Guards set aside",
    "run": "Runs",
    "step": "Steps",
    "write": "Writes",
    "console": "Accounts, tokens, policy",
    "person": "Signing in",
    "account": "Accounts without approval",
    "delivery": "Notifications",
    "freeze": "Freezes",
    "incident": "Incidents",
    "review": "Reviews",
    "replica": "Replicas",
    "database": "Database",
}
"""First part of an event's name → what a person calls it."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One event. `href` leads to its run and `title` names that; both "" when it belongs to none."""

    number: str
    at: str
    actor: str
    actor_href: str
    event: str
    event_href: str
    what: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One place outside the database where heads of the audit lie."""

    place: str
    look: str
    word: str
    note: str
    at: str


def audit_line(row: AuditEvent, titles: Mapping[str, str], actor_href: str, event_href: str) -> AuditLine:
    """An event in one row. `titles`: of operations, by id."""
    return AuditLine(
        number=str(row.seq),
        at=iso(datetime.fromisoformat(row.at)),
        actor=row.actor,
        actor_href=actor_href,
        event=row.event,
        event_href=event_href,
        what=said(row.event, json.loads(row.body)),
        title=titles.get(row.operation_id, "Its run") if row.operation_id else "",
        href=f"/runs/{row.operation_id}" if row.operation_id else "",
    )


def body_text(row: AuditEvent) -> str:
    """The body of an event for a person to read; credentials are hidden once more."""
    return json.dumps(redacted(json.loads(row.body)), indent=2, ensure_ascii=False, sort_keys=True)


def verdict(outcome: Outcome) -> tuple[str, str, str]:
    """How a verification came out: a look, a word, and one sentence."""
    took = f"verified in {span(outcome.took_s)}"
    if outcome.ok is None:
        return "unknown", "Not found out", outcome.sentence
    if not outcome.ok:
        good = "No event before it is good" if outcome.events == 0 else f"{_events(outcome.events)} before it are good"
        return "breach", "The audit is broken", f"{outcome.sentence} {good}; {took}."
    said = f"{_events(outcome.events)} in one chain, {took}"
    compared = [_short(kept.place) for kept in outcome.places if kept.anchors]
    missing = [f"{_short(kept.place)} ({kept.trouble})" for kept in outcome.places if not kept.anchors]
    if not compared:
        without = f"{said}. No head outside the database could be compared: {listing(missing)}."
        return "warn", "Unbroken, but nothing vouches for its end", without
    heads = "1 head agrees" if outcome.anchors == 1 else f"{outcome.anchors:,} heads agree"
    said += f"; {heads}, kept in {listing(compared)}."
    if missing:
        return "warn", "Unbroken, not compared everywhere", f"{said} Not compared: {listing(missing)}."
    return "ok", "Unbroken", said


def _short(place: str) -> str:
    region, config_map, _ = place.partition(": ConfigMap ")
    return region if config_map else "the file"


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def compared_lines(places: Iterable[Kept]) -> list[PlaceLine]:
    """What lay at each place when it was compared."""
    found = []
    for kept in places:
        if not kept.anchors:
            found.append(PlaceLine(kept.place, "unknown", "Not compared", kept.trouble, ""))
            continue
        count = len(kept.anchors)
        heads = f"{count} heads, the newest of event {max(a.seq for a in kept.anchors)}" if count > 1 else ""
        found.append(PlaceLine(kept.place, "ok", "Read", heads or f"Head of event {kept.anchors[0].seq}", ""))
    return found


def place_lines(
    newest: Mapping[str, AnchorRow], that_worked: Mapping[str, AnchorRow], never: Iterable[tuple[str, str]]
) -> list[PlaceLine]:
    """When the head was last written to each place.

    Args:
        newest, that_worked: attempts, by place.
        never: places where nothing is written, each with the reason.
    """
    found = []
    for place, row in newest.items():
        if row.ok:
            found.append(PlaceLine(place, "ok", "Written", f"Head of event {row.seq}", iso(row.at)))
            continue
        good = that_worked.get(place)
        since = f"Last written {utc(good.at)}: head of event {good.seq}" if good is not None else "Never written"
        found.append(PlaceLine(place, "warn", "Not written", f"{row.sentence}. {since}.", iso(row.at)))
    return [*found, *(PlaceLine(place, "unknown", "Not written", why, "") for place, why in never)]
