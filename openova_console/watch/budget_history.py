"""What is written down of the budget: money spent this month, and the share of the budget that counts."""

from datetime import datetime

from openova_console.handbook.words import Verdict
from openova_console.store.tables import Sample
from openova_console.watch.board.budget import BudgetBoard

WHATS = ("spent", "percent")


def budget_series(region_id: str, what: str) -> str:
    """Name of a stored series: `region_id` is "together" for both regions, `what` one of `WHATS`."""
    return f"budget/{region_id}/{what}"


def budget_samples(board: BudgetBoard, at: datetime) -> list[Sample]:
    """One sample per row and figure; what is not known is a gap at `at`."""
    samples = []
    for row in board.rows:
        a = row.assessment
        for what, value in (("spent", a.spent), ("percent", a.percent)):
            known = value is not None and a.judgement.verdict is not Verdict.UNKNOWN
            samples.append(
                Sample(
                    series=budget_series(row.region_id, what),
                    observed_at=at if value is None or a.observed_at is None else a.observed_at,
                    value=value,
                    verdict=(a.judgement.verdict if known else Verdict.UNKNOWN).value,
                )
            )
    return samples
