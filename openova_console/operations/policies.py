"""The policy that counts for a kind now, and the one that was stored with an operation."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlmodel import Session, col, func, select

from openova_console.access.roles import Role
from openova_console.handbook.canonical import sha256_of
from openova_console.operations.operation import Operation, Policy
from openova_console.settings import Settings
from openova_console.settings.operations import KindPolicy
from openova_console.store.change_tables import OperationRow, PolicyRow


def approved(session: Session) -> dict[str, Any]:
    """What people have changed through operations: kind → its part of the policy."""
    newest = session.exec(select(PolicyRow).order_by(col(PolicyRow.version).desc())).first()
    return dict(json.loads(newest.document)) if newest is not None else {}


def version(session: Session) -> int:
    """The number of the newest change; 0 before the first."""
    return session.exec(select(func.max(PolicyRow.version))).one() or 0


def current(session: Session, settings: Settings, operation: Operation) -> Policy:
    """The policy that counts now."""
    return policy_of(operation, settings.operations.kinds.get(operation.kind), approved(session).get(operation.kind))


def policy_from(row: OperationRow) -> Policy:
    """The policy under which an operation was asked for."""
    stored = json.loads(row.policy)
    return Policy(**{**stored, **{name: Role(stored[name]) for name in ("request", "approve", "override")}})


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
