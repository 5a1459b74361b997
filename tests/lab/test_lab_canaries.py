"""The lab's canaries move as Flagger's did when its status was captured, and stop where the region is dead."""

import random
from datetime import timedelta
from typing import Any

import pytest
from kube_fixtures import Clock, sample

from openova_console.lab.kube.flagger import CANARIES, FAILS_FROM, REST_S, ROUTES, accepted, advance, weight_of
from openova_console.lab.kube.seed import seed
from openova_console.lab.kube.store import ObjectStore
from tests.lab.running import R1, R2, Running

NAMESPACE, NAME = "acme-prod", "checkout"


class Region:
    """One region's store, looked at every second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.born = self.clock()
        self.store = ObjectStore(now=self.clock, seed=3)
        names = {"region_id": R1, "geo_tag": R1, "is_primary": True, "peer_id": R2}
        seed(self.store, now=self.born, rng=random.Random(3), **names)

    def pass_time(self, seconds: int, *, failing: bool = False) -> list[tuple[dict[str, Any], int]]:
        """Status and route weight after each change, in order."""
        seen: list[tuple[dict[str, Any], int]] = []
        for _ in range(seconds):
            self.clock.advance(seconds=1)
            advance(self.store, now=self.clock(), awake=self.born, failing=failing)
            now = (self.status, self.weight)
            if not seen or now != seen[-1]:
                seen.append(now)
        return seen

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.store.get(CANARIES, NAMESPACE, NAME)["status"]
        return found

    @property
    def weight(self) -> int:
        return weight_of(self.store.get(ROUTES, NAMESPACE, NAME))


def said(status: dict[str, Any]) -> tuple[str, ...]:
    row = status["conditions"][0]
    return status["phase"], row["status"], row["reason"], row["message"]


CAPTURED = [row for name in ("flagger-status-by-phase", "flagger-status-by-phase-1.44.0") for row in sample(name)]


def test_a_good_version_goes_the_captured_way():
    steps = [(s["phase"], s["canaryWeight"], w) for s, w in Region().pass_time(300)]
    ladder = [("Progressing", w, w) for w in (0, 10, 20, 30, 40, 50)]
    # Flagger resets its own figure only when it goes on from Promoting; the capture had waited for a person before.
    rest = [("Promoting", 50, 50), ("Finalising", 0, 0), ("Succeeded", 0, 0)]
    assert steps == [("Succeeded", 0, 0), *ladder, *rest]


def test_a_bad_version_climbs_to_the_threshold_and_is_rolled_back():
    region = Region()
    steps = [(s["phase"], s["failedChecks"], w) for s, w in region.pass_time(200, failing=True)]
    climb = [("Progressing", n, FAILS_FROM) for n in range(6)]
    assert steps[1:4] == [("Progressing", 0, 0), ("Progressing", 0, 10), ("Progressing", 0, 20)]
    assert steps[3:9] == climb
    assert set(steps[9:]) == {("Failed", 0, 0)}
    assert len(steps) > 10, "in Failed the time of the last transition moves with every tick"
    events = [e for e in region.store.list("events", NAMESPACE) if e["type"] == "Warning"]
    halted = next(e for e in events if e["message"].startswith("Halt checkout.acme-prod advancement"))
    assert halted["count"] == 5


@pytest.mark.parametrize("failing", [True, False])
def test_every_status_says_what_the_captured_one_of_its_phase_says(failing: bool):
    captured = {said(row["status"]) for row in CAPTURED}
    shapes = [set(row["status"]) for row in CAPTURED if row["status"]["phase"] != "Initializing"]
    for status, _ in Region().pass_time(300, failing=failing):
        assert said(status) in captured
        assert set(status) in shapes
        assert set(status["conditions"][0]) == set(CAPTURED[0]["status"]["conditions"][0])


def test_events_look_like_the_captured_one_and_are_forgotten_after_an_hour():
    region = Region()
    region.pass_time(200, failing=True)
    events = region.store.list("events", NAMESPACE)
    captured = sample("flagger-event")
    for event in events:
        assert set(event) == set(captured)
        assert set(event["involvedObject"]) == set(captured["involvedObject"])
    assert {e["type"] for e in events} == {"Normal", "Warning"}
    for _ in range(8):
        region.clock.advance(minutes=10)
        advance(region.store, now=region.clock(), awake=region.born, failing=False)
    assert {e["type"] for e in region.store.list("events", NAMESPACE)} == {"Normal"}


def test_it_starts_again_after_a_rest_and_the_gateway_follows():
    region = Region()
    region.pass_time(300)
    promoted = region.status["lastPromotedSpec"]
    seen = region.pass_time(int(REST_S))
    assert "Progressing" in {status["phase"] for status, _ in seen}
    assert region.status["lastAppliedSpec"] != promoted
    route = region.store.get(ROUTES, NAMESPACE, NAME)
    for row in route["status"]["parents"][0]["conditions"]:
        assert row["observedGeneration"] == route["metadata"]["generation"]
    assert accepted(route)


def test_a_clock_that_leaps_moves_it_no_further_than_its_ticks():
    region = Region()
    region.clock.advance(seconds=15 + 3 * 15)
    advance(region.store, now=region.clock(), awake=region.born, failing=False)
    assert (region.status["phase"], region.weight) == ("Progressing", 30)
    # Flagger that was away does not make up for the ticks that it missed.
    region.clock.advance(minutes=10)
    advance(region.store, now=region.clock(), awake=region.clock() - timedelta(seconds=1), failing=False)
    assert (region.status["phase"], region.weight) == ("Progressing", 40)


def phases(here: Running, region: str) -> dict[str, str]:
    return {c["metadata"]["name"]: c["status"]["phase"] for c in here.lab.regions[region].store.list(CANARIES)}


async def test_nothing_moves_in_a_dead_region_and_a_bad_version_fails_in_region_1_only(here: Running):
    await here.go("r1_down", 60)
    before = here.lab.regions[R1].store.get(CANARIES, NAMESPACE, NAME)
    await here.lab.advance(600)
    assert here.lab.regions[R1].store.get(CANARIES, NAMESPACE, NAME) == before
    await here.go("canary_failing", 70)
    assert (phases(here, R1)[NAME], phases(here, R2)[NAME]) != ("Failed", "Failed")
    assert phases(here, R1)[NAME] == "Failed"
    await here.go("healthy", 2)
    assert "Failed" not in phases(here, R1).values()
