"""Every kind of operation that there is, and the policy that counts for each."""

from collections.abc import Mapping

from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.guards import EVERYWHERE
from openova_console.operations.kinds import accounts, policy, restored_database, standing_approvals, tokens
from openova_console.operations.kinds.kustomization import RESUME, SUSPEND
from openova_console.operations.kinds.restart import RESTART
from openova_console.operations.operation import Operation
from openova_console.operations.policies import policy_document, policy_of, policy_version

__all__ = ["CATALOGUE", "guards_of", "policy_document", "policy_of", "policy_version"]

_PLATFORM = (RESTART, SUSPEND, RESUME)
_CONSOLE = (*accounts.KINDS, *tokens.KINDS, *policy.KINDS, *standing_approvals.KINDS, *restored_database.KINDS)

CATALOGUE: Mapping[str, Operation] = {operation.kind: operation for operation in (*_PLATFORM, *_CONSOLE)}
"""By kind."""


def guards_of(operation: Operation) -> tuple[str, ...]:
    """The ids of the guards that hold for this kind, each once."""
    found = tuple(dict.fromkeys((*(EVERYWHERE if operation.on_platform else ()), *operation.guards)))
    missing = [id_ for id_ in found if id_ not in GUARDS]
    if missing:
        raise KeyError(f"{operation.kind} names guards that do not exist: {', '.join(missing)}")
    return found
