"""What scenarios and troubles do to the first region's released Canary. Names end up in `objects.CHANGES`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from openova_console.lab.kube.flagger import CANARIES, MESSAGES, RELEASED, ROUTES, divide, next_revision
from openova_console.lab.kube.planting import TENANT, stamp
from openova_console.lab.names import REGIONS

if TYPE_CHECKING:
    from openova_console.lab.objects import Ledger

Json = dict[str, Any]
NAMESPACE: Final = f"{TENANT}-prod"


def fail_canary(ledger: Ledger, region: str, now: datetime) -> None:
    """A bad version is on its way in region 1; two of its checks have failed already."""
    _release(ledger, region, now, weight=20, failedChecks=2)


def stop_flagger(ledger: Ledger, region: str, now: datetime) -> None:
    """Flagger of region 1 has been gone for eleven minutes, with 30 % of the traffic on a new version."""
    _release(ledger, region, now - timedelta(minutes=11), weight=30)


def suspend_canary(ledger: Ledger, region: str, now: datetime) -> None:
    """Somebody suspended the Canary in the middle of a release."""
    _release(ledger, region, now, weight=30)
    if region == REGIONS[0]:
        ledger.change(CANARIES, NAMESPACE, RELEASED, lambda canary: canary["spec"].update(suspend=True))


def hold_promotion(ledger: Ledger, region: str, now: datetime) -> None:
    """A release has waited for 45 minutes to be promoted: Flagger's own weight reads 0, the route sends half of the traffic."""
    began, waits = now - timedelta(minutes=45), {"iterations": -1, "lastTransitionTime": stamp(now)}
    _release(ledger, region, began, weight=50, phase="WaitingPromotion", **waits)


def refuse_route(ledger: Ledger, region: str, now: datetime) -> None:
    """The gateway of region 1 does not accept the HTTPRoute, so that nobody knows which weights it serves."""
    _release(ledger, region, now, weight=30)

    def refuse(route: Json) -> None:
        for row in (row for parent in route["status"]["parents"] for row in parent["conditions"]):
            if row["type"] == "Accepted":
                message = "Gateway cilium-gateway/edge does not allow this HTTPRoute"
                row |= {"status": "False", "reason": "NotAllowedByListeners", "message": message}

    if region == REGIONS[0]:
        ledger.change(ROUTES, NAMESPACE, RELEASED, refuse)


def _release(ledger: Ledger, region: str, at: datetime, *, weight: int, phase: str = "Progressing", **fields: object) -> None:
    """The released Canary of region 1 in the middle of a release that has stood as it is since `at`."""
    if region != REGIONS[0]:
        return
    state, message = MESSAGES[phase]
    condition = {"type": "Promoted", "status": state, "reason": phase, "message": message}
    condition |= {"lastTransitionTime": stamp(at), "lastUpdateTime": stamp(at)}

    def begin(canary: Json) -> None:
        canary["status"] |= {
            "phase": phase,
            "canaryWeight": weight if phase == "Progressing" else 0,
            "failedChecks": 0,
            "iterations": 0,
            "lastAppliedSpec": next_revision(canary),
            "lastTransitionTime": stamp(at),
            "conditions": [condition],
            **fields,
        }

    ledger.change(CANARIES, NAMESPACE, RELEASED, begin)
    ledger.change(ROUTES, NAMESPACE, RELEASED, _served(weight))


def _served(weight: int) -> Callable[[Json], None]:
    """The route divides the traffic so, and the gateway has taken it over (the change makes one generation more)."""

    def change(route: Json) -> None:
        before = route["spec"]["rules"][0]["backendRefs"][1]["weight"]
        divide(weight)(route)
        for row in (row for parent in route["status"]["parents"] for row in parent["conditions"]):
            row["observedGeneration"] = route["metadata"]["generation"] + (before != weight)

    return change


CANARY_CHANGES: Final[dict[str, Callable[[Any, str, datetime], None]]] = {
    change.__name__: change for change in (fail_canary, stop_flagger, suspend_canary, hold_promotion, refuse_route)
}
