"""What the console's two accounts need of each region's Kubernetes API: `deploy/rbac.yaml`, from what the code reads and writes.

The reader looks and never acts; the actor changes what operations declare (`Operation.access`) and the console's own records,
and sees nothing else. Neither may read Secrets, run commands in pods, delete, or give itself rights.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.operation import Access
from openova_console.operations.records import ACCESS as RECORDS
from openova_console.systems import kinds
from openova_console.watch.collectors.kubernetes import MIRRORED

READER, ACTOR, NAMESPACE = "openova-console-reader", "openova-console-actor", "openova-console"
_RBAC = "rbac.authorization.k8s.io"


def actor_access() -> tuple[Access, ...]:
    """Every right of the actor, each once. A namespace is named where a right holds in one only."""
    found = {access for operation in CATALOGUE.values() for access in operation.access} | set(RECORDS)
    return tuple(sorted(found, key=lambda a: (a.namespace, a.group, a.plural, a.verbs)))


def reader_access() -> tuple[Access, ...]:
    """Every right of the reader, each once."""
    found = {(r.group, r.plural) for r in (*MIRRORED, kinds.EVENTS)}
    return tuple(Access(("get", "list", "watch"), group, plural) for group, plural in sorted(found))


def rules_of(rights: Iterable[Access]) -> list[dict[str, list[str]]]:
    """Rights as RBAC rules: verbs of one resource together, resources of a group with the same verbs together."""
    verbs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for right in rights:
        verbs[right.group, right.plural] |= set(right.verbs)
    together: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, plural), found in sorted(verbs.items()):
        together[group, tuple(sorted(found))].append(plural)
    return [{"apiGroups": [group], "resources": plurals, "verbs": list(found)} for (group, found), plurals in together.items()]


def manifests() -> list[Mapping[str, Any]]:
    """The objects of `deploy/rbac.yaml`, to be applied in both regions."""
    everywhere = [a for a in actor_access() if not a.namespace]
    at_home = [a for a in actor_access() if a.namespace]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(_account(name) for name in (READER, ACTOR)),
        _role("ClusterRole", READER, rules_of(reader_access())),
        _binding("ClusterRole", READER),
        _role("ClusterRole", ACTOR, rules_of(everywhere)),
        _binding("ClusterRole", ACTOR),
        _role("Role", ACTOR, rules_of(at_home)),
        _binding("Role", ACTOR),
    ]


def as_text() -> str:
    """`deploy/rbac.yaml`."""
    head = (
        "# The console's accounts in each region, written from what its code reads and writes: "
        "openova_console/operations/rights.py.\n"
    )
    return head + yaml.safe_dump_all(manifests(), sort_keys=False, width=120)


def _account(name: str) -> Mapping[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}


def _role(kind: str, name: str, rules: list[dict[str, list[str]]]) -> Mapping[str, Any]:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": _named(kind, name), "rules": rules}


def _binding(kind: str, name: str) -> Mapping[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": _named(kind, name),
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    }


def _named(kind: str, name: str) -> dict[str, str]:
    return {"name": name} if kind == "ClusterRole" else {"name": name, "namespace": NAMESPACE}
