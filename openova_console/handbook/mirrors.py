"""Does anything carry commits from one Gitea to the other, and does it work? One leg per direction.

A push mirror belongs to the side that sends, a pull mirror to the side that receives (and accepts no commits of its own).
`last_update` of a push mirror and `mirror_updated` of a pull mirror move on failure too (seen on Gitea 1.26). A push mirror
then has an error; a pull mirror shows nothing at all, so that only the heads prove it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Hop, Objective
from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading, Verdict, worst


@dataclass(frozen=True, slots=True)
class PushMirror:
    """A mirror that sends.

    Attributes:
        target: host that it sends to.
        updated_at: when it last ran, well or not; None when it never did.
        error: what went wrong then, redacted; empty when nothing did.
        interval_s: seconds between two runs; 0 never runs by itself.
        on_commit: it also runs after every push.
    """

    target: str
    updated_at: datetime | None
    error: str
    interval_s: float
    on_commit: bool


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The mirrors of one repository on one side; `push` is None when they could not be listed, and `why` says why."""

    pull: bool
    pull_updated_at: datetime | None = None
    pull_interval_s: float = 0.0
    push: tuple[PushMirror, ...] | None = ()
    why: str = ""


Row = tuple[str, Reading[Mirrors], Reading[Mirrors]]
"""A repository, its mirrors in the primary region, and in the DR region."""


def mirror_hops(
    objective: Objective, primary: str, standby: str, rows: Sequence[Row], *, now: datetime, budget_s: float
) -> list[Hop]:
    """Both directions as legs; without any mirror towards the DR region nothing is known to be carried."""
    there = [(name, here, other) for name, here, other in rows]
    back = [(name, other, here) for name, here, other in rows]
    return [
        _hop(objective, primary, standby, there, now, budget_s, needed=True),
        _hop(objective, standby, primary, back, now, budget_s, needed=False),
    ]


def _hop(
    objective: Objective, sender: str, receiver: str, rows: Sequence[Row], now: datetime, budget_s: float, *, needed: bool
) -> Hop:
    name = f"Mirror {sender} → {receiver}"
    observed = [r.observed_at for _, *both in rows for r in both if r.observed_at is not None]
    judged = [_judge(objective, row, (sender, receiver), now, budget_s, needed) for row in rows]
    verdict = worst(found.verdict for found in judged)
    first = next((found for found in judged if found.verdict is verdict), Judgement.unknown("No repository is compared"))
    return Hop(name, first, None, min(observed, default=None))


def _judge(objective: Objective, row: Row, regions: tuple[str, str], now: datetime, budget_s: float, needed: bool) -> Judgement:
    name, sends, receives = row
    for region, reading in zip(regions, (sends, receives), strict=True):
        if why := reading.why_not_fresh(now, budget_s):
            whose = "" if why.startswith(region) else f"{region}'s Gitea: "
            return Judgement.unknown(f"Not known, {whose}{why}")
    here, there = sends.value, receives.value
    if here is None or there is None:
        raise AssertionError("a fresh reading has a value")
    if there.pull:
        return _pull(objective, name, regions[1], there, now)
    if here.push is None:
        return Judgement.unknown(f"Not known whether {name} is mirrored: {here.why}")
    if not here.push:
        return _none(name, regions, here, needed)
    found = [_push(objective, name, mirror, now) for mirror in here.push]
    verdict = worst(one.verdict for one in found)
    first = next(one for one in found if one.verdict is verdict)
    # Back from the DR region nothing is lost with the primary: it matters once the DR region takes commits.
    return first if needed or verdict is not Verdict.BREACH else Judgement.warn(first.sentence)


def _none(name: str, regions: tuple[str, str], here: Mirrors, needed: bool) -> Judgement:
    sentence = f"Nothing carries commits of {name} from {regions[0]} to {regions[1]}: there is no mirror"
    if needed:
        return Judgement.unknown(sentence)
    return Judgement.ok(f"{regions[0]} pulls {name} and takes no commits of its own") if here.pull else Judgement.warn(sentence)


def _push(objective: Objective, name: str, mirror: PushMirror, now: datetime) -> Judgement:
    if mirror.error:
        return Judgement.breach(f"The mirror of {name} to {mirror.target} fails: {mirror.error}")
    if not mirror.interval_s and not mirror.on_commit:
        return Judgement.warn(f"The mirror of {name} to {mirror.target} runs only by hand")
    if mirror.updated_at is None:
        return Judgement.unknown(f"The mirror of {name} to {mirror.target} has not run yet")
    age_s = max(0.0, (now - mirror.updated_at).total_seconds())
    if mirror.interval_s and age_s > 2 * mirror.interval_s + objective.warn_s:
        due = f"it should every {span(mirror.interval_s)}"
        return Judgement.warn(f"The mirror of {name} to {mirror.target} has not run for {span(age_s)}: {due}")
    return Judgement.ok(f"{name} is pushed to {mirror.target}; the last run, {span(age_s)} ago, had no error")


def _pull(objective: Objective, name: str, region: str, mirrors: Mirrors, now: datetime) -> Judgement:
    if mirrors.pull_updated_at is None:
        return Judgement.unknown(f"{region} has not pulled {name} yet")
    age_s = max(0.0, (now - mirrors.pull_updated_at).total_seconds())
    if not mirrors.pull_interval_s:
        return Judgement.warn(f"{region} pulls {name} only by hand, last {span(age_s)} ago")
    if age_s > 2 * mirrors.pull_interval_s + objective.warn_s:
        sentence = f"{region} has not tried to pull {name} for {span(age_s)}: it should every {span(mirrors.pull_interval_s)}"
        return Judgement.breach(sentence) if age_s > objective.breach_s else Judgement.warn(sentence)
    return Judgement.ok(f"{region} pulls {name}, last tried {span(age_s)} ago")
