"""Canaries by Flagger: how far a release is, whether it is well, when it is promoted, how fast it could be taken back.

Handbook, "Progressive Delivery": automatic canary analysis with automatic rollback on metric degradation. Figures follow
Flagger 1.44 (`pkg/controller/scheduler.go`), which acts once per `interval` ("tick"):

- The share of traffic is read from the HTTPRoute. `status.canaryWeight` is 0 in WaitingPromotion and Promoting while the
  route still sends traffic to the canary, and 0 again after success and after failure.
- From the maximum weight on three ticks are left: copy the spec (Promoting), route to the primary (Finalising), scale down
  (Succeeded). Blue/green routes everything once before that.
- Failed checks add up over the whole analysis. The tick after the one that reaches the threshold rolls back. So a release that
  turns bad right after a good check is taken back after (checks left + 1) intervals, and a metric shows a lasting fault after its
  whole window at the latest: both together are the worst case.
- `lastTransitionTime` moves with every tick in Progressing, WaitingPromotion and Failed; a wait or a failure began when the
  condition Promoted says.
- A suspended canary is not looked at at all: it is neither promoted nor rolled back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openova_console.handbook.canary import RESTING, RUNNING, TOTAL, WORDS, Canary, Phase, Plan
from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading

SETTLE_S = 5.0
"""Canary and route are two objects, read by two watches: so long they may disagree after a step."""
_TICKING = frozenset({Phase.INITIALIZING, Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FINALISING})
_CHECKED = frozenset({Phase.PROGRESSING, Phase.WAITING_PROMOTION})


@dataclass(frozen=True, slots=True)
class Progress:
    """One Canary, judged.

    Attributes:
        word: the phase in plain words.
        running: a release is on its way.
        weight: percent of traffic that the new version has now; None when not known.
        done: share of the way to the greatest weight or the last iteration, 0 to 1; None when not known.
        eta_s: seconds until it is promoted if every check passes; None when it waits, rests or is not known.
        eta: the same in words, or what it depends on.
        eta_at: the instant that `eta_s` leads to; stays the same between two ticks.
        rollback_s: seconds until it would be taken back, at worst; None when it would not be by itself.
        rollback: the same in words.
    """

    judgement: Judgement
    word: str
    running: bool
    weight: int | None
    done: float | None
    eta_s: float | None
    eta: str
    eta_at: datetime | None
    rollback_s: float | None
    rollback: str
    observed_at: datetime | None


def judge_canary(canary: Canary, *, observed_at: datetime | None, now: datetime, patience_s: float) -> Progress:
    """Grade one Canary that was read freshly.

    Args:
        observed_at: when the server last confirmed what is judged.
        patience_s: seconds that a release may wait for approval before somebody should look.
    """
    try:
        phase = Phase(canary.phase)
    except ValueError:
        said = f"Flagger says {canary.phase!r}, a phase that is not known" if canary.phase else "Flagger has not seen it yet"
        return _unjudged(Judgement.unknown(said), "Unknown", observed_at)
    weight, problem = _weight(canary, phase, now)
    if phase is Phase.FAILED:
        judgement = _failed(canary, weight, problem, now)
    elif problem:
        judgement = Judgement.unknown(f"{WORDS[phase]}, but {problem}")
    else:
        judgement = _judge(canary, phase, weight, now, patience_s)
    eta_at, eta = _eta(canary, phase, weight, now)
    eta_s = None if eta_at is None else (eta_at - now).total_seconds()
    rollback_s, rollback = _rollback(canary, phase)
    word = f"{WORDS[phase]}, suspended" if canary.suspended else WORDS[phase]
    running = phase in RUNNING
    done = _done(canary, phase, weight) if running else None
    return Progress(judgement, word, running, weight, done, eta_s, eta, eta_at, rollback_s, rollback, observed_at)


def unread(reading: Reading[object], *, now: datetime, budget_s: float) -> Progress:
    """What can be said of a Canary whose region was not read freshly."""
    said = f"Not known, {reading.why_not_fresh(now, budget_s) or 'nothing was read yet'}"
    return _unjudged(Judgement.unknown(said), "Unknown", reading.observed_at)


def unreadable(sentence: str, *, observed_at: datetime | None) -> Progress:
    """What can be said of a Canary that is there and cannot be read."""
    return _unjudged(Judgement.unknown(sentence), "Unknown", observed_at)


def _unjudged(judgement: Judgement, word: str, observed_at: datetime | None) -> Progress:
    return Progress(judgement, word, False, None, None, None, "unknown", None, None, "unknown", observed_at)


def _weight(canary: Canary, phase: Phase, now: datetime) -> tuple[int | None, str]:
    """Percent of traffic on the canary and, when it cannot be believed, why."""
    if phase in (Phase.INITIALIZING, Phase.TERMINATING, Phase.TERMINATED):
        return (canary.route.canary if canary.route else None), ""
    if canary.route is None:
        # Without a route Flagger's own figure is all there is; it is set back to 0 from WaitingPromotion on.
        unset = phase in (Phase.WAITING_PROMOTION, Phase.PROMOTING) or canary.plan.iterations
        return (None if unset else canary.status_weight), ""
    weight, problem = canary.route.canary, canary.route.problem
    if problem or weight is None:
        return None, problem or "the route does not say how traffic is divided"
    moved_s = _since(canary.moved_at, now)
    if canary.route.behind and (moved_s is None or moved_s > SETTLE_S):
        return None, "a gateway still serves an older state of its HTTPRoute"
    since_s = _since(canary.since or canary.moved_at, now)
    settled = since_s is None or since_s > SETTLE_S
    if phase in RESTING and weight and settled:
        return None, f"the route sends {weight} % of the traffic to the canary"
    if phase is Phase.FAILED and weight not in (0, canary.status_weight) and settled:
        return None, f"the route still sends {weight} % of the traffic to the canary"
    return weight, ""


def _judge(canary: Canary, phase: Phase, weight: int | None, now: datetime, patience_s: float) -> Judgement:
    share = f"{weight} % of the traffic is on the new version" if weight else "no traffic is on the new version"
    if weight is None:
        share = "how much traffic is on the new version is not known"
    since_s = _since(canary.since or canary.moved_at, now)
    for_ = f" for {_long(since_s)}" if since_s is not None else ""
    if canary.suspended and phase in RUNNING:
        return Judgement.warn(f"Suspended in the middle of a release: {share}, and nothing promotes it or rolls it back")
    if canary.suspended:
        return Judgement.warn("Suspended: a new version is not released until it is resumed")
    if stuck := _stuck(canary, phase, share, now):
        return stuck
    if phase in _CHECKED and canary.failed:
        return _failing(canary, share)
    if phase in (Phase.WAITING, Phase.WAITING_PROMOTION):
        what = "to start" if phase is Phase.WAITING else "to be promoted"
        waits = f"Waits for approval {what}{for_}; {share}"
        return Judgement.warn(waits) if since_s is not None and since_s > patience_s else Judgement.ok(waits)
    if phase is Phase.PROGRESSING and not canary.plan.skip and not (canary.plan.bounds or canary.plan.checks):
        return Judgement.warn(f"Progressing without a single check: {share}, and nothing would roll it back")
    return _calm(canary, phase, share, for_)


def _failed(canary: Canary, weight: int | None, problem: str, now: datetime) -> Judgement:
    since_s = _since(canary.since or canary.moved_at, now)
    ago = f" {_long(since_s)} ago" if since_s is not None else ""
    if problem or weight is None:
        sentence = f"The release failed{ago}, and {problem or 'where the traffic goes is not known'}"
    elif weight and weight == canary.status_weight:
        sentence = f"The promotion failed{ago}: the primary is not ready, so {weight} % of the traffic is on the canary"
    else:
        sentence = f"The release was rolled back{ago}; the version before it serves all traffic"
    return Judgement.breach(f"{sentence}. Flagger: {canary.message}" if canary.message else sentence)


def _failing(canary: Canary, share: str) -> Judgement:
    counted = f"{canary.failed} of {canary.plan.threshold} checks have failed: {share}"
    if canary.failed >= canary.plan.threshold:
        return Judgement.breach(f"{counted}; it is rolled back at the next check")
    return Judgement.warn(f"{counted}; {canary.plan.threshold - canary.failed} more and it is rolled back")


def _stuck(canary: Canary, phase: Phase, share: str, now: datetime) -> Judgement | None:
    """Nothing has moved for longer than the deadline, though every tick should have left a trace."""
    still_s = _since(canary.moved_at, now)
    limit_s = max(canary.deadline_s, 3 * canary.plan.interval_s)
    if phase not in _TICKING or still_s is None or still_s <= limit_s:
        return None
    held = f"Nothing has moved for {_long(still_s)}, the deadline is {span(limit_s)}"
    if phase is Phase.PROGRESSING and "confirm-traffic-increase" in canary.plan.gates:
        return Judgement.warn(f"{held}: it may wait for approval to take more traffic; {share}")
    if phase is Phase.INITIALIZING:
        return Judgement.breach(f"{held}: the primary does not become ready, or Flagger is down")
    return Judgement.breach(f"{held}: Flagger may be down, then nothing rolls this back; {share}")


def _calm(canary: Canary, phase: Phase, share: str, for_: str) -> Judgement:
    step = f", check {canary.iterations} of {canary.plan.iterations}" if canary.plan.iterations else ""
    sentences = {
        Phase.INITIALIZING: f"Flagger is setting it up{for_}",
        Phase.INITIALIZED: "Ready: no release has run yet",
        Phase.PROGRESSING: f"No check has failed{step}; {share}",
        Phase.PROMOTING: f"The analysis passed; the primary takes the new version, {share}",
        Phase.FINALISING: "Promoted; all traffic is on the primary again",
        Phase.SUCCEEDED: "The newest version serves all traffic",
    }
    if phase in sentences:
        return Judgement.ok(sentences[phase])
    return Judgement.warn(f"The canary is {WORDS[phase].lower()}: releases are no longer analysed")


def _long(seconds: float) -> str:
    """A span in whole minutes: a sentence that changes every second would be sent every second."""
    return span(seconds // 60 * 60) if seconds >= 60 else "less than a minute"


def _since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def _done(canary: Canary, phase: Phase, weight: int | None) -> float | None:
    if phase in (Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FINALISING):
        return 1.0
    if canary.plan.iterations:
        return min(1.0, max(0, canary.iterations) / canary.plan.iterations)
    return None if weight is None else min(1.0, weight / canary.plan.top)


def ticks_left(plan: Plan, phase: Phase, weight: int | None, iterations: int) -> int | None:
    """Ticks until Succeeded if every check passes and every gate is open; None when there is no way to know."""
    back = math.ceil((weight or TOTAL) / plan.promotion_step) if plan.promotion_step else 1
    after = {Phase.FINALISING: 1, Phase.PROMOTING: back + 1, Phase.WAITING_PROMOTION: back + 2}
    if phase in after:
        return after[phase]
    if phase not in (Phase.PROGRESSING, Phase.WAITING):
        return None
    start = 1 if phase is Phase.WAITING else 0
    if plan.skip:
        return start + 1
    if plan.iterations:
        routed = 1 if plan.strategy == "blue/green" else 0
        return start + max(0, plan.iterations + routed - max(0, iterations)) + back + 2
    if weight is None:
        return None
    mirrored = 1 if plan.mirror and weight == 0 else 0
    return start + mirrored + _steps(plan.weights, weight) + back + 2


def _steps(weights: Sequence[int], weight: int) -> int:
    return sum(1 for step in weights if step > weight)


def _eta(canary: Canary, phase: Phase, weight: int | None, now: datetime) -> tuple[datetime | None, str]:
    """When it is promoted if every check passes, and how that is said."""
    if phase not in RUNNING:
        return None, "–"
    ticks = ticks_left(canary.plan, phase, weight, canary.iterations)
    if ticks is None:
        return None, "unknown"
    if canary.suspended:
        return None, "suspended"
    interval = timedelta(seconds=canary.plan.interval_s)
    if phase in (Phase.WAITING, Phase.WAITING_PROMOTION):
        return None, f"{span((ticks * interval).total_seconds())} after approval"
    # Ticks count from the last one; one that is late is due now.
    last = min(now, max(canary.moved_at or now, now - interval))
    at = last + ticks * interval
    return at, f"in {span((at - now).total_seconds())}"


def _rollback(canary: Canary, phase: Phase) -> tuple[float | None, str]:
    """See the module. Only while checks are made; before there is nothing to take back, afterwards nothing takes it back."""
    if phase not in _CHECKED:
        late = phase in (Phase.PROMOTING, Phase.FINALISING)
        return None, "no longer: it is being promoted" if late else "–"
    if canary.suspended:
        return None, "never while suspended"
    plan = canary.plan
    if plan.skip or not (plan.bounds or plan.checks):
        return None, "never by itself: nothing is checked"
    left = max(0, plan.threshold - canary.failed)
    window = max((bound.window_s for bound in plan.bounds), default=0.0)
    worst = (left + 1) * plan.interval_s + (window if left else 0.0)
    return worst, f"≤ {span(worst)}"
