"""How fast is the error budget spent, and how long does it last?

The handbook has static limits only. They are blind to slow burns (0.49 % of errors for ever never reaches 0.5 %, and spends
a month's budget in six days) and loud on short ones, so the four multi-window rules of the Google SRE Workbook ("Alerting
on SLOs", 30 days) stand beside them. Burn = share of bad requests / share that may be bad; 1 spends exactly the budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.slo import Counts, Goal, Scope, together
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import Judgement, Verdict

MINUTE, HOUR, DAY = 60, 3600, 86400
SHOWN = (5 * MINUTE, HOUR, 6 * HOUR, 3 * DAY)
"""The windows that people look at."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A burn that is too fast: over the long window, and over the short one so that it ends soon after the burn does."""

    limit: float
    long_s: int
    short_s: int
    page: bool


RULES = (
    Rule(14.4, HOUR, 5 * MINUTE, True),
    Rule(6, 6 * HOUR, 30 * MINUTE, True),
    Rule(3, DAY, 2 * HOUR, False),
    Rule(1, 3 * DAY, 6 * HOUR, False),
)
WINDOWS = tuple(sorted({w for rule in RULES for w in (rule.long_s, rule.short_s)}))
"""Every window that a rule needs, in seconds."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One window's burn rate; None with the reason when it is not known."""

    window_s: int
    rate: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """The error budget of one indicator.

    Attributes:
        judgement: by the four rules.
        burns: by window in seconds.
        left: share of the budget that is left, negative when overspent; None when not known, and `why` says why.
        lasts_s: seconds until it is spent at the pace of the last hour. None when not known or when, at that pace, it lasts.
        lasts: the same in words.
    """

    judgement: Judgement
    burns: Mapping[int, Burn]
    left: float | None
    why: str
    lasts_s: float | None
    lasts: str


def burn_rate(counts: Counts, good: float) -> float | None:
    """Burn of one window; None without requests or when a count is not a number. `good`: the objective, below 1."""
    if not counts.known or counts.total <= 0:
        return None
    return min(1.0, max(0.0, counts.bad / counts.total)) / (1 - good)


def judge_spending(goal: Goal, scope: Scope, *, now: datetime, budget_s: float, long_budget_s: float, month_s: int) -> Spending:
    """Burn over every window, what is left of the budget, and how long that lasts.

    Args:
        scope: every region whose users count; all of them must be known for each window.
        budget_s: greatest age of a sample; `long_budget_s` that of windows of a day and more, which are read less often.
        month_s: the error budget's window.
    """
    found: dict[int, Burn] = {}
    left, why = None, ""
    for window in (*WINDOWS, month_s):
        counts, reason = _counts(scope, window, now, budget_s if window < DAY else long_budget_s)
        rate = burn_rate(counts, goal.good) if counts else None
        reason = reason or ("" if rate is not None else f"no requests in {span(window)}")
        if window in WINDOWS:
            found[window] = Burn(window, rate, reason)
        if window == month_s:
            left, why = None if rate is None else 1 - rate, reason
    lasts_s, lasts = _lasts(left, found[HOUR], month_s)
    return Spending(_judge(found), found, left, why, lasts_s, lasts)


def _counts(scope: Scope, window: int, now: datetime, budget_s: float) -> tuple[Counts | None, str]:
    parts: list[Counts] = []
    for name, counted in scope:
        reading = counted.windows.get(window)
        reason = reading.why_not_fresh(now, budget_s) if reading else "nothing was read yet"
        if reading is None or reading.value is None or reason:
            return None, f"{name}: {reason}" if len(scope) > 1 else reason
        parts.append(reading.value)
    return together(parts), ""


def _lasts(left: float | None, hour: Burn, month_s: int) -> tuple[float | None, str]:
    """Linear: what leaves the budget's window on its far side is not counted, so the truth is never sooner."""
    if left is None or hour.rate is None:
        return None, "not known"
    if left <= 0:
        return 0.0, "spent"
    if hour.rate <= 1:
        return None, "lasts at this pace"
    seconds = left * month_s / hour.rate
    return seconds, span(seconds)


def _judge(burns: Mapping[int, Burn]) -> Judgement:
    broken: list[Rule] = []
    open_: list[Rule] = []
    for rule in RULES:
        rates = [burns[rule.long_s].rate, burns[rule.short_s].rate]
        if any(rate is not None and rate <= rule.limit for rate in rates):
            continue
        (open_ if None in rates else broken).append(rule)
    if any(rule.page for rule in broken):
        return Judgement.breach(_burning(broken, burns, "wake somebody"))
    if open_:
        reason = next(b.why for rule in open_ for b in (burns[rule.short_s], burns[rule.long_s]) if b.rate is None)
        return Judgement.unknown(f"Burn not known: {reason}")
    if broken:
        return Judgement.warn(_burning(broken, burns, "look at it today"))
    hour = burns[HOUR].rate
    said = f"; {rate_words(hour)} over 1 h" if hour is not None else ""
    return Judgement(Verdict.OK, f"Burns slower than every limit{said}")


def _burning(broken: Sequence[Rule], burns: Mapping[int, Burn], what: str) -> str:
    first = broken[0]
    rate = burns[first.long_s].rate or 0.0
    limits = listing([f"{rule.limit:g}× ({span(rule.long_s)} and {span(rule.short_s)})" for rule in broken])
    return f"Burns {rate_words(rate)} over {span(first.long_s)}, more than {limits}: {what}"


def rate_words(rate: float) -> str:
    """A burn rate as people read it: 0.4×, 1.01×, 14.4×, 250×."""
    digits = 2 if rate < 1.995 else 1 if rate < 99.95 else 0
    text = f"{rate:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text}×"
