"""Flagger's canaries, all promoted, and the routes that they steer. `flagger` moves the one that gets new versions."""

from datetime import timedelta

from openova_console.lab.kube.flagger import RELEASED, REST_S
from openova_console.lab.kube.planting import DOMAIN, TENANT, Planter, condition, stamp
from openova_console.lab.kube.records import Json

_CANARIES = (("checkout", "2.14.3", 10), ("catalog", "5.2.0", 10), ("payments", "1.9.1", 5))
_FIRST_RELEASE_S = {1: 15.0, 2: 90.0}
"""When the first release begins in each region after the lab's start."""


def plant_canaries(planter: Planter) -> None:
    """Three services under Flagger and one plain route."""
    for name, version, step in _CANARIES:
        _plant_canary(planter, name, version, step)
    _plant_route(planter, f"{TENANT}-prod", "portal", {"portal": 100})


def _plant_canary(planter: Planter, name: str, version: str, step: int) -> None:
    namespace, finished = f"{TENANT}-prod", planter.ago(days=3, hours=step)
    released = name == RELEASED
    if released:
        finished = planter.now - timedelta(seconds=REST_S - _FIRST_RELEASE_S[planter.region.ordinal])
    applied = planter.revision(name, version)[:9]
    hooks = [
        {
            "name": f"console-{kind}",
            "type": kind,
            "url": f"http://console.openova-system.svc/flagger/{kind}",
            "timeout": "5s",
        }
        for kind in (("rollback", "event") if released else ("confirm-rollout", "confirm-promotion", "rollback", "event"))
    ]
    canary = planter.plant(
        "canaries.flagger.app",
        namespace,
        name,
        labels={"openova.io/tenant": TENANT},
        spec={
            "provider": "gatewayapi:v1",
            "progressDeadlineSeconds": 600,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {
                "port": 80,
                "targetPort": 8080,
                "hosts": [f"{name}.{DOMAIN}"],
                "gatewayRefs": [
                    {
                        "group": "gateway.networking.k8s.io",
                        "kind": "Gateway",
                        "name": "edge",
                        "namespace": "cilium-gateway",
                    }
                ],
            },
            "analysis": {
                "interval": "15s" if released else "1m",
                "threshold": 5,
                "maxWeight": 50,
                "stepWeight": step,
                "webhooks": hooks,
                "metrics": [
                    {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}},
                    {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": 500}},
                ],
            },
        },
        status={
            "phase": "Succeeded",
            "canaryWeight": 0,
            "failedChecks": 0,
            "iterations": 0,
            "trackedConfigs": {},
            "lastAppliedSpec": applied,
            "lastPromotedSpec": applied,
            "lastTransitionTime": stamp(finished),
            "conditions": [
                condition(
                    "Promoted",
                    "True",
                    "Succeeded",
                    "Canary analysis completed successfully, promotion finished.",
                    finished,
                    lastUpdateTime=stamp(finished),
                )
            ],
        },
    )
    _plant_route(planter, namespace, name, {f"{name}-primary": 100, f"{name}-canary": 0}, owner=canary)


def _plant_route(planter: Planter, namespace: str, name: str, weights: dict[str, int], *, owner: Json | None = None) -> None:
    backends = [
        {"group": "", "kind": "Service", "name": service, "port": 80, "weight": weight} for service, weight in weights.items()
    ]
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "cilium-gateway"}
    accepted = [
        condition("Accepted", "True", "Accepted", "Accepted HTTPRoute", planter.ago(days=41), observedGeneration=1),
        condition(
            "ResolvedRefs",
            "True",
            "ResolvedRefs",
            "Service reference is valid",
            planter.ago(days=41),
            observedGeneration=1,
        ),
    ]
    planter.plant(
        "httproutes.gateway.networking.k8s.io",
        namespace,
        name,
        owner=owner,
        annotations={
            "helm.toolkit.fluxcd.io/driftDetection": "disabled",
            "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
        },
        spec={
            "hostnames": [f"{name}.{DOMAIN}"],
            "parentRefs": [gateway],
            "rules": [{"backendRefs": backends, "matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
        },
        status={"parents": [{"controllerName": "io.cilium/gateway-controller", "parentRef": gateway, "conditions": accepted}]},
    )
