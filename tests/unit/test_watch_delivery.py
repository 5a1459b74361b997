"""The board of canaries: both regions side by side, what is absent, what is silent, and what belongs in the strip."""

from dataclasses import replace

import pytest

from openova_console.handbook.canary import Canary, Phase
from openova_console.handbook.words import Verdict
from openova_console.systems import kinds
from openova_console.watch.board import Board, judge
from openova_console.watch.board.delivery import DeliveryBoard
from openova_console.watch.kube.canaries import CANARIES, NAME
from tests.support.factories import NOW, aged, missing, reading, settings, snapshot
from tests.unit.test_handbook_delivery import canary
from tests.unit.test_systems_flagger import KEY, PROGRESSING, ROUTE, changed

BOTH = settings()
DONE = canary(Phase.SUCCEEDED, 0)
R1, R2 = "region-1", "region-2"


def whole(first: object, second: object) -> Board:
    return judge(snapshot(kube={(R1, NAME): first, (R2, NAME): second}), BOTH, NOW)


def board(first: dict[str, Canary | str], second: dict[str, Canary | str] | None = None) -> DeliveryBoard:
    def named(found: dict[str, Canary | str]):
        return reading({("shop", name): item for name, item in found.items()})

    return whole(named(first), named(first if second is None else second)).delivery


def test_calm():
    found = board({"web": DONE})
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, "No canary runs")
    assert found.alarms == found.silent == ()
    assert found.traces == ("canaries/region-1", "canaries/region-2")
    assert found.rows[0].same is True
    assert board({}).judgement.sentence == "No Canary is defined"
    assert board({}).judgement.verdict is Verdict.OK


def test_what_runs_is_counted_and_what_is_worst_comes_first():
    found = board({"a": DONE, "b": canary(), "c": canary(Phase.FAILED, 0), "d": canary(failed=1)})
    assert [row.name for row in found.rows] == ["c", "d", "b", "a"]
    assert (found.running, found.judgement.verdict) == (2, Verdict.BREACH)
    assert found.judgement.sentence == "c and d need a look"
    assert board({"a": DONE, "b": canary()}).judgement.sentence == "1 canary runs, no check has failed"
    assert board({"a": canary(), "b": canary()}).judgement.sentence == "2 canaries run, no check has failed"
    many = board({name: canary(failed=1) for name in "abcde"})
    assert many.judgement.sentence == "5 of 5 canaries need a look"


def test_each_region_is_judged_by_its_own_and_absence_is_no_fault():
    found = board({"web": canary(Phase.FAILED, 0), "pay": DONE}, {"web": DONE})
    web, pay = found.rows
    assert [cell.progress.judgement.verdict for cell in web.cells] == [Verdict.BREACH, Verdict.OK]
    assert (pay.cells[1].canary, pay.cells[1].progress, pay.verdict, pay.same) == (None, None, Verdict.OK, None)
    (alarm,) = found.alarms
    assert (alarm.verdict, alarm.title) == (Verdict.BREACH, "Canary web in Region 1")


def test_regions_that_serve_different_versions_are_seen():
    assert board({"web": DONE}, {"web": replace(DONE, promoted="z")}).rows[0].same is False
    assert board({"web": DONE}, {"web": replace(DONE, promoted="")}).rows[0].same is None


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (reading({("shop", "web"): DONE}, age_s=61), "Region 2 is not known, the last sample is 61 s old, the limit is 60 s"),
        (missing("canaries are not installed here"), "Region 2 is not known, canaries are not installed here"),
    ],
)
def test_a_region_that_is_not_known_is_never_calm_and_not_said_twice(second, why: str):
    found = whole(reading({("shop", "web"): DONE}), second).delivery
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.UNKNOWN, f"No canary runs; {why}")
    assert found.rows[0].cells[1].progress.judgement.verdict is Verdict.UNKNOWN
    assert found.alarms == ()


def test_before_the_first_reading():
    found = judge(snapshot(kube={}), BOTH, NOW).delivery
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence.startswith("No Canary is known; Region 1 is not known, nothing was read yet")
    assert found.rows == found.alarms == ()


def test_data_turn_unknown_by_themselves():
    first = reading({("shop", "web"): canary()})
    assert whole(first, first).delivery.judgement.verdict is Verdict.OK
    assert whole(aged(first, 65), aged(first, 65)).delivery.judgement.verdict is Verdict.UNKNOWN


def test_one_that_cannot_be_read_hides_no_other():
    broken = changed(PROGRESSING, 3, "status", "phase")
    objects = {kinds.CANARIES: {KEY: broken, ("shop", "ok"): PROGRESSING}, kinds.HTTP_ROUTES: {KEY: ROUTE}}
    read = CANARIES.read(objects, "Region 1's Kubernetes API")
    assert isinstance(read[KEY], str) and isinstance(read["shop", "ok"], Canary)
    without_routes = CANARIES.read({kinds.CANARIES: {KEY: PROGRESSING}}, "x")[KEY]
    assert isinstance(without_routes, Canary) and "not installed" in without_routes.route.problem
    found = board({"web": read[KEY], "ok": DONE})
    assert (found.rows[0].name, found.rows[0].verdict) == ("web", Verdict.UNKNOWN)
    assert found.judgement.sentence == "web cannot be judged"
    assert "status.phase should be text" in found.rows[0].cells[0].progress.judgement.sentence


def test_the_strip_stays_short_and_worst_first():
    found = board({name: canary(failed=1) for name in "abc"} | {"z": canary(Phase.FAILED, 0)}, {})
    assert [(alarm.verdict, alarm.title) for alarm in found.alarms] == [
        (Verdict.BREACH, "Canary z in Region 1"),
        (Verdict.WARN, "Canary a in Region 1"),
        (Verdict.WARN, "2 more canaries"),
    ]
    strip = whole(reading({("shop", "z"): canary(Phase.FAILED, 0)}), reading({})).alarms
    assert "Canary z in Region 1" in [alarm.title for alarm in strip]
