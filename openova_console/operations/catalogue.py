"""Every kind of operation that there is, and the policy that counts for each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openova_console.access.roles import Role
from openova_console.handbook.canonical import sha256_of
from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.guards import EVERYWHERE
from openova_console.operations.kinds.kustomization import RESUME, SUSPEND
from openova_console.operations.kinds.restart import RESTART
from openova_console.operations.operation import Operation, Policy
from openova_console.settings.operations import KindPolicy

CATALOGUE: Mapping[str, Operation] = {operation.kind: operation for operation in (RESTART, SUSPEND, RESUME)}
"""By kind."""


def guards_of(operation: Operation) -> tuple[str, ...]:
    """The ids of the guards that hold for this kind, each once."""
    found = tuple(dict.fromkeys((*(EVERYWHERE if operation.on_platform else ()), *operation.guards)))
    missing = [id_ for id_ in found if id_ not in GUARDS]
    if missing:
        raise KeyError(f"{operation.kind} names guards that do not exist: {', '.join(missing)}")
    return found


def policy_of(operation: Operation, settings: KindPolicy | None, approved: Mapping[str, Any] | None = None) -> Policy:
    """The policy that counts: the kind's own, then the settings, then what people have approved since."""
    policy = operation.policy
    for layer in (settings, KindPolicy.model_validate(approved) if approved else None):
        if layer is not None:
            policy = _over(policy, layer)
    return policy


def _over(policy: Policy, layer: KindPolicy) -> Policy:
    given = layer.model_dump(exclude_none=True)
    changes: dict[str, Any] = {name: Role(given[name]) for name in ("request", "approve", "override") if name in given}
    changes |= {name: given[name] for name in ("approvals", "confirm") if name in given}
    changes |= {f"{name}_s": given[f"{name}_minutes"] * 60 for name in ("valid", "cool_down") if f"{name}_minutes" in given}
    return replace(policy, **changes)


def policy_document(policy: Policy) -> dict[str, Any]:
    """The policy as JSON, as it is stored and hashed."""
    return {
        "request": policy.request.value,
        "approve": policy.approve.value,
        "override": policy.override.value,
        "approvals": policy.approvals,
        "valid_s": policy.valid_s,
        "cool_down_s": policy.cool_down_s,
        "confirm": policy.confirm,
    }


def policy_version(policy: Policy) -> str:
    """A short name of exactly this policy."""
    return sha256_of(policy_document(policy))[:12]
