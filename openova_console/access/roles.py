"""Roles as data: which needs each role satisfies. A need is named by the role that first has it.

Nobody is exempt from the rule that a requester never approves his own request: that rule lives with approvals and not
here, so that being an administrator does not help. Security officers and approvers answer for different things, and
neither can stand in for the other.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a person is to this console."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    SECURITY_OFFICER = "security-officer"
    ADMIN = "admin"


ALLOWED: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.OPERATOR, Role.APPROVER}),
    Role.SECURITY_OFFICER: frozenset({Role.VIEWER, Role.OPERATOR, Role.SECURITY_OFFICER}),
    Role.ADMIN: frozenset(Role),
}


def allows(role: Role | str, need: Role | str) -> bool:
    """Whether this role satisfies this need. What is not in the table is not allowed."""
    try:
        return Role(need) in ALLOWED[Role(role)]
    except ValueError:
        return False
