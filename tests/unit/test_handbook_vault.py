"""The Vault row: every state of a node, every way in which two vaults and their PushSecrets can disagree."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.push_secrets import PushSecret, judge_push
from openova_console.handbook.replication import Assessment, Objective, Service
from openova_console.handbook.vault import USABLE, SecretMark, VaultEvidence, VaultSide, VaultState, judge_vault
from openova_console.handbook.words import Reading, Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

GOAL = Objective(Service.VAULT, 60, 3600)
ONE, TWO = "vault-1", "vault-2"
KEY = "databases/app"


def push(**changes) -> PushSecret:
    keys = frozenset({KEY})
    well = PushSecret(
        "databases", "push-app", (ONE, TWO), False, (KEY,), {ONE: keys, TWO: keys}, True, "Synced", (), ago(9000), ago(600), 3600
    )
    return replace(well, **changes)


def mark(number: int = 3, *, written=(90000, 5000), **changes) -> SecretMark:
    return replace(SecretMark(True, f"app-{number}", f"{number:064x}", tuple(ago(age) for age in written)), **changes)


def side(region: str, found: SecretMark | Reading, *pushes: PushSecret, state=VaultState.ACTIVE, age_s: float = 1) -> VaultSide:
    secret = found if isinstance(found, Reading) else reading(found, age_s=age_s)
    evidence = VaultEvidence(reading(state, age_s=age_s), {KEY: secret})
    store = ONE if region == "Region 1" else TWO
    return VaultSide(region, evidence, reading(pushes or (push(),)), store)


def judged(one: VaultSide, two: VaultSide) -> Assessment:
    return judge_vault(GOAL, one, two, now=NOW, budget_s=120, push_budget_s=45)


def both(one: SecretMark | Reading, two: SecretMark | Reading, *pushes: PushSecret) -> Assessment:
    return judged(side("Region 1", one, *pushes), side("Region 2", two, *pushes))


def test_two_equal_vaults_are_ok():
    found = both(mark(), mark(written=(80000, 4999)))
    assert found.judgement.verdict is Verdict.OK
    assert found.judgement.sentence == "The secret is the same in both vaults, by rotation id and fingerprint"
    assert (found.lag_s, found.transport_up) == (0.0, True)
    assert len(found.hops) == 7


@pytest.mark.parametrize("state", VaultState)
@pytest.mark.parametrize("region", ["Region 1", "Region 2"])
def test_every_state_of_a_node(state, region):
    states = {"Region 1": VaultState.ACTIVE, "Region 2": VaultState.ACTIVE, region: state}
    found = judged(*(side(name, mark(), state=states[name]) for name in ("Region 1", "Region 2")))
    assert found.judgement.verdict is (Verdict.OK if state in USABLE else Verdict.BREACH)
    if state not in USABLE:
        assert found.judgement.sentence.startswith(f"{region}'s vault is ")
        assert str(state) in found.judgement.sentence
        assert found.transport_up is False


@pytest.mark.parametrize("which", [0, 1])
def test_a_vault_that_is_not_read_is_unknown(which):
    sides = [side("Region 1", mark()), side("Region 2", mark())]
    sides[which] = replace(sides[which], vault=None)
    found = judged(*sides)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence == f"Not known, Region {which + 1}'s vault: nothing was read yet"
    assert found.lag_s is None


def test_a_stale_vault_is_unknown():
    found = judged(side("Region 1", mark(), age_s=500), side("Region 2", mark()))
    assert "the last sample is 8 min 20 s old" in found.judgement.sentence


def test_a_push_to_a_vault_that_is_down_waits_as_expected():
    waiting = push(ready=False, reason="Errored", failing_stores=(TWO,), changed_at=ago(7200))
    two = replace(side("Region 2", mark(), waiting), vault=None)
    found = judged(side("Region 1", mark(), waiting), two)
    hop = next(hop for hop in found.hops if hop.name == f"Region 1 → {TWO}")
    assert hop.judgement.verdict is Verdict.UNKNOWN and "wait, as expected" in hop.judgement.sentence
    assert found.judgement.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("change", [{"fingerprint": "f" * 64}, {"rotation_id": "app-9"}])
def test_either_half_that_differs_is_a_difference(change):
    found = both(mark(written=(90000, 5000, 700)), mark(**change))
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == f"{KEY} differs between the two vaults for 12 min"
    assert found.lag_s == pytest.approx(700)


def test_a_difference_began_with_the_first_write_that_the_older_vault_lacks():
    found = both(mark(5, written=(90000, 5000, 2000, 700)), mark(3, written=(89999, 4999)))
    assert found.lag_s == pytest.approx(2000)


def test_a_fresh_difference_may_be_on_its_way():
    found = both(mark(4, written=(5000, 20)), mark(3, written=(5000,)))
    assert found.judgement.verdict is Verdict.WARN and "it may be on its way" in found.judgement.sentence


def test_a_change_after_one_vault_was_read_is_no_breach():
    one = side("Region 1", mark(4, written=(5000, 90)), age_s=1)
    two = side("Region 2", mark(3, written=(5000,)), age_s=110)
    assert judged(one, two).judgement.verdict is Verdict.WARN


def test_a_difference_without_dates_is_a_breach_all_the_same():
    found = both(mark(4, written=()), mark(3))
    assert found.judgement.verdict is Verdict.BREACH and "since when is not known" in found.judgement.sentence


@pytest.mark.parametrize("change", [{"rotation_id": ""}, {"fingerprint": ""}])
@pytest.mark.parametrize("region", [1, 2])
def test_without_both_marks_equality_is_unproven(change, region):
    marks = [mark(), mark()]
    marks[region - 1] = mark(**change)
    found = both(*marks)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence.startswith(f"Equality unproven: {KEY} has no rotation id and fingerprint")
    assert found.judgement.sentence.endswith(f"Region {region}")


def test_a_secret_that_one_vault_lacks():
    found = both(mark(), SecretMark(False))
    assert found.judgement.sentence == f"{KEY} is missing in Region 2's vault for 1 d 1 h"
    assert found.judgement.verdict is Verdict.BREACH
    nowhere = both(SecretMark(False), SecretMark(False))
    assert "in neither vault" in nowhere.judgement.sentence


def test_a_secret_that_could_not_be_read_names_the_reason_once():
    found = both(mark(), missing("Region 2's Vault does not let the console read secret/metadata/* (403)"))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence.count("Region 2") == 1


PUSHES = {
    "one store only": ({"stores": (ONE,)}, Verdict.BREACH, f"does not push to {TWO}"),
    "store not synced": ({"synced": {ONE: frozenset({KEY})}}, Verdict.BREACH, f"has not reached {TWO}"),
    "key not synced": ({"keys": (KEY, "other")}, Verdict.BREACH, "not in syncedPushSecrets"),
    "errored": ({"ready": False, "reason": "Errored", "changed_at": ago(300)}, Verdict.UNKNOWN, "Errored for 5 min"),
    "errored for long": ({"ready": False, "reason": "Errored", "changed_at": ago(4000)}, Verdict.BREACH, "Errored for 1 h"),
    "errored, undated": ({"ready": False, "reason": "", "changed_at": None}, Verdict.UNKNOWN, "is not ready: a newer"),
    "errored elsewhere": ({"ready": False, "failing_stores": (ONE,)}, Verdict.OK, "is pushed"),
    "no condition": ({"ready": None}, Verdict.UNKNOWN, "no Ready condition"),
    "never refreshed": ({"refreshed_at": None}, Verdict.UNKNOWN, "does not say when"),
    "late": ({"refreshed_at": ago(4000)}, Verdict.WARN, "late"),
    "very late": ({"refreshed_at": ago(9000)}, Verdict.BREACH, "it should push every 1 h"),
    "only on change": ({"refreshed_at": ago(90000), "interval_s": 0.0}, Verdict.OK, "is pushed"),
    "by label": ({"stores": (), "by_label": True}, Verdict.OK, "is pushed"),
}


@pytest.mark.parametrize("case", PUSHES)
def test_one_push_to_one_store(case):
    change, verdict, words = PUSHES[case]
    found = judge_push(GOAL, push(**change), TWO, NOW)
    assert (found.verdict, words in found.sentence) == (verdict, True), found.sentence


def test_pushes_to_one_store_only_are_a_breach_when_the_settings_name_no_stores():
    lonely = push(stores=(ONE,), synced={ONE: frozenset({KEY})})
    sides = [replace(side(name, mark(), lonely), store="") for name in ("Region 1", "Region 2")]
    found = judged(*sides)
    assert found.judgement.verdict is Verdict.BREACH and "both vaults should receive" in found.judgement.sentence


def test_a_push_to_other_stores_is_none_of_this_row():
    other = push(name="push-cloud", stores=("aws",), synced={"aws": frozenset({"cloud"})}, keys=())
    assert both(mark(), mark(), push(), other).judgement.verdict is Verdict.OK


def test_no_pushes_at_all_are_unknown():
    sides = [replace(side(name, mark()), pushes=reading(())) for name in ("Region 1", "Region 2")]
    found = judged(*sides)
    assert found.judgement.verdict is Verdict.UNKNOWN
    gone = judged(*(replace(s, pushes=missing("pushsecrets are not installed here")) for s in sides))
    assert "not installed" in next(h.judgement.sentence for h in gone.hops if h.name == "Region 1's PushSecrets")


def test_a_fingerprint_is_not_printed():
    assert "3" * 8 not in repr(mark(fingerprint="3" * 64))


marks = st.builds(
    SecretMark,
    st.booleans(),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "x", "y"]),
    st.lists(st.integers(0, 10000).map(lambda s: NOW - timedelta(seconds=s)), max_size=3).map(lambda w: tuple(sorted(w))),
)


@untimed
@given(marks, marks, st.sampled_from(list(VaultState)), st.floats(0, 400))
def test_never_ok_without_proof(one, two, state, age_s):
    found = judged(side("Region 1", one, state=state, age_s=age_s), side("Region 2", two))
    proven = one.exists and two.exists and one.proves and (one.rotation_id, one.fingerprint) == (two.rotation_id, two.fingerprint)
    if found.judgement.verdict is Verdict.OK:
        assert proven and state in USABLE and age_s <= 120
    if found.judgement.verdict is not Verdict.BREACH:
        assert state in USABLE or age_s > 120


@untimed
@given(st.floats(0, 20000), st.floats(0, 20000))
def test_a_push_only_gets_worse_with_time(early, late):
    rank = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
    early, late = sorted((early, late))
    for change in ({"ready": True}, {"ready": False, "reason": "Errored"}):
        found = [
            rank.index(judge_push(GOAL, push(**change, changed_at=ago(s), refreshed_at=ago(s)), TWO, NOW).verdict)
            for s in (early, late)
        ]
        assert found[0] <= found[1]
