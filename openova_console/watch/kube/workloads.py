"""Every Deployment, StatefulSet and DaemonSet of a region: what it should run, and how far it is.

One that cannot be read is a sentence, and hides no other. Of each object only this is kept: metadata with few annotations,
replicas, selector, strategy, the template's annotations and images, and status. Five hundred of them then cost little memory,
and environment variables never come near a page.
"""

from collections.abc import Mapping
from typing import Any

from openova_console.systems import kinds, workloads
from openova_console.systems.errors import Fault
from openova_console.watch.kube.part import Objects, Part
from openova_console.watch.mirror import OWN_ANNOTATIONS, without_bookkeeping

NAME = "workloads"
KINDS = workloads.KINDS
Workloads = Mapping[tuple[str, str, str], workloads.Workload | str]
"""By (kind, namespace, name), e.g. ("Deployment", "shop", "web")."""
_KEPT = ("replicas", "selector", "strategy", "updateStrategy", "paused", "progressDeadlineSeconds")
_ANNOTATIONS = (*OWN_ANNOTATIONS, "kubectl.kubernetes.io/")


def trimmed(item: dict[str, Any]) -> dict[str, Any]:
    """What the mirror keeps of a workload. An object of another shape is left as it is: whoever reads it will say so."""
    kept = without_bookkeeping(item, keep=_ANNOTATIONS)
    spec = kept.get("spec")
    if not isinstance(spec, dict):
        return kept
    new = {key: spec[key] for key in _KEPT if key in spec}
    if template := _template(spec.get("template")):
        new["template"] = template
    return {**kept, "spec": new}


def _template(template: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(template, dict):
        return found
    metadata, spec = template.get("metadata"), template.get("spec")
    if isinstance(metadata, dict) and metadata.get("annotations"):
        found["metadata"] = {"annotations": metadata["annotations"]}
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if isinstance(containers, list):
        images = [{k: c[k] for k in ("name", "image") if k in c} for c in containers if isinstance(c, dict)]
        found["spec"] = {"containers": images}
    return found


def _read(objects: Objects, source: str) -> Workloads:
    found: dict[tuple[str, str, str], workloads.Workload | str] = {}
    for resource in KINDS:
        kind = kinds.kind_of(resource)
        for (namespace, name), item in objects[resource].items():
            try:
                found[kind, namespace, name] = workloads.workload(resource, item, source=source)
            except Fault as fault:
                found[kind, namespace, name] = fault.sentence
    return found


WORKLOADS = Part(NAME, KINDS, _read)
