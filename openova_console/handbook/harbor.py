"""Registry replication of Harbor: what its policies and their runs say of images that are in one region alone.

Handbook, "Data Replication": minutes. Harbor measures no lag. A scheduled or manual run copies everything that was there
when it began: what may be missing is as old as the beginning of the newest run that succeeded in full. An event-based run
copies one push or deletion: what is missing is what runs that did not succeed carried, and a later success of another
image does not make up for it, only a full run does. Without any run nothing is proven; the metadata (users, projects,
robot accounts) is not replicated at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from openova_console.handbook.replication import Assessment, Hop, Objective, first_unfit, grade, oldest
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import CLOCK_SLACK_S, Judgement, Reading, Verdict, worst

SUCCEED, RUNNING = "Succeed", "InProgress"
"""Harbor's words (src/controller/replication): "Succeed", not "Succeeded"; further ones are Failed and Stopped."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a policy; counts are of artifacts, `ended_at` is None while it runs."""

    id: int
    status: str
    trigger: str
    started_at: datetime
    ended_at: datetime | None
    total: int
    failed: int
    succeeded: int
    in_progress: int
    stopped: int

    @property
    def whole(self) -> bool:
        """Whether it succeeded in full."""
        return self.status == SUCCEED and self.succeeded >= self.total and not self.failed + self.in_progress + self.stopped

    @property
    def full(self) -> bool:
        """Whether it copied everything that the policy names, and not one event's artifact."""
        return self.whole and self.trigger != "event_based" and self.total > 0


@dataclass(frozen=True, slots=True)
class Policy:
    """One replication policy.

    Attributes:
        trigger: event_based, scheduled or manual.
        registry: name of the other registry; `registry_status` is its state as this Harbor last checked it.
        runs: the newest ones, newest first.
        last_whole: the newest that succeeded in full, also when it is older than `runs`.
        runs_total: how many runs there are in all.
    """

    name: str
    enabled: bool
    trigger: str
    direction: Literal["push", "pull"]
    registry: str
    registry_status: str
    runs: tuple[Run, ...]
    last_whole: Run | None
    runs_total: int


@dataclass(frozen=True, slots=True)
class HarborEvidence:
    """What one region says.

    Attributes:
        display: the region's name.
        unhealthy: components that are not healthy; empty when all are.
        policies: those that the settings name, as far as this Harbor has them.
    """

    display: str
    unhealthy: Reading[tuple[str, ...]]
    policies: Reading[tuple[Policy, ...]]


def judge_harbor(
    objective: Objective,
    source: HarborEvidence,
    target: HarborEvidence,
    *,
    wanted: Sequence[str],
    now: datetime,
    budget_s: float,
) -> Assessment:
    """Grade the copies of the primary region's images. `wanted` names the policies that make them."""
    observed_at = oldest([source.unhealthy, source.policies, target.unhealthy, target.policies])
    sick = target.unhealthy.value
    if target.unhealthy.fresh(now, budget_s) and sick:
        sentence = f"{target.display}'s Harbor is unhealthy ({listing(list(sick))}): its copies may not be had"
        return Assessment(Judgement.breach(sentence), observed_at=observed_at)
    ends = [(f"{end.display}'s {what}", reading) for end in (source, target) for what, reading in _readings(end)]
    if unfit := first_unfit(ends, now, budget_s):
        return Assessment(Judgement.unknown(f"Not known, {unfit}"), observed_at=observed_at)
    if source.unhealthy.value:
        sentence = f"{source.display}'s Harbor is unhealthy ({listing(list(source.unhealthy.value))}): "
        return Assessment(Judgement.unknown(sentence + "whether it copies images is not known"), observed_at=observed_at)
    judged = [_find(objective, name, source, target, now) for name in wanted]
    if len(judged) == 1:
        only = judged[0]
        return Assessment(only.judgement, only.lag_s, None, only.transport_up, observed_at)
    verdict = worst(a.judgement.verdict for a in judged)
    leading = next((a for a in judged if a.judgement.verdict is verdict), None)
    if leading is None:
        return Assessment(Judgement.unknown("No policy is named in the settings"), observed_at=observed_at)
    hops = tuple(Hop(name, a.judgement, a.lag_s, observed_at) for name, a in zip(wanted, judged, strict=True))
    lags = [a.lag_s for a in judged]
    lag_s = None if None in lags else max(lag for lag in lags if lag is not None)
    up = all(a.transport_up for a in judged) if all(a.transport_up is not None for a in judged) else None
    return Assessment(leading.judgement, lag_s, None, up, observed_at, hops)


def _readings(end: HarborEvidence) -> tuple[tuple[str, Reading[object]], ...]:
    return ("health", end.unhealthy), ("policies", end.policies)


def _find(objective: Objective, name: str, source: HarborEvidence, target: HarborEvidence, now: datetime) -> Assessment:
    pushes = [p for p in source.policies.value or () if p.name == name and p.direction == "push"]
    pulls = [p for p in target.policies.value or () if p.name == name and p.direction == "pull"]
    policy = next(iter(pushes + pulls), None)
    if policy is None:
        sentence = f"No policy {name!r} pushes from {source.display} or pulls into {target.display}"
        return Assessment(Judgement.unknown(sentence))
    return judge_policy(objective, policy, now)


def judge_policy(objective: Objective, policy: Policy, now: datetime) -> Assessment:
    """Grade one policy by its state and its runs."""
    last = policy.last_whole
    since_s = None if last is None else (now - last.started_at).total_seconds()
    up = policy.registry_status == "healthy"
    newest = [run.started_at for run in (*policy.runs[:1], *([last] if last else []))]
    if any((now - at).total_seconds() < -CLOCK_SLACK_S for at in newest):
        return Assessment(Judgement.unknown(f"The last run of {policy.name} is dated in the future: a clock is wrong"))
    ago = "no run ever succeeded" if since_s is None else f"the last whole run began {span(since_s)} ago"
    if not policy.enabled:
        return Assessment(Judgement.breach(f"The policy {policy.name} is switched off: {ago}"), since_s, None, up)
    if not up:
        state = policy.registry_status or "of unknown state"
        sentence = f"The registry {policy.registry} is {state}: nothing can be copied to it; {ago}"
        if policy.direction == "pull":
            sentence = f"The registry {policy.registry} is {state}: nothing can be copied from it; {ago}"
        return Assessment(Judgement.breach(sentence), since_s, None, False)
    if not policy.runs:
        sentence = f"The policy {policy.name} has never run: whether it copies anything is not known"
        return Assessment(Judgement.unknown(sentence), None, None, up)
    if policy.trigger == "event_based":
        return _by_events(objective, policy, now)
    return _by_full_runs(objective, policy, now)


def _by_full_runs(objective: Objective, policy: Policy, now: datetime) -> Assessment:
    full = next((run for run in policy.runs if run.full), None)
    if full is None and policy.last_whole is not None and policy.last_whole.full:
        full = policy.last_whole
    newest = policy.runs[0]
    if full is None:
        if policy.last_whole is not None:
            sentence = f"Runs of {policy.name} succeed and find nothing to copy: whether they copy anything is not known"
            return Assessment(Judgement.unknown(sentence), None, None, True)
        return Assessment(_never(policy), None, None, True)
    lag_s = max(0.0, (now - full.started_at).total_seconds())
    detail = f"the last whole run copied {full.total} artifacts"
    if newest.id != full.id and not newest.whole:
        detail = f"{_said(newest, now)}; the last whole run before it began {span(lag_s)} ago"
    judged = grade(objective, lag_s, detail)
    if judged.verdict is Verdict.OK and newest.status not in (SUCCEED, RUNNING):
        judged = Judgement.warn(detail[0].upper() + detail[1:])
    return Assessment(judged, lag_s, None, True)


def _by_events(objective: Objective, policy: Policy, now: datetime) -> Assessment:
    """Runs that did not succeed count until a full run has come after them."""
    open_runs: list[Run] = []
    for run in policy.runs:
        if run.full:
            break
        if not run.whole:
            open_runs.append(run)
    if policy.last_whole is None and all(run.status != RUNNING for run in policy.runs):
        return Assessment(_never(policy), None, None, True)
    if not open_runs:
        ended_at = policy.runs[0].ended_at or policy.runs[0].started_at
        detail = f"every push was copied; the last one {span(max(0.0, (now - ended_at).total_seconds()))} ago"
        return Assessment(grade(objective, 0.0, detail), 0.0, None, True)
    lag_s = max(0.0, (now - open_runs[-1].started_at).total_seconds())
    broken = [run for run in open_runs if run.status != RUNNING]
    if not broken:
        return Assessment(grade(objective, lag_s, f"{_said(open_runs[-1], now)}"), lag_s, None, True)
    artifacts = sum(max(run.failed + run.stopped, 0 if run.total else 1) for run in broken)
    what = "1 artifact" if artifacts == 1 else f"{artifacts} artifacts"
    runs = "1 run" if len(broken) == 1 else f"{len(broken)} runs"
    detail = f"{runs} did not succeed ({what}), and no full run has made up for it"
    judged = grade(objective, lag_s, detail)
    if judged.verdict is Verdict.OK:
        judged = Judgement.warn(f"Behind by {span(lag_s)}: {detail}")
    return Assessment(judged, lag_s, None, True)


def _never(policy: Policy) -> Judgement:
    count = f"none of {policy.runs_total}" if policy.runs_total > 1 else "its only run did not succeed, so none"
    return Judgement.breach(f"No run of {policy.name} ever succeeded ({count}): the other region has no copy")


def _said(run: Run, now: datetime) -> str:
    age = span(max(0.0, (now - run.started_at).total_seconds()))
    if run.status == RUNNING:
        return f"a run has been under way for {age}, {run.succeeded} of {run.total} artifacts copied"
    return f"the run of {age} ago is {run.status!r}, {run.failed + run.stopped} of {run.total} artifacts were not copied"
