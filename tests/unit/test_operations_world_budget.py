"""What was spent this month, as standing approvals judge it."""

from types import SimpleNamespace
from typing import Any

import pytest

from openova_console.handbook.words import Judgement, Verdict
from openova_console.operations.standing import Limits, against_limits
from openova_console.operations.world.goals import budget
from tests.support.factories import NOW


def board(*spent: float | None, measured: bool = True, verdict: Verdict = Verdict.OK) -> Any:
    """A board whose rows show these sums: both regions together first."""
    rows = [SimpleNamespace(counted=True, assessment=SimpleNamespace(spent=amount, observed_at=NOW)) for amount in spent]
    return SimpleNamespace(budget=SimpleNamespace(judgement=Judgement(verdict, "as said"), measured=measured, rows=rows))


def stands(item: Any, most: float) -> bool:
    return not against_limits(Limits(per_day=1, budget=most), used=0, objects=1, spent=item)


def test_both_regions_together_are_what_is_compared():
    item = budget(board(150.0, 100.0, 50.0), NOW)
    assert item.value["spent"] == 150.0
    assert stands(item, 150) and not stands(item, 149)


@pytest.mark.parametrize(
    "one",
    [
        board(),
        board(None, 100.0),
        board(None, measured=False, verdict=Verdict.UNKNOWN),
        board(10.0, verdict=Verdict.UNKNOWN),
    ],
    ids=["no rows", "no sum", "nothing measured", "unknown"],
)
def test_what_is_not_known_is_within_no_budget(one: Any):
    assert not stands(budget(one, NOW), 1e9)


def test_without_a_budget_of_its_own_what_was_spent_still_counts():
    assert stands(budget(board(10.0, measured=False, verdict=Verdict.UNKNOWN), NOW), 10)
