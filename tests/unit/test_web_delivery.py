"""The delivery panel: finished words for every state, what the overview's card shows, and a selection that is parsed."""

import dataclasses

import pytest

from openova_console.handbook.canary import Bound, Phase, Route
from openova_console.watch.board import judge
from openova_console.watch.kube.canaries import NAME
from openova_console.web.states.delivery import _KEY
from openova_console.web.topics.delivery import NOTHING, ON_CARD, CellRow, DeliveryPanel, values
from tests.support.factories import NOW, missing, reading, settings, snapshot
from tests.unit.test_handbook_delivery import canary

DONE = canary(Phase.SUCCEEDED, 0)


def panel(first, second=None, **more) -> dict:
    def named(found):
        return reading({("shop", name): item for name, item in found.items()}) if isinstance(found, dict) else found

    kube = {("region-1", NAME): named(first), ("region-2", NAME): named(first if second is None else second)}
    board = judge(snapshot(kube=kube, **more), settings(), NOW)
    found = dict(values(board, None, NOW))  # type: ignore[arg-type]
    assert set(found) <= set(DeliveryPanel.get_fields())
    return found


def cell(item, region: int = 0) -> CellRow:
    found: CellRow = panel({"web": item})["rows"][0].cells[region]
    return found


def test_a_release_on_its_way():
    found = cell(canary(failed=1, message="New revision detected"))
    assert (found.weight, found.of, found.bar, found.failed) == ("30 %", "of 50 %", "60", "1 of 5 failed")
    assert (found.verdict, found.verdict_word, found.word) == ("warn", "Warning", "Progressing")
    # 40, 50, Promoting, Finalising, Succeeded: five ticks of a minute, of which 20 s are gone.
    assert (found.eta, found.eta_at) == ("", "2026-03-01T12:04:40.000Z")
    assert found.rollback == "≤ 6 min"
    assert found.where == "region-1/canaries.flagger.app/shop/web"
    assert (found.trace, found.route_trace) == ("canaries/region-1", "httproutes/region-1")
    facts = {fact.label: fact.value for fact in found.facts}
    assert facts["Way"] == "10 % → 20 % → 30 % → 40 % → 50 %"
    assert (facts["Gates"], facts["Flagger says"]) == ("none", "New revision detected")
    assert [(b.label, b.value, b.detail) for b in found.bounds] == [
        ("request-success-rate", "≥ 99 %", "over 60 s"),
        ("request-duration", "≤ 500 ms", "over 30 s"),
    ]


@pytest.mark.parametrize(
    ("item", "weight", "of", "bar", "failed", "eta", "rollback"),
    [
        (DONE, "", "", "", "", "–", "–"),
        (canary(Phase.FAILED, 100, status_weight=100), "100 %", "", "", "", "–", "–"),
        (canary(Phase.WAITING_PROMOTION, 50), "50 %", "of 50 %", "100", "0 of 5 failed", "3 min after approval", "≤ 7 min"),
        (canary(route=Route(None, "its route is missing")), "unknown", "of 50 %", "", "0 of 5 failed", "unknown", "≤ 7 min"),
        (canary(route=None, plan={"weights": (), "iterations": 10}, iterations=4), "unknown", "check 4 of 10", "40",
         "0 of 5 failed", "", "≤ 7 min"),
        ("a field cannot be read", "unknown", "", "", "", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_every_state_has_its_words(item, weight, of, bar, failed, eta, rollback):
    found = cell(item)
    assert (found.weight, found.of, found.bar, found.failed, found.eta, found.rollback) == (
        weight,
        of,
        bar,
        failed,
        eta,
        rollback,
    )
    assert found.present


def test_bounds_without_a_limit_and_of_other_metrics():
    bounds = (Bound("latency", 1.5, 2, 90), Bound("odd", None, None, 60))
    found = cell(canary(plan={"bounds": bounds, "skip": False, "checks": 2, "gates": frozenset({"rollback"})}))
    assert [b.value for b in found.bounds] == ["≥ 1.5 and ≤ 2", "no limit is set"]
    facts = {fact.label: fact.value for fact in found.facts}
    assert (facts["Other checks"], facts["Gates"]) == ("2 webhooks", "rollback")


def test_absent_there():
    found = panel({"web": DONE}, {})["rows"][0]
    assert (found.cells[1].present, found.cells[1].word) == (False, "Absent")
    assert found.versions == ""


def test_the_card_shows_what_runs_or_is_not_well():
    found = panel({"a": DONE, "b": canary(), "c": canary(Phase.FAILED, 0)})
    assert [row.id for row in found["shown"]] == ["shop/c", "shop/b"]
    assert found["rest"] == "1 more on the Delivery page"
    assert found["regions"] == ["Region 1", "Region 2"]
    calm = panel({"a": DONE})
    assert (calm["shown"], calm["sentence"]) == ([], "No canary runs")
    assert calm["rest"] == "The only canary rests: no release is on its way"
    assert panel({"a": DONE, "b": DONE})["rest"] == "2 canaries rest: no release is on its way"
    many = panel({name: canary() for name in "abcdefg"})
    assert (len(many["shown"]), many["rest"]) == (ON_CARD, "3 more on the Delivery page")
    assert many["rows"][0].versions == "the same version in both regions"


def test_an_empty_platform_teaches_and_an_unknown_one_does_not():
    assert panel({})["note"] == NOTHING
    found = panel(missing("canaries are not installed here"))
    assert (found["note"], found["verdict"]) == ("", "unknown")


def test_nothing_changes_between_two_ticks():
    kube = {(r, NAME): reading({("shop", "web"): canary(failed=1)}) for r in ("region-1", "region-2")}
    first, second = (
        values(judge(snapshot(kube=kube), settings(), NOW.replace(second=s)), None, NOW)  # type: ignore[arg-type]
        for s in (1, 19)
    )
    assert dataclasses.asdict(first["rows"][0]) == dataclasses.asdict(second["rows"][0])


@pytest.mark.parametrize("key", ["shop/web", "a.b/c-1"])
def test_a_selection(key: str):
    assert _KEY.fullmatch(key)


@pytest.mark.parametrize("key", ["shop", "/web", "shop/", "Shop/web", "shop/web/x", "<b>/x", "a" * 300 + "/b", "shop/web\n"])
def test_no_selection(key: str):
    assert not _KEY.fullmatch(key)
