"""Guards about money and about what users bear: the budget, and the error budget."""

from openova_console.access.roles import Role
from openova_console.handbook.slo import Sli
from openova_console.handbook.words import Verdict
from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.guards.moves import MOVES, not_known, unplanned
from openova_console.operations.words import Answer


def _budget(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("budget")
    if subject.kind in MOVES:
        said = item.sentence or "the budget is not known"
        return allow(f"Moving the active role is exempt from the budget, and what it costs counts: {said}")
    if not item.known:
        return not_known("Whether the budget allows this", item)
    if not item.value["set"]:
        return allow("No budget is set")
    if item.value["verdict"] == Verdict.BREACH:
        return block(f"The budget is used up: {item.sentence}")
    return allow(f"Within the budget: {item.sentence}")


def _burn(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    if unplanned(subject):
        return allow("Users who are hurt are a reason for an unplanned failover, not against it")
    for sli in Sli:
        item = evidence.get(f"slo.{sli.value}")
        if not item.known:
            return not_known(f"How fast the error budget of {sli.value.replace('_', ' ')} is spent", item)
        if item.value["verdict"] == Verdict.BREACH:
            return hold(f"The error budget is being spent too fast: {item.sentence}")
        if item.value["left"] <= 0:
            return hold(f"The error budget of {item.value['title']} is spent")
    return allow("Error budget is left, and it is not being spent too fast")


BUDGET = Guard(
    "budget",
    "Nothing that costs more is added beyond the budget. Moving the active role is exempt, and accounted.",
    ("budget",),
    "Raise the budget or lower the spending; bring its figures back.",
    Role.APPROVER,
    _budget,
)
BURN = Guard(
    "error-budget",
    "While users are hurt, or have been hurt enough this month, nothing is changed that can wait.",
    ("slo.",),
    "Wait until the burn has ended and error budget is left, or set this guard aside for what mends it.",
    Role.APPROVER,
    _burn,
)
GUARDS = (BUDGET, BURN)
