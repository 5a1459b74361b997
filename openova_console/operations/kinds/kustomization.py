"""Suspend and resume a Flux Kustomization.

Suspended, Flux applies nothing and corrects nothing: it is shown as suspended, never as green. A resume is verified by the
revision that was applied, not by Ready=True, which a suspended object keeps from before. Where a parent Kustomization applies
the child, the parent would put `spec.suspend` back: then the parent has to be suspended first, or Git changed.
"""

from openova_console.operations.evidence import Evidence
from openova_console.operations.kinds.names import MARK, Namespace, ObjectName, RegionId
from openova_console.operations.operation import Access, Operation, PlanError, Policy, Request, Target, Wanted
from openova_console.operations.plan import Data, ObjectRef, Plan, Step
from openova_console.operations.platform_facts import role_facts
from openova_console.operations.pointer import of_key
from openova_console.systems import kinds

_UID, _SUSPEND = "/metadata/uid", "/spec/suspend"
_SOURCE_KIND, _SOURCE_NAME, _SOURCE_NAMESPACE = "/spec/sourceRef/kind", "/spec/sourceRef/name", "/spec/sourceRef/namespace"


class KustomizationParams(Data):
    """Which Kustomization."""

    region: RegionId
    namespace: Namespace
    name: ObjectName


def _object(params: KustomizationParams) -> ObjectRef:
    return ObjectRef.of(params.region, kinds.KUSTOMIZATIONS, params.namespace, params.name)


def _wanted(params: KustomizationParams) -> tuple[Wanted, ...]:
    return (Wanted(_object(params), (_SUSPEND, _SOURCE_KIND, _SOURCE_NAME, _SOURCE_NAMESPACE)),)


def _target_of(verb: str, params: KustomizationParams) -> Target:
    resource = _object(params).key.removeprefix(f"{params.region}/")
    return Target(verb, params.region, resource, f"{verb} Kustomization {params.namespace}/{params.name}")


def _steps(request: Request, evidence: Evidence, *, suspend: bool) -> Plan:
    object_ = _object(request.params)
    item = evidence.get(f"object.{object_.key}")
    if not item.known or item.value.get("absent"):
        raise PlanError(f"{object_.key} cannot be read, so nothing can be planned: {item.sentence or 'it is not there'}")
    fields = item.value["fields"]
    if bool(fields[_SUSPEND]) is suspend:
        raise PlanError(f"{object_.key} is {'suspended already' if suspend else 'not suspended'}: there is nothing to do")
    system = f"{request.params.region}: Kubernetes API"
    change = Step(
        title="Tell Flux to leave it alone" if suspend else "Tell Flux to apply it again",
        action="kubernetes.patch",
        system=system,
        method="PATCH",
        object=object_,
        body={"metadata": {"annotations": {MARK: request.operation_id}}, "spec": {"suspend": suspend}},
        relies_on={_UID: item.value["uid"], _SUSPEND: fields[_SUSPEND]},
        observe={of_key("metadata", "annotations", MARK): request.operation_id, _SUSPEND: suspend},
        undo="Resume it." if suspend else "Suspend it; what Flux has applied meanwhile stays applied.",
        timeout_s=30,
    )
    check = Step(
        title="Flux leaves it alone" if suspend else "Flux has applied the source's newest revision",
        action="flux.suspended" if suspend else "flux.applied",
        system=system,
        object=object_,
        arguments={} if suspend else {"source": _source(request.params, fields)},
        skippable=not suspend,
        closing=True,
        timeout_s=60 if suspend else 600,
    )
    return Plan(steps=(change, check), timeout_s=1800)


def _source(params: KustomizationParams, fields: dict[str, object]) -> dict[str, object]:
    return {
        "kind": fields[_SOURCE_KIND],
        "name": fields[_SOURCE_NAME],
        "namespace": fields[_SOURCE_NAMESPACE] or params.namespace,
    }


_ACCESS = (
    Access(("get", "patch"), "kustomize.toolkit.fluxcd.io", "kustomizations"),
    Access(("get",), "source.toolkit.fluxcd.io", "gitrepositories"),
)
_GUARDS = ("object-known", "actor-account", "not-undone")

SUSPEND = Operation(
    kind="suspend-kustomization",
    title="Suspend a Kustomization",
    sentence="Flux applies nothing and corrects nothing there until it is resumed.",
    params=KustomizationParams,
    target=lambda params: _target_of("Suspend", params),
    wanted=_wanted,
    plan=lambda request, evidence: _steps(request, evidence, suspend=True),
    guards=_GUARDS,
    facts=lambda request, evidence: role_facts(evidence, (request.params.region,)),
    policy=Policy(),
    access=_ACCESS,
)
RESUME = Operation(
    kind="resume-kustomization",
    title="Resume a Kustomization",
    sentence="Flux applies the source's newest revision and corrects what differs.",
    params=KustomizationParams,
    target=lambda params: _target_of("Resume", params),
    wanted=_wanted,
    plan=lambda request, evidence: _steps(request, evidence, suspend=False),
    guards=_GUARDS,
    # What Git says of a region was meant for the role that it had: after a move Flux would put the old role back.
    facts=lambda request, evidence: role_facts(evidence, (request.params.region,), either_way=True),
    policy=Policy(),
    access=_ACCESS,
    schedulable=True,
)
