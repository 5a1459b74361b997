"""What is written down of the three objectives: the indicator, the burn over an hour, and what is left of the budget."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from openova_console.handbook.burn import HOUR
from openova_console.handbook.slo import Sli
from openova_console.handbook.words import Verdict
from openova_console.store.tables import Sample
from openova_console.watch.board.slo import SloBoard, SloRow

RANGES: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
    "1w": timedelta(days=7),
    "30d": timedelta(days=30),
}
WHATS = ("value", "burn_1h", "budget_left")


def slo_series(sli: Sli, region_id: str, what: str) -> str:
    """Name of a stored series: `region_id` is empty for all together, `what` one of `WHATS`."""
    return f"slo/{sli.value}/{region_id or 'all'}/{what}"


def slo_samples(board: SloBoard, at: datetime) -> list[Sample]:
    """One sample per indicator, region and figure; what is not known is a gap at `at`."""
    return [sample for row in (*board.rows, *board.parts) for sample in _samples(row, at)]


def points(span: timedelta, cadence_s: float) -> int:
    """Into how many steps a chart of this span is cut: none may be so short that a read falls beside it."""
    return max(1, min(240, int(span.total_seconds() / (cadence_s * 1.5))))


def _samples(row: SloRow, at: datetime) -> list[Sample]:
    standing, spending = row.standing, row.spending
    figures = (
        ("value", standing.value, standing.judgement.verdict),
        ("burn_1h", spending.burns[HOUR].rate, spending.judgement.verdict),
        ("budget_left", spending.left, spending.judgement.verdict),
    )
    return [
        Sample(
            series=slo_series(row.goal.sli, row.region.id if row.region else "", what),
            observed_at=(standing.observed_at or at) if value is not None else at,
            value=value,
            verdict=(verdict if value is not None else Verdict.UNKNOWN).value,
        )
        for what, value, verdict in figures
    ]
