"""Flagger's objects as they were captured from 1.36 and 1.44, the ways to write a plan, and routes that cannot be trusted."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.canary import Bound, Canary, Route
from openova_console.systems import errors, flagger
from tests.support.factories import untimed

CAPTURED = Path(__file__).parents[1] / "support" / "captured"
KEY = ("shop", "web")


def captured(name: str):
    return json.loads((CAPTURED / f"{name}.json").read_text())


PROGRESSING, ROUTE = captured("flagger-canary-progressing"), captured("flagger-httproute")


def changed(document: dict, value: object, *path: str | int) -> dict:
    """A copy with one value replaced; `...` removes it."""
    copy = deepcopy(document)
    place = copy
    for key in path[:-1]:
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    if value is ...:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value
    return copy


def read(item: dict = PROGRESSING, route: dict | None = ROUTE, *, installed: bool = True):
    routes = ({KEY: route} if route is not None else {}) if installed else None
    return flagger.canary(item, routes, source="Region 1's Kubernetes API")


def analysed(**analysis: object):
    return read(changed(PROGRESSING, {"interval": "1m", "threshold": 5, **analysis}, "spec", "analysis")).plan


def test_the_captured_canary():
    found = read()
    assert (found.namespace, found.name, found.target, found.phase) == ("shop", "web", "Deployment web", "Progressing")
    assert (found.deadline_s, found.failed, found.status_weight) == (60, 0, PROGRESSING["status"]["canaryWeight"])
    assert found.plan.weights == (25, 50)
    assert found.plan.interval_s == 10, "5 s are written, Flagger does not go below 10 s"
    assert found.plan.gates == {"confirm-rollout", "confirm-promotion", "confirm-traffic-increase", "rollback"}
    assert (found.plan.checks, found.plan.bounds, found.plan.strategy, found.plan.top) == (1, (), "canary", 50)
    assert found.route == Route(0)
    assert not found.suspended


def test_the_captured_failure_dates_from_its_condition():
    found = read(captured("flagger-canary-failed-by-rollback"))
    assert found.message == "Canary analysis failed, Deployment scaled to zero"
    assert found.since == datetime(2026, 11, 23, 7, 57, 35, tzinfo=UTC)
    assert (found.applied, found.promoted) == ("5bd94b757b", "77c496dd7")


@pytest.mark.parametrize("name", ["flagger-status-by-phase", "flagger-status-by-phase-1.44.0"])
def test_the_weight_comes_from_the_route_in_every_captured_phase(name: str):
    waited = 0
    for row in captured(name):
        weights = row["httproute_weights"]
        route = None
        if weights:
            backends = [{"name": service, "weight": weight} for service, weight in weights.items()]
            route = changed(ROUTE, [{"backendRefs": backends}], "spec", "rules")
        found = read(changed(PROGRESSING, row["status"], "status"), route)
        assert found.phase == row["status"]["phase"]
        assert found.route.canary == (weights["web-canary"] if weights else None)
        waited += found.phase == "WaitingPromotion" and found.status_weight == 0 and found.route.canary == 50
    assert waited


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("5s", 10), ("500ms", 10), ("", 60), ("soon", 60), ("1m x", 60), ("60", 60)],
)
def test_intervals(written: str, seconds: float):
    assert analysed(interval=written).interval_s == seconds


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"maxWeight": 50, "stepWeight": 10}, (10, 20, 30, 40, 50)),
        ({"maxWeight": 50, "stepWeight": 20}, (20, 40, 60)),
        ({"stepWeight": 60}, (60, 100)),
        ({"stepWeights": [1, 2, 10, 80]}, (1, 2, 10, 80)),
        ({"stepWeights": [5, 150]}, (5, 100)),
        ({"stepWeight": 30, "stepWeights": [5, 60], "maxWeight": 10}, (30, 60)),
        ({}, (100,)),
    ],
)
def test_the_shares_of_traffic_in_turn(analysis: dict, weights: tuple[int, ...]):
    assert analysed(**analysis).weights == weights


def test_other_strategies_bounds_and_defaults():
    blue = analysed(iterations=10)
    assert (blue.strategy, blue.iterations, blue.weights) == ("blue/green", 10, ())
    assert analysed(iterations=10, match=[{"headers": {}}]).strategy == "a/b"
    assert analysed(threshold=0).threshold == 1
    metrics = [
        {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "30s"},
        {"name": "request-duration", "threshold": 500},
        {"name": "request-success-rate", "threshold": 95.5},
    ]
    assert analysed(metrics=metrics).bounds == (
        Bound("request-success-rate", 99, None, 30),
        Bound("request-duration", None, 500, 60),
        Bound("request-success-rate", 95.5, None, 60),
    )
    without = changed(PROGRESSING, ..., "spec", "analysis")
    assert read(without).plan.skip
    assert read(changed(without, {"interval": "30s", "stepWeight": 50}, "spec", "canaryAnalysis")).plan.weights == (50, 100)
    assert read(changed(PROGRESSING, True, "spec", "suspend")).suspended
    assert read(changed(PROGRESSING, ..., "spec", "progressDeadlineSeconds")).deadline_s == 600


def test_a_canary_that_flagger_has_not_seen():
    found = read(changed(PROGRESSING, ..., "status"))
    assert (found.phase, found.moved_at, found.since, found.message, found.failed) == ("", None, None, "", 0)


UNKNOWN = ", so its share of traffic is not known"


def rules(*weights: tuple[int | None, int | None]) -> dict:
    backends = [
        [
            {"name": name} | ({} if w is None else {"weight": w})
            for name, w in zip(("web-primary", "web-canary"), pair, strict=True)
        ]
        for pair in weights
    ]
    return changed(ROUTE, [{"backendRefs": refs} for refs in backends], "spec", "rules")


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        (rules((70, 30)), Route(30)),
        (rules((70, 30), (70, 30)), Route(30)),
        (rules((70, 30), (100, 0)), Route(None, f"its HTTPRoute has rules with different weights{UNKNOWN}")),
        (rules((60, 30)), Route(None, "its HTTPRoute's weights are 60 and 30, which do not sum to 100")),
        (rules((110, -10)), Route(None, "its HTTPRoute's weights are 110 and -10, which do not sum to 100")),
        (rules((None, None)), Route(None, "its HTTPRoute's weights are 1 and 1, which do not sum to 100")),
        (rules((99, None)), Route(1)),
        (changed(ROUTE, [], "spec", "rules"), Route(None, f"its HTTPRoute has no rule for it{UNKNOWN}")),
        (changed(ROUTE, [{"backendRefs": [{"name": "web"}]}], "spec", "rules"),
         Route(None, f"its HTTPRoute has no rule for it{UNKNOWN}")),
        (None, Route(None, f"its HTTPRoute shop/web is missing{UNKNOWN}")),
    ],
)  # fmt: skip
def test_routes(route: dict | None, wanted: Route):
    assert read(route=route).route == wanted


def test_routes_that_no_gateway_serves_as_they_are():
    def accepted(status: str, seen: int) -> dict:
        row = {"type": "Accepted", "status": status, "observedGeneration": seen}
        return changed(ROUTE, {"parents": [{"conditions": [row, {"type": "ResolvedRefs", "status": "False"}]}]}, "status")

    generation = ROUTE["metadata"]["generation"]
    assert read(route=accepted("True", generation)).route == Route(0)
    assert read(route=accepted("True", generation - 1)).route == Route(0, "", behind=True)
    assert read(route=accepted("False", generation)).route == Route(None, f"a gateway does not accept its HTTPRoute{UNKNOWN}")


def test_routes_of_other_kinds():
    assert read(installed=False).route == Route(None, f"HTTPRoutes are not installed here{UNKNOWN}")
    assert read(changed(PROGRESSING, "istio", "spec", "provider")).route is None
    assert read(changed(PROGRESSING, ..., "spec", "provider")).route == Route(0)
    named = changed(PROGRESSING, "front", "spec", "service", "name")
    assert read(named).route == Route(None, f"its HTTPRoute shop/front is missing{UNKNOWN}")
    sticky = changed(PROGRESSING, {"cookieName": "c"}, "spec", "analysis", "sessionAffinity")
    first, second = rules((0, 100), (80, 20))["spec"]["rules"]
    second["backendRefs"][1]["filters"] = [{"type": "ResponseHeaderModifier"}]
    assert read(sticky, changed(ROUTE, [first, second], "spec", "rules")).route == Route(20)


@pytest.mark.parametrize(
    ("value", "path", "named"),
    [
        (..., ("metadata", "name"), "metadata.name"),
        (..., ("spec", "targetRef"), "spec.targetRef.name"),
        ("50", ("spec", "analysis", "maxWeight"), "maxWeight"),
        ([1, "2"], ("spec", "analysis", "stepWeights"), "spec.analysis.stepWeights[1]"),
        ([7], ("spec", "analysis", "metrics"), "metrics[0]"),
        ("none", ("spec", "analysis", "webhooks"), "webhooks"),
        (3, ("status", "phase"), "status.phase"),
        (1.5, ("status", "failedChecks"), "status.failedChecks"),
        ("yesterday", ("status", "lastTransitionTime"), "status.lastTransitionTime"),
        ([{"type": "Promoted", "message": 3}], ("status", "conditions"), "message"),
        ("yes", ("spec", "suspend"), "spec.suspend"),
    ],
)
def test_what_is_no_canary_is_named(value: object, path: tuple[str, ...], named: str):
    with pytest.raises(errors.Malformed) as caught:
        read(changed(PROGRESSING, value, *path))
    assert caught.value.path == named
    assert caught.value.sentence.startswith("Region 1's Kubernetes API gave an answer that cannot be read")


@pytest.mark.parametrize(
    "spec", [{"rules": [{"backendRefs": [{"name": 3}]}]}, {"rules": "all"}, {"rules": [{"backendRefs": [{"weight": "x"}]}]}]
)
def test_what_is_no_route_is_named(spec: dict):
    with pytest.raises(errors.Malformed):
        read(route=changed(ROUTE, spec, "spec"))


def test_words_from_the_cluster_carry_no_credentials():
    condition = {"type": "Promoted", "status": "False", "message": "webhook failed: Bearer abcdefgh12345678 " + "x" * 400}
    found = read(changed(PROGRESSING, [condition], "status", "conditions"))
    assert "abcdefgh12345678" not in found.message
    assert len(found.message.encode()) <= 300


PLACES = [
    ("metadata",), ("spec",), ("spec", "analysis"), ("spec", "analysis", "interval"), ("spec", "analysis", "stepWeights"),
    ("spec", "analysis", "metrics"), ("spec", "analysis", "iterations"), ("spec", "analysis", "match"), ("spec", "service"),
    ("spec", "targetRef"), ("spec", "progressDeadlineSeconds"), ("status",), ("status", "conditions"), ("status", "canaryWeight"),
    ("status", "lastTransitionTime"),
]  # fmt: skip
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)


@untimed
@given(st.sampled_from(PLACES), anything, st.sampled_from([("spec",), ("spec", "rules"), ("metadata",), ("status",)]), anything)
def test_whatever_the_objects_hold_it_is_a_canary_or_a_named_fault(place, value, route_place, route_value):
    try:
        found = read(changed(PROGRESSING, value, *place), changed(ROUTE, route_value, *route_place))
    except errors.Malformed as fault:
        assert fault.path
    else:
        assert isinstance(found, Canary)
        assert found.plan.interval_s >= 10 and found.plan.threshold >= 1
        assert found.route is None or found.route.canary is None or 0 <= found.route.canary <= 100
