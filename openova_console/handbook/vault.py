"""Do both vaults hold the same secrets? ESO PushSecrets write to both; neither vault replicates to the other.

Two vaults count versions independently, so equal version numbers prove nothing. Equality is what the rotation leaves in
KV v2 `custom_metadata` of both: a rotation id and a keyed fingerprint of the value. Without them it is unproven, whatever
else looks well. Values are never read.

How long a difference has lasted follows from the two vaults alone: it began with the first version that the newer one
took after the older one's last write. A difference younger than the objective may still be on its way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from openova_console.handbook.push_secrets import PushSecret, judge_store, stores_of
from openova_console.handbook.replication import Assessment, Hop, Objective
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import CLOCK_SLACK_S, Judgement, Reading, Verdict, worst


class VaultState(StrEnum):
    """What `sys/health` says of the node that answers (Vault and OpenBao, API reference, /sys/health)."""

    ACTIVE = "active"
    STANDBY = "standby"
    PERFORMANCE_STANDBY = "performance standby"
    CUT_STANDBY = "standby that cannot reach its active node"
    DR_SECONDARY = "DR secondary"
    UNINITIALISED = "not initialised"
    SEALED = "sealed"
    REMOVED = "removed from its cluster"


USABLE = frozenset({VaultState.ACTIVE, VaultState.STANDBY, VaultState.PERFORMANCE_STANDBY})
"""A standby forwards to its active node; a performance standby reads by itself and forwards writes."""


@dataclass(frozen=True, slots=True)
class SecretMark:
    """What one vault says of one secret, without its value.

    Attributes:
        exists: False when the path is not there, or its newest version is deleted.
        rotation_id, fingerprint: from `custom_metadata`; empty when they are not there.
        written: when each version that is kept was written, oldest first.
    """

    exists: bool
    rotation_id: str = ""
    fingerprint: str = field(default="", repr=False)
    written: tuple[datetime, ...] = ()

    @property
    def proves(self) -> bool:
        """Whether it carries both halves of the proof."""
        return bool(self.rotation_id and self.fingerprint)


@dataclass(frozen=True, slots=True)
class VaultEvidence:
    """What one region's vault says; `secrets` by remote key, dated by the answer."""

    state: Reading[VaultState]
    secrets: Mapping[str, Reading[SecretMark]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VaultSide:
    """One region in the comparison.

    Attributes:
        region: display name.
        vault: None when nothing was read yet.
        pushes: the PushSecrets of its cluster.
        store: name of the SecretStore that leads to this region's vault; empty when the settings do not say.
    """

    region: str
    vault: VaultEvidence | None
    pushes: Reading[Sequence[PushSecret]]
    store: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One secret in both vaults, judged; `lag_s` is set when they differ."""

    judgement: Judgement
    lag_s: float | None = None


def judge_vault(
    objective: Objective, primary: VaultSide, standby: VaultSide, *, now: datetime, budget_s: float, push_budget_s: float
) -> Assessment:
    """Grade the secrets of both vaults.

    Args:
        budget_s, push_budget_s: how old a vault's answer and the PushSecrets may be, in seconds.

    Returns:
        Never OK unless both vaults are usable, every secret that is pushed is proven equal, and every push reaches both.
    """
    sides = (primary, standby)
    vaults = [_vault_hop(side, now, budget_s) for side in sides]
    compared = compare(objective, primary, standby, now=now, budget_s=budget_s, push_budget_s=push_budget_s)
    down = {side.store: hop.judgement.sentence for side, hop in zip(sides, vaults, strict=True) if _bad(hop) and side.store}
    pushes = [hop for side in sides for hop in _push_hops(objective, side, sides, down, now, push_budget_s)]
    hops = (*vaults, *pushes, compared)
    verdict = worst(hop.judgement.verdict for hop in hops)
    telling = next(h for h in (*vaults, compared, *pushes) if h.judgement.verdict is verdict)
    observed = [hop.observed_at for hop in hops if hop.observed_at is not None]
    return Assessment(
        telling.judgement if verdict is not Verdict.OK else compared.judgement,
        compared.lag_s,
        None,
        _transport(vaults, pushes),
        min(observed, default=None),
        hops,
    )


def _bad(hop: Hop) -> bool:
    return hop.judgement.verdict is not Verdict.OK


def _transport(vaults: Sequence[Hop], pushes: Sequence[Hop]) -> bool | None:
    verdicts = {hop.judgement.verdict for hop in (*vaults, *pushes)}
    if Verdict.BREACH in verdicts:
        return False
    return None if Verdict.UNKNOWN in verdicts else True


def _vault_hop(side: VaultSide, now: datetime, budget_s: float) -> Hop:
    name = f"{side.region}'s vault"
    state = side.vault.state if side.vault else Reading[VaultState].missing("text", name, "nothing was read yet")
    if why := state.why_not_fresh(now, budget_s):
        return Hop(name, Judgement.unknown(f"Not known, {name}: {why}"), None, state.observed_at)
    if state.value not in USABLE:
        why = f"{name} is {_a(state.value)}: no secret can be read there, and none arrives"
        return Hop(name, Judgement.breach(why), None, state.observed_at)
    answers = "answers" if state.value is VaultState.ACTIVE else f"answers through a {state.value}"
    return Hop(name, Judgement.ok(f"Unsealed, {answers}"), None, state.observed_at)


def _a(state: VaultState | None) -> str:
    return f"a {state}" if state in (VaultState.CUT_STANDBY, VaultState.DR_SECONDARY) else f"{state}"


def _push_hops(
    objective: Objective, side: VaultSide, sides: Sequence[VaultSide], down: Mapping[str, str], now: datetime, budget_s: float
) -> Iterable[Hop]:
    if why := side.pushes.why_not_fresh(now, budget_s):
        name = f"{side.region}'s PushSecrets"
        yield Hop(name, Judgement.unknown(f"Not known, {name}: {why}"), None, side.pushes.observed_at)
        return
    pushes = side.pushes.value or ()
    named = tuple(s.store for s in sides if s.store)
    wanted = named if len(named) == len(sides) else stores_of(pushes)
    mine = [push for push in pushes if push.by_label or not named or set(push.stores) & set(wanted)]
    if len(wanted) < len(sides):
        sentence = f"{side.region} pushes to {listing(list(wanted)) or 'no store'} only: both vaults should receive"
        yield Hop(f"{side.region}'s PushSecrets", Judgement.breach(sentence), None, side.pushes.observed_at)
        return
    for store in wanted:
        yield judge_store(
            objective, side.region, mine, store, down=down.get(store, ""), observed_at=side.pushes.observed_at, now=now
        )


def keys_of(sides: Iterable[VaultSide]) -> tuple[str, ...]:
    """The remote keys to compare: what any PushSecret of either region writes."""
    return tuple(sorted({key for side in sides for push in side.pushes.value or () for key in push.keys}))


def compare(
    objective: Objective, primary: VaultSide, standby: VaultSide, *, now: datetime, budget_s: float, push_budget_s: float
) -> Hop:
    """Every pushed secret in both vaults as one leg; the worst pair speaks."""
    name, keys = "Same in both vaults", keys_of((primary, standby))
    if not keys:
        why = "no PushSecret says which"
        return Hop(name, Judgement.unknown(f"Not known which secrets to compare: {why}"))
    pairs, observed = [], []
    for key in keys:
        here, there = (_mark(side, key) for side in (primary, standby))
        observed += [r.observed_at for r in (here, there) if r.observed_at is not None]
        pairs.append(_judge_pair(objective, key, (primary.region, here), (standby.region, there), now, budget_s))
    verdict = worst(pair.judgement.verdict for pair in pairs)
    bad = [pair for pair in pairs if pair.judgement.verdict is verdict]
    lags = [pair.lag_s for pair in pairs if pair.lag_s is not None]
    at = min(observed, default=None)
    if verdict is Verdict.OK:
        count = "The secret is" if len(keys) == 1 else f"All {len(keys)} secrets are"
        return Hop(name, Judgement.ok(f"{count} the same in both vaults, by rotation id and fingerprint"), 0.0, at)
    sentence = bad[0].judgement.sentence + (f" (and {len(bad) - 1} more of {len(keys)})" if len(bad) > 1 else "")
    return Hop(name, Judgement(verdict, sentence), max(lags, default=None), at)


def _mark(side: VaultSide, key: str) -> Reading[SecretMark]:
    source = f"{side.region}'s vault: {key}"
    found = side.vault.secrets.get(key) if side.vault else None
    return found or Reading[SecretMark].missing("text", source, "nothing was read yet")


def _judge_pair(
    objective: Objective,
    key: str,
    one: tuple[str, Reading[SecretMark]],
    two: tuple[str, Reading[SecretMark]],
    now: datetime,
    budget_s: float,
) -> Pair:
    for region, reading in (one, two):
        if why := reading.why_not_fresh(now, budget_s):
            whose = "" if why.startswith(region) else f"{region}'s vault: "
            return Pair(Judgement.unknown(f"Not known whether {key} is the same, {whose}{why}"))
    a, b, seen = one[1].value, two[1].value, _both_seen(one[1], two[1])
    if a is None or b is None:
        raise AssertionError("a fresh reading has a value")
    if not a.exists and not b.exists:
        return Pair(Judgement.breach(f"{key} is in neither vault although it is pushed to both"))
    if a.exists != b.exists:
        there = a if a.exists else b
        lacking = two[0] if a.exists else one[0]
        return _apart(objective, f"{key} is missing in {lacking}'s vault", there.written[:1], seen, now)
    if not (a.proves and b.proves):
        where = listing([region for region, mark in ((one[0], a), (two[0], b)) if not mark.proves])
        sentence = f"Equality unproven: {key} has no rotation id and fingerprint in the vault of {where}"
        return Pair(Judgement.unknown(sentence))
    if (a.rotation_id, a.fingerprint) == (b.rotation_id, b.fingerprint):
        return Pair(Judgement.ok(f"{key} is the same"), None)
    return _apart(objective, f"{key} differs between the two vaults", _since(a, b), seen, now)


def _both_seen(one: Reading[SecretMark], two: Reading[SecretMark]) -> datetime | None:
    """The instant up to which both vaults were read: a change after it may have reached the other meanwhile."""
    seen = [r.observed_at for r in (one, two) if r.observed_at is not None]
    return min(seen, default=None)


def _since(a: SecretMark, b: SecretMark) -> tuple[datetime, ...]:
    """The first write of the newer vault after the older one's last; empty when the vaults do not say."""
    if not a.written or not b.written:
        return ()
    older, newer = sorted((a, b), key=lambda mark: mark.written[-1])
    border = older.written[-1] + timedelta(seconds=CLOCK_SLACK_S)
    return tuple(at for at in newer.written if at > border)[:1] or newer.written[-1:]


def _apart(objective: Objective, what: str, since: tuple[datetime, ...], seen: datetime | None, now: datetime) -> Pair:
    if not since or seen is None:
        return Pair(Judgement.breach(f"{what}; since when is not known"))
    lag_s = max(0.0, (now - since[0]).total_seconds())
    if (seen - since[0]).total_seconds() <= objective.warn_s:
        return Pair(Judgement.warn(f"{what}: written {span(lag_s)} ago, it may be on its way"), lag_s)
    return Pair(Judgement.breach(f"{what} for {span(lag_s)}"), lag_s)
