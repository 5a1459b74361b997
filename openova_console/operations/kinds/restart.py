"""Restart a workload: new pods for a Deployment, StatefulSet or DaemonSet, one after the other as its strategy says.

As `kubectl rollout restart` does: the annotation `kubectl.kubernetes.io/restartedAt` in the pod template changes, the
controller replaces the pods. Flux leaves annotations alone that it does not own. Refused while a canary of the workload is in
flight: Flagger would take the new template for a new release.
"""

from datetime import UTC
from typing import Literal

from openova_console.operations.evidence import Evidence
from openova_console.operations.kinds.names import MARK, Namespace, ObjectName, RegionId
from openova_console.operations.operation import Access, Operation, PlanError, Policy, Request, Target, Wanted
from openova_console.operations.plan import Data, ObjectRef, Plan, Step
from openova_console.operations.platform_facts import role_facts
from openova_console.operations.pointer import of_key
from openova_console.systems import kinds

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_RESOURCES = {"Deployment": kinds.DEPLOYMENTS, "StatefulSet": kinds.STATEFUL_SETS, "DaemonSet": kinds.DAEMON_SETS}
_UID, _REPLICAS, _PAUSED = "/metadata/uid", "/spec/replicas", "/spec/paused"
_RESTARTED = of_key("spec", "template", "metadata", "annotations", RESTARTED_AT)


class RestartParams(Data):
    """Which workload."""

    region: RegionId
    workload: Literal["Deployment", "StatefulSet", "DaemonSet"]
    namespace: Namespace
    name: ObjectName


def _object(params: RestartParams) -> ObjectRef:
    return ObjectRef.of(params.region, _RESOURCES[params.workload], params.namespace, params.name)


def _target(params: RestartParams) -> Target:
    object_ = _object(params)
    resource = object_.key.removeprefix(f"{params.region}/")
    return Target("Restart", params.region, resource, f"Restart {params.workload} {params.namespace}/{params.name}")


def _wanted(params: RestartParams) -> tuple[Wanted, ...]:
    return (Wanted(_object(params), (_REPLICAS, _PAUSED, _RESTARTED)),)


def _plan(request: Request, evidence: Evidence) -> Plan:
    object_ = _object(request.params)
    item = evidence.get(f"object.{object_.key}")
    if not item.known or item.value.get("absent"):
        raise PlanError(f"{object_.key} cannot be read, so nothing can be planned: {item.sentence or 'it is not there'}")
    fields = item.value["fields"]
    if fields[_PAUSED]:
        raise PlanError(f"{object_.key} is paused (spec.paused): a restart would begin only when it is resumed")
    if fields[_REPLICAS] == 0:
        raise PlanError(f"{object_.key} is scaled to 0: there is no pod to restart")
    at = request.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "metadata": {"annotations": {MARK: request.operation_id}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}},
    }
    ask = Step(
        title="Ask the controller for new pods",
        action="kubernetes.patch",
        system=f"{request.params.region}: Kubernetes API",
        method="PATCH",
        object=object_,
        body=body,
        relies_on={
            _UID: item.value["uid"],
            _REPLICAS: fields[_REPLICAS],
            _PAUSED: fields[_PAUSED],
            _RESTARTED: fields[_RESTARTED],
        },
        observe={of_key("metadata", "annotations", MARK): request.operation_id, _RESTARTED: at},
        undo="A restart cannot be taken back; the pods run the same version as before.",
        timeout_s=30,
    )
    wait = Step(
        title="Every new pod is ready",
        action="kubernetes.rollout",
        system=f"{request.params.region}: Kubernetes API",
        object=object_,
        arguments={"annotation": RESTARTED_AT, "value": at},
        skippable=True,
        closing=True,
        timeout_s=600,
    )
    return Plan(steps=(ask, wait), timeout_s=1800)


RESTART = Operation(
    kind="restart-workload",
    title="Restart a workload",
    sentence="Replaces the pods of a Deployment, StatefulSet or DaemonSet with new ones of the same version.",
    params=RestartParams,
    target=_target,
    wanted=_wanted,
    plan=_plan,
    guards=("object-known", "actor-account", "canary-in-flight"),
    # A restart that was approved for a standby is another matter once users are served there.
    facts=lambda request, evidence: role_facts(evidence, (request.params.region,)),
    policy=Policy(cool_down_s=300),
    access=(
        Access(("get", "patch"), "apps", "deployments"),
        Access(("get", "patch"), "apps", "statefulsets"),
        Access(("get", "patch"), "apps", "daemonsets"),
        Access(("list",), "", "pods"),
    ),
    schedulable=True,
)
