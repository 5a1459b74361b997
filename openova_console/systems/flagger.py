"""Flagger: `flagger.app/v1beta1` Canaries with the weights of their `gateway.networking.k8s.io/v1` HTTPRoutes.

Traps: the route is called like the service (`spec.service.name`, else the target), not like the Canary, and lies in its
namespace. An absent weight means 1 in the Gateway API. A gateway that has not accepted the newest generation of a route still
serves the one before. `interval` below 10 s runs at 10 s, a missing or unreadable one at 60 s; without `maxWeight` the
maximum is 100; a weight may end above `maxWeight` when the steps do not meet it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from openova_console.handbook.canary import TOTAL, Bound, Canary, Plan, Route, Strategy
from openova_console.systems import shape
from openova_console.systems.exchange import cut, redact_text

Key = tuple[str, str]
Item = Mapping[str, Any]

_INTERVAL_S, _FLOOR_S, _DEADLINE_S, _WINDOW_S = 60.0, 10.0, 600.0, 60.0
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_MOST_STEPS = 100
_GATES = ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion", "rollback")


def canary(item: Item, routes: Mapping[Key, Item] | None, *, source: str) -> Canary:
    """Read one Canary. One that does not say what Flagger steers is taken to steer the Gateway API, as on this platform.

    Args:
        routes: HTTPRoutes by (namespace, name); None when the kind is not installed.

    Raises:
        Malformed: a field has another type than promised.
    """
    namespace = shape.text(source, item, "metadata", "namespace")
    target = shape.require(source, item, "spec", "targetRef", "name", kind=str)
    steered = shape.text(source, item, "spec", "provider") or "gatewayapi"
    service = shape.text(source, item, "spec", "service", "name") or target
    analysis = _analysis(source, item)
    promoted = _condition(source, item)
    return Canary(
        namespace=namespace,
        name=shape.require(source, item, "metadata", "name", kind=str),
        target=f"{shape.text(source, item, 'spec', 'targetRef', 'kind') or 'Deployment'} {target}",
        phase=shape.text(source, item, "status", "phase")[:40],
        suspended=bool(shape.optional(source, item, "spec", "suspend", kind=bool)),
        plan=_plan(source, item, analysis),
        deadline_s=float(shape.optional(source, item, "spec", "progressDeadlineSeconds", kind=float) or _DEADLINE_S),
        status_weight=_count(source, item, "status", "canaryWeight"),
        failed=_count(source, item, "status", "failedChecks"),
        iterations=_count(source, item, "status", "iterations"),
        moved_at=shape.instant(source, item, "status", "lastTransitionTime"),
        since=shape.instant(source, promoted, "lastUpdateTime") or shape.instant(source, promoted, "lastTransitionTime"),
        message=cut(redact_text(shape.text(source, promoted, "message")), 300).rstrip("."),
        applied=shape.text(source, item, "status", "lastAppliedSpec")[:40],
        promoted=shape.text(source, item, "status", "lastPromotedSpec")[:40],
        route=_route(source, analysis, routes, (namespace, service)) if steered.startswith("gatewayapi") else None,
    )


def _count(source: str, item: Item, *path: str) -> int:
    return shape.optional(source, item, *path, kind=int) or 0


def _analysis(source: str, item: Item) -> Item | None:
    for key in ("analysis", "canaryAnalysis"):
        if (found := shape.optional(source, item, "spec", key, kind=dict)) is not None:
            return found
    return None


def _condition(source: str, item: Item) -> Item:
    for row in shape.rows(source, item, "status", "conditions"):
        if shape.text(source, row, "type") == "Promoted":
            return row
    return {}


def _plan(source: str, item: Item, analysis: Item | None) -> Plan:
    skip = analysis is None or bool(shape.optional(source, item, "spec", "skipAnalysis", kind=bool))
    found: Item = analysis or {}
    iterations = _count(source, found, "iterations")
    matched = shape.optional(source, found, "match", kind=list)
    strategy: Strategy = "canary" if iterations <= 0 else "a/b" if matched else "blue/green"
    hooks = [shape.text(source, row, "type") for row in shape.rows(source, found, "webhooks")]
    return Plan(
        strategy=strategy,
        interval_s=max(_FLOOR_S, _seconds(shape.text(source, found, "interval"), _INTERVAL_S)),
        threshold=max(1, _count(source, found, "threshold")),
        weights=() if iterations > 0 else _weights(source, found),
        iterations=max(0, iterations),
        promotion_step=max(0, _count(source, found, "stepWeightPromotion")),
        mirror=bool(shape.optional(source, found, "mirror", kind=bool)),
        bounds=tuple(_bounds(source, found)),
        checks=sum(hook in ("", "rollout") for hook in hooks),
        gates=frozenset(hook for hook in hooks if hook in _GATES),
        skip=skip,
    )


def _weights(source: str, analysis: Item) -> tuple[int, ...]:
    """The shares in turn. `stepWeight` wins over `stepWeights`, except for the maximum, as in Flagger."""
    listed = shape.optional(source, analysis, "stepWeights", kind=list) or []
    for index, weight in enumerate(listed):
        if not isinstance(weight, int) or isinstance(weight, bool):
            raise shape.malformed(source, ("spec", "analysis", "stepWeights", index), "a whole number")
    step = _count(source, analysis, "stepWeight")
    top = min(TOTAL, listed[-1]) if listed else _count(source, analysis, "maxWeight") or TOTAL
    if step > 0:
        steps = [min(TOTAL, step * n) for n in range(1, _MOST_STEPS + 1)]
        before = [weight for weight in steps if weight < top]
        return (*before, min(TOTAL, step * (len(before) + 1)))
    return tuple(sorted({min(TOTAL, weight) for weight in listed if weight > 0})) or (top,)


def _bounds(source: str, analysis: Item) -> Iterable[Bound]:
    for row in shape.rows(source, analysis, "metrics"):
        old = shape.optional(source, row, "threshold", kind=float)
        name = shape.text(source, row, "name")[:80]
        low = shape.optional(source, row, "thresholdRange", "min", kind=float)
        high = shape.optional(source, row, "thresholdRange", "max", kind=float)
        if low is None and high is None and old is not None:
            low, high = (old, None) if name == "request-success-rate" else (None, old)
        yield Bound(name, low, high, _seconds(shape.text(source, row, "interval"), _WINDOW_S))


def _seconds(written: str, otherwise: float) -> float:
    """Seconds of a Go duration (1m30s, 500ms); `otherwise` when it is absent or none."""
    parts = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        return otherwise
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _route(source: str, analysis: Item | None, routes: Mapping[Key, Item] | None, key: Key) -> Route:
    if routes is None:
        return Route(None, "HTTPRoutes are not installed here, so its share of traffic is not known")
    route = routes.get(key)
    if route is None:
        return Route(None, f"its HTTPRoute {'/'.join(key)} is missing, so its share of traffic is not known")
    found = {_pair(source, rule, key[1]) for rule in _rules(source, route, analysis)} - {None}
    if len(found) != 1:
        why = "has no rule for it" if not found else "has rules with different weights"
        return Route(None, f"its HTTPRoute {why}, so its share of traffic is not known")
    primary, weight = next(pair for pair in found if pair is not None)
    if primary + weight != TOTAL or min(primary, weight) < 0:
        return Route(None, f"its HTTPRoute's weights are {primary} and {weight}, which do not sum to {TOTAL}")
    accepted, behind = _gateways(source, route)
    if not accepted:
        return Route(None, "a gateway does not accept its HTTPRoute, so its share of traffic is not known")
    return Route(weight, "", behind)


def _rules(source: str, route: Item, analysis: Item | None) -> list[dict[str, Any]]:
    """The rules that divide traffic: under session affinity those with a filter on a backend, else all."""
    rules = shape.rows(source, route, "spec", "rules")
    if analysis is None or shape.optional(source, analysis, "sessionAffinity", kind=dict) is None:
        return rules
    with_filter = [r for r in rules if any(b.get("filters") for b in shape.rows(source, r, "backendRefs"))]
    return with_filter or rules


def _pair(source: str, rule: Item, service: str) -> tuple[int, int] | None:
    """Weights of primary and canary in one rule; None when the rule does not name both."""
    weights: dict[str, int] = {}
    for row in shape.rows(source, rule, "backendRefs"):
        weight = shape.optional(source, row, "weight", kind=int)
        weights[shape.text(source, row, "name")] = 1 if weight is None else weight
    primary, split = weights.get(f"{service}-primary"), weights.get(f"{service}-canary")
    return None if primary is None or split is None or len(weights) != 2 else (primary, split)


def _gateways(source: str, route: Item) -> tuple[bool, bool]:
    """Whether no gateway refuses the route, and whether one still serves an older state. Where none has spoken, neither."""
    generation = shape.optional(source, route, "metadata", "generation", kind=int) or 0
    parents = shape.rows(source, route, "status", "parents")
    rows = [row for parent in parents for row in shape.rows(source, parent, "conditions")]
    found = [row for row in rows if shape.text(source, row, "type") == "Accepted"]
    seen = [shape.optional(source, row, "observedGeneration", kind=int) for row in found]
    accepted = all(shape.text(source, row, "status") == "True" for row in found)
    return accepted, any(number is not None and number < generation for number in seen)
