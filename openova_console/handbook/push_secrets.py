"""Do the PushSecrets of one region reach a store? One object pushes one Kubernetes Secret into several stores.

External Secrets Operator (external-secrets.io/v1alpha1): `refreshTime` is one for the whole object and moves only when
every store took the push; a store that took none is missing from `syncedPushSecrets`, one that took an earlier push
stays listed while later ones fail. So Ready=True and a fresh time say nothing about a store that is not listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Hop, Objective
from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Verdict, worst


@dataclass(frozen=True, slots=True)
class PushSecret:
    """One PushSecret.

    Attributes:
        stores: names of the stores in `spec.secretStoreRefs`.
        by_label: a reference chooses stores by label, so that `stores` is not the whole list.
        keys: remote keys that it writes.
        synced: remote keys that each store has taken, by the store's name.
        ready: its Ready condition; None when there is none yet.
        reason: the condition's reason, e.g. "Synced" or "Errored".
        failing_stores: stores that the condition's message names.
        changed_at: since when the condition stands.
        refreshed_at: `status.refreshTime`, the last time that every store took the push.
        interval_s: `spec.refreshInterval`; 0 pushes only when the object changes.
    """

    namespace: str
    name: str
    stores: tuple[str, ...]
    by_label: bool
    keys: tuple[str, ...]
    synced: Mapping[str, frozenset[str]]
    ready: bool | None
    reason: str
    failing_stores: tuple[str, ...]
    changed_at: datetime | None
    refreshed_at: datetime | None
    interval_s: float

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


def stores_of(pushes: Sequence[PushSecret]) -> tuple[str, ...]:
    """Every store that any of them names or has reached, in order."""
    return tuple(sorted({store for push in pushes for store in (*push.stores, *push.synced)}))


def judge_push(objective: Objective, push: PushSecret, store: str, now: datetime) -> Judgement:
    """One PushSecret and one store that it must reach.

    A push that fails is unknown first (whether the Kubernetes Secret has changed since is not known from here), and a
    breach once it has lasted longer than the objective's limit. A store that is not listed was never reached: a breach.
    """
    if store not in push.stores and not push.by_label:
        return Judgement.breach(f"{push.title} does not push to {store}")
    missing = [key for key in push.keys if key not in push.synced.get(store, frozenset())]
    if missing or store not in push.synced:
        return Judgement.breach(f"{push.title} has not reached {store}: it is not in syncedPushSecrets")
    if push.ready is not True and store in (push.failing_stores or (store,)):
        return _failing(objective, push, now)
    if push.refreshed_at is None:
        return Judgement.unknown(f"{push.title} does not say when it last pushed")
    late_s = (now - push.refreshed_at).total_seconds() - push.interval_s
    if push.interval_s and late_s > objective.warn_s:
        sentence = f"{push.title} is {span(late_s)} late: it should push every {span(push.interval_s)}"
        return Judgement.breach(sentence) if late_s > objective.breach_s else Judgement.warn(sentence)
    return Judgement.ok(f"{push.title} is pushed")


def _failing(objective: Objective, push: PushSecret, now: datetime) -> Judgement:
    if push.ready is None:
        return Judgement.unknown(f"{push.title} has no Ready condition yet")
    long_s = (now - push.changed_at).total_seconds() if push.changed_at else None
    since = f" for {span(max(0.0, long_s))}" if long_s is not None else ""
    sentence = f"{push.title} is {push.reason or 'not ready'}{since}: a newer value may not have left its region"
    return Judgement.breach(sentence) if long_s is not None and long_s > objective.breach_s else Judgement.unknown(sentence)


def judge_store(
    objective: Objective,
    region: str,
    pushes: Sequence[PushSecret],
    store: str,
    *,
    down: str,
    observed_at: datetime | None,
    now: datetime,
) -> Hop:
    """All pushes of one region to one store as a leg.

    Args:
        region: display name of the region that pushes.
        down: why the vault behind the store takes nothing now; empty while it does. A failed push is then expected: the
            leg is unknown and says so.
    """
    name = f"{region} → {store}"
    if not pushes:
        return Hop(name, Judgement.unknown(f"{region} has no PushSecret: nothing is pushed to {store}"), None, observed_at)
    judged = [judge_push(objective, push, store, now) for push in pushes]
    bad = [found for found in judged if found.verdict is not Verdict.OK]
    if not bad:
        newest = max((p.refreshed_at for p in pushes if p.refreshed_at), default=None)
        ago = f", last {span(max(0.0, (now - newest).total_seconds()))} ago" if newest else ""
        every = "The secret is" if len(pushes) == 1 else f"All {len(pushes)} secrets are"
        return Hop(name, Judgement.ok(f"{every} pushed{ago}"), None, observed_at)
    verdict = worst(found.verdict for found in bad)
    if down:
        sentence = f"{len(bad)} of {len(pushes)} pushes wait, as expected: {down}"
        return Hop(name, Judgement.unknown(sentence), None, observed_at)
    first = next(found for found in bad if found.verdict is verdict)
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return Hop(name, Judgement(verdict, f"{first.sentence}{more}"), None, observed_at)
