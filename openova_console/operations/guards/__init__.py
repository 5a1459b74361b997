"""The guards, in one table. `rule_on` applies some of them and marks those that a person has set aside."""

from collections.abc import Iterable, Mapping

from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import Fact
from openova_console.operations.guards import brakes, console, limits, losses, objects, people, target, verbs, writers
from openova_console.operations.guards.base import Guard, Ruling, Subject
from openova_console.operations.words import Answer

_TOPICS = (brakes, objects, verbs, writers, losses, target, limits, people, console)

CATALOGUE: Mapping[str, Guard] = {guard.id: guard for topic in _TOPICS for guard in topic.GUARDS}
"""Every guard by its id."""

EVERYWHERE = ("freeze", "freeze-known", "run-in-flight", "cool-down", "change-window")
"""Guards that hold for every operation on the platform."""

__all__ = ["CATALOGUE", "EVERYWHERE", "Guard", "Ruling", "Subject", "guard_facts", "rule_on", "worst"]


def rule_on(ids: Iterable[str], subject: Subject, evidence: Evidence, *, overridden: Iterable[str] = ()) -> tuple[Ruling, ...]:
    """What these guards say.

    Args:
        overridden: ids that a person has set aside; only those whose guard lets itself be overridden count.
    """
    aside = {id_ for id_ in overridden if CATALOGUE[id_].override is not None}
    return tuple(
        ruling.model_copy(update={"overridden": True}) if ruling.guard in aside and ruling.answer is not Answer.ALLOW else ruling
        for ruling in (CATALOGUE[id_].judge(subject, evidence) for id_ in dict.fromkeys(ids))
    )


def worst(rulings: Iterable[Ruling]) -> Answer:
    """The answer that counts: the worst of those that are not set aside."""
    return max((r.answer for r in rulings if not r.overridden), key=lambda a: a.rank, default=Answer.ALLOW)


def guard_facts(rulings: Iterable[Ruling]) -> dict[str, Fact]:
    """Each verdict as a decision fact. A guard that is set aside counts as it stands, but no longer moves."""
    return {
        f"guard {r.guard}": Fact(value="set aside" if r.overridden else r.answer.value, rank=0 if r.overridden else r.answer.rank)
        for r in rulings
    }
