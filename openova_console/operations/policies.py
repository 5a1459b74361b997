"""The policy that counts for a kind now, and the one that was stored with an operation."""

import json
from typing import Any

from sqlmodel import Session, col, func, select

from openova_console.access.roles import Role
from openova_console.operations.catalogue import policy_of
from openova_console.operations.operation import Operation, Policy
from openova_console.settings import Settings
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
