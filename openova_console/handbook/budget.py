"""Budget control: what the month has cost, what it will cost, how many nodes still fit, and whether scaling up is allowed.

Handbook, "Budget Control": 80 % of the budget is a warning, 100 % blocks scale-up. Exactly 100 % is 100 %: it blocks. Three
figures are held against the budget and the highest counts: what is spent since the first of the month, what the month will
come to, and what a whole month costs with what runs now (a node that was added on the 30th hardly shows in the first two).
Scaling down and failing over are never blocked by money. Figures that are missing or old do not allow scaling up; a person
may still override. Amounts are of one currency; a month is a calendar month in UTC.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from openova_console.handbook.words import Judgement, Reading, Verdict, worst

MOST_NODES = 10_000
"""No more headroom than this is worth counting."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent between two instants, by OpenCost's own account."""

    amount: float
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class BudgetEvidence:
    """What one region's OpenCost says: the month so far, and the last day. Both are dated by the end of its data."""

    month: Reading[Spent]
    day: Reading[Spent]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its type by label, and since when it exists."""

    name: str
    instance_type: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Prices:
    """The price list, per month: nodes by name of their type (a default under ""), and what a region costs besides."""

    nodes: dict[str, float]
    besides: float

    def of(self, node: Node) -> float | None:
        """What the node costs; None when the list does not say."""
        return self.nodes.get(node.instance_type, self.nodes.get(""))


@dataclass(frozen=True, slots=True)
class Figures:
    """One region's money, or both regions' together.

    Attributes:
        spent: since the first of the month.
        pace: what a whole month costs with what runs now.
        spent_by, pace_by: where the two come from, in words.
        nodes: how many there are; None when not known.
        node_price: of one more node per month; None when not known.
    """

    spent: Reading[float]
    pace: Reading[float]
    spent_by: str
    pace_by: str
    nodes: int | None
    node_price: float | None


@dataclass(frozen=True, slots=True)
class BudgetAssessment:
    """Money against the budget. Percentages are of the budget; None where not known or without a budget.

    Attributes:
        forecast: what the month will come to: spent, and the rest of the month at today's pace.
        percent: the highest of spent, forecast and pace, in percent.
        headroom: how many more nodes may be added before scale-up is blocked.
    """

    judgement: Judgement
    budget: float | None
    spent: float | None
    pace: float | None
    forecast: float | None
    percent: float | None
    headroom: int | None
    observed_at: datetime | None


def month_bounds(now: datetime) -> tuple[datetime, datetime]:
    """The first instant of this calendar month and of the next, UTC."""
    begins = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return begins, (begins + timedelta(days=32)).replace(day=1)


def share_left(now: datetime) -> float:
    """How much of the month is still to come, 0 to 1."""
    begins, ends = month_bounds(now)
    return (ends - now) / (ends - begins)


def price_list(nodes: Sequence[Node], prices: Prices, now: datetime) -> tuple[float, float] | str:
    """Spent since the first of the month and pace, by the price list, or why they cannot be told.

    A node counts from the day that it was made. Nodes that were removed during the month are not known any more, so that
    what is spent is a lower bound.
    """
    begins, ends = month_bounds(now)
    pace, spent = prices.besides, prices.besides * ((now - begins) / (ends - begins))
    for node in nodes:
        price = prices.of(node)
        if price is None:
            return f"the price list has no price for {node.instance_type or 'nodes without a type'}"
        pace += price
        start = max(begins, node.since or begins)
        spent += price * max(0.0, (now - start) / (ends - begins))
    return spent, pace


def percent_of(amount: float, budget: float) -> float:
    """The share in percent; a hair below 100 % that comes from rounding alone is 100 %."""
    share = amount / budget * 100
    return 100.0 if math.isclose(share, 100.0, rel_tol=1e-9) else share


def headroom(budget: float, pace: float, forecast: float, node_price: float, left: float) -> int:
    """How many more nodes fit before pace or forecast reach 100 %: after that many the next one is blocked."""

    def fits(count: int) -> bool:
        more = pace + count * node_price, forecast + count * node_price * left
        return all(percent_of(amount, budget) < 100 for amount in more)

    if not fits(0) or node_price <= 0:
        return 0
    low, high = 0, MOST_NODES
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def judge_budget(
    figures: Figures, budget: float | None, *, warn_percent: float, now: datetime, spent_s: float, pace_s: float, currency: str
) -> BudgetAssessment:
    """Grade the money of one region, or of both together.

    Args:
        budget: per month; None when none is set: nothing is then OK, and nothing is 0 %.
        spent_s, pace_s: how old the two figures may be, in seconds.
    """
    spent = figures.spent.value if figures.spent.fresh(now, spent_s) else None
    pace = figures.pace.value if figures.pace.fresh(now, pace_s) else None
    forecast = None
    if spent is not None and pace is not None:
        forecast = spent + pace * share_left(min(now, figures.spent.observed_at or now))
    at = min((t for t in (figures.spent.observed_at, figures.pace.observed_at) if t is not None), default=None)
    if budget is None:
        return BudgetAssessment(Judgement.unknown("No budget is set"), None, spent, pace, forecast, None, None, at)
    known = [(what, amount) for what, amount in _named(spent, forecast, pace) if amount is not None]
    highest = max((amount for _, amount in known), default=None)
    # In a steady month forecast and pace are one figure: the words must not change with its last bit, nor the verdict lose it.
    worst_first = [] if highest is None else [(what, highest) for what, a in known if math.isclose(a, highest, rel_tol=1e-6)]
    missing = _missing(figures, spent, pace, now, spent_s, pace_s)
    room = None
    if pace is not None and forecast is not None and figures.node_price is not None:
        room = headroom(budget, pace, forecast, figures.node_price, share_left(now))
    judgement = _judge(worst_first, budget, missing, warn_percent, currency, room)
    # A share that leaves something out would read as less than it is; one that is over the budget is over it anyway.
    told = bool(worst_first) and (not missing or judgement.verdict is Verdict.BREACH)
    percent = percent_of(worst_first[0][1], budget) if told else None
    return BudgetAssessment(judgement, budget, spent, pace, forecast, percent, room, at)


def _named(spent: float | None, forecast: float | None, pace: float | None) -> tuple[tuple[str, float | None], ...]:
    return (
        ("is spent", spent),
        ("will be spent by the end of the month", forecast),
        ("is what a month costs with what runs now", pace),
    )


def _missing(figures: Figures, spent: float | None, pace: float | None, now: datetime, spent_s: float, pace_s: float) -> str:
    if spent is None:
        return f"what is spent is not known, {figures.spent.why_not_fresh(now, spent_s)}"
    if pace is None:
        return f"what a month costs now is not known, {figures.pace.why_not_fresh(now, pace_s)}"
    return ""


def _judge(
    worst_first: Sequence[tuple[str, float]], budget: float, missing: str, warn_percent: float, currency: str, room: int | None
) -> Judgement:
    if worst_first:
        what, amount = worst_first[0]
        share = percent_of(amount, budget)
        # Rounded down: 99.6 % must not be printed as the 100 % that it is not.
        said = f"{money(amount, currency)} {what}, {math.floor(share)} % of {money(budget, currency)}"
        if share >= 100:
            return Judgement.breach(f"{said}: scaling up is blocked")
        if not missing:
            return Judgement(Verdict.WARN if share >= warn_percent else Verdict.OK, said + _room(room))
    return Judgement.unknown(f"Not known: {missing}" if missing else "Nothing was read yet")


def _room(room: int | None) -> str:
    if room is None:
        return ""
    return f"; {room} more node{'' if room == 1 else 's'} would fit" if room else "; no further node fits"


def together(parts: Sequence[Figures]) -> Figures:
    """Both regions' money: a part that is not known makes the sum not known, never smaller."""
    prices = [part.node_price for part in parts]
    nodes = [part.nodes for part in parts]
    return Figures(
        _sum([part.spent for part in parts]),
        _sum([part.pace for part in parts]),
        _same([part.spent_by for part in parts]),
        _same([part.pace_by for part in parts]),
        None if None in nodes else sum(n or 0 for n in nodes),
        None if None in prices else max((price or 0.0 for price in prices), default=None),
    )


def _sum(readings: Sequence[Reading[float]]) -> Reading[float]:
    bad = next((r for r in readings if r.value is None or r.observed_at is None or r.completeness != "full"), None)
    if bad is not None or not readings:
        return Reading.missing("", bad.source if bad else "", bad.error if bad else "nothing was read yet")
    oldest = min(r.observed_at for r in readings if r.observed_at is not None)
    return Reading(sum(r.value or 0.0 for r in readings), readings[0].unit, oldest, readings[0].source)


def _same(words: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(words))


class Request(StrEnum):
    """What somebody wants to do that touches money."""

    SCALE_UP = "scale up"
    SCALE_DOWN = "scale down"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the budget lets a request pass, and whether a person may set it aside."""

    allowed: bool
    overridable: bool
    sentence: str


def gate(request: Request, standings: Sequence[BudgetAssessment]) -> Gate:
    """Whether the budget allows a request, given how every budget that it touches stands.

    A breach blocks scaling up; so does not knowing. Both can be overridden. Nothing else is ever blocked.
    """
    if request is not Request.SCALE_UP:
        return Gate(True, False, f"A {request.value} is never blocked by the budget")
    verdict = worst(standing.judgement.verdict for standing in standings)
    if verdict is Verdict.BREACH:
        sentence = next(s.judgement.sentence for s in standings if s.judgement.verdict is Verdict.BREACH)
        return Gate(False, True, sentence)
    if verdict is Verdict.UNKNOWN:
        bad = next((s for s in standings if s.judgement.verdict is Verdict.UNKNOWN), None)
        why = bad.judgement.sentence if bad is not None else "No budget is set"
        return Gate(False, True, f"Scaling up waits for a person: {why[0].lower()}{why[1:]}")
    return Gate(True, False, "The budget allows it")


def money(amount: float, currency: str) -> str:
    """An amount as it is shown: €69, €4.50, €1,234."""
    text = f"{amount:,.0f}" if abs(amount) >= 100 or math.isclose(amount, round(amount), abs_tol=0.004) else f"{amount:,.2f}"
    return f"{currency}{text}" if len(currency) == 1 else f"{currency} {text}"
