"""Money and users' objectives: the budget's verdict, and each SLO with its burn."""

from datetime import datetime

from openova_console.handbook.slo import TITLES
from openova_console.handbook.words import Verdict
from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.watch.board import Board


def budget(board: Board, now: datetime) -> Item:
    """The budget as a whole, and what was spent this month. That none is set is known; missing figures are not knowing."""
    whole = board.budget.judgement
    spent = board.budget.rows[0].assessment.spent if board.budget.rows else None
    if not board.budget.measured:
        return fresh({"set": False, "verdict": "", "spent": spent}, "no budget is set", at=now, source="settings")
    if whole.verdict is Verdict.UNKNOWN:
        return unknown(whole.sentence)
    counted = [row.assessment.observed_at for row in board.budget.rows if row.counted and row.assessment.observed_at]
    return fresh({"set": True, "verdict": whole.verdict.value, "spent": spent}, whole.sentence, at=min(counted, default=now))


def objectives(board: Board, now: datetime) -> dict[str, Item]:
    """`slo.<indicator>`: the burn's verdict and what is left of the error budget (a share; negative when overspent)."""
    found: dict[str, Item] = {}
    for row in board.slo.rows:
        key, title = f"slo.{row.goal.sli.value}", TITLES[row.goal.sli]
        burn = row.spending
        if burn.judgement.verdict is Verdict.UNKNOWN or burn.left is None:
            found[key] = unknown(f"{title}: {burn.why or burn.judgement.sentence}")
            continue
        value = {"title": title, "verdict": burn.judgement.verdict.value, "left": burn.left, "lasts": burn.lasts}
        found[key] = fresh(value, f"{title}: {burn.judgement.sentence}", at=row.standing.observed_at or now)
    return found
