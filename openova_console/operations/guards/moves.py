"""What guards about moving the active role share: which kinds move it, from where to where, and what such a move may rest on.

`Subject.region` is the region that is to become active; every other region is one that gives the role up. An unplanned move
may rest on the last reading before contact was lost; nothing else may.
"""

from collections.abc import Callable
from datetime import datetime

from openova_console.handbook.speech import span
from openova_console.operations.evidence import Evidence, Freshness, Item
from openova_console.operations.guards.base import Subject, hold
from openova_console.operations.words import Answer

PLANNED = frozenset({"switchover", "failback"})
"""Kinds that move the active role while both regions answer, without loss."""
UNPLANNED = frozenset({"failover"})
"""Kinds that move the active role away from a region that does not answer."""
MOVES = PLANNED | UNPLANNED

Rule = Callable[[Subject, Evidence], tuple[Answer, str]]


def unplanned(subject: Subject) -> bool:
    """Whether the move is made without the region that gives the role up. Every other kind is judged as a planned one."""
    return subject.kind in UNPLANNED


def usable(subject: Subject, item: Item) -> bool:
    """Whether this subject may rest on this item."""
    last = item.freshness is Freshness.LAST and item.value is not None
    return item.known or (last and unplanned(subject))


def regions(evidence: Evidence) -> tuple[str, ...]:
    """Ids of all regions; empty when that is not known, which no rule may take for "none"."""
    item = evidence.get("regions")
    return tuple(item.value) if item.known else ()


def left_behind(subject: Subject, evidence: Evidence) -> tuple[str, ...]:
    """Ids of the regions that give the role up."""
    return tuple(id_ for id_ in regions(evidence) if id_ != subject.region)


def begun(subject: Subject, evidence: Evidence) -> bool:
    """Whether the subject's own run has begun: what it changes is then its own doing."""
    item = evidence.get("runs")
    return item.known and bool(subject.operation_id) and any(r["id"] == subject.operation_id and r["begun"] for r in item.value)


def knowing_regions(rule: Rule) -> Rule:
    """The rule, holding as long as the regions, or that this one is among them, are not known."""

    def judged(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
        known = regions(evidence)
        if not known:
            return hold("Which regions there are is not known")
        if subject.region not in known:
            return hold(f"{subject.region or 'The console itself'} is none of the regions {', '.join(known)}")
        return rule(subject, evidence)

    return judged


def not_known(what: str, item: Item) -> tuple[Answer, str]:
    """The answer where something that counts is not known."""
    return hold(f"{what} is not known: {item.sentence or 'the reading is too old'}")


def as_of(item: Item, now: datetime) -> str:
    """How old a last reading is, as the end of a sentence; empty for a fresh one."""
    age = item.age_s(now)
    return f" (as last read {span(age)} ago)" if item.freshness is Freshness.LAST and age is not None else ""
