"""Who may do what: pure rules over a caller, a policy and the people who were there before.

Requester is never approver, administrators included. A machine counts as its owner and never decides. An account that was
made, reset or given another role lately cannot approve. Each rule answers with the sentence that a person reads, "" when it
has nothing against it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from openova_console.access.caller import Caller
from openova_console.access.roles import Role, allows
from openova_console.handbook.speech import span
from openova_console.operations.operation import Operation, Policy
from openova_console.operations.words import State

REASON_LIMIT = 500
CONFIRM_FIRST = "Approving this asks for your password again: confirm it first."
"""The sentence that `/auth/confirm` does away with; `Refused.code` beside it is "confirm"."""
SEALED_STAYS_OUT = "The sealed account changes the platform in an emergency, and has no part in the console's own settings."


def against_request(caller: Caller, operation: Operation, policy: Policy) -> str:
    """Why this caller may not ask for this kind."""
    if caller.kind == "machine" and not {f"request:{operation.kind}", "request:*"} & caller.scopes:
        return f"This token may not request {operation.kind}: it needs the scope request:{operation.kind}."
    if caller.break_glass and not operation.on_platform:
        return SEALED_STAYS_OUT
    if caller.kind != "schedule" and not allows(caller.role, policy.request):
        return f"Requesting this needs the role {policy.request.value}; yours is {caller.role.value}."
    return ""


def against_override(caller: Caller, policy: Policy, needed: Role) -> str:
    """Why this caller may not set a guard aside."""
    if caller.kind != "person":
        return "Only a person may set a guard aside."
    for need in (policy.override, needed):
        if not allows(caller.role, need):
            return f"Setting this guard aside needs the role {need.value}; yours is {caller.role.value}."
    return ""


def against_approval(
    caller: Caller,
    policy: Policy,
    *,
    on_platform: bool,
    owner_id: int | None,
    state: State,
    expires_at: datetime,
    decided: Iterable[int],
    fresh_for: timedelta,
    confirm_for: timedelta,
    now: datetime,
) -> str:
    """Why this caller may not say yes to this operation.

    Args:
        on_platform: whether the operation changes the platform, and not the console itself.
        owner_id: the person who asked for it, or whose machine did.
        decided: user ids with a decision that stands.
        fresh_for: how long an account that was made, reset or changed cannot approve.
        confirm_for: how long a password that was given again counts.
    """
    if caller.kind != "person" or caller.user_id is None:
        return "Only a person can approve; tokens and schedules never decide."
    if state is not State.PENDING:
        return f"This is {state.value.replace('_', ' ')}: there is nothing to approve any more."
    if against := against_expired(expires_at, now) or against_same_person(caller.user_id, owner_id):
        return against
    if caller.break_glass and not on_platform:
        return SEALED_STAYS_OUT
    if not caller.break_glass and not allows(caller.role, policy.approve):
        return f"Approving this needs the role {policy.approve.value}; yours is {caller.role.value}."
    if caller.vouched_at is not None and now - caller.vouched_at < fresh_for:
        left = (caller.vouched_at + fresh_for - now).total_seconds()
        return f"Your account was made, reset or changed lately: it can approve in {span(left)}."
    if caller.user_id in set(decided):
        return "You have decided about this already."
    if policy.confirm and (caller.confirmed_at is None or now - caller.confirmed_at > confirm_for):
        return CONFIRM_FIRST
    return ""


def code_of(caller: Caller, state: State, expires_at: datetime, now: datetime, against: str = "") -> str:
    """The word for machines beside what `against_approval` says.

    "state" where nobody could approve any more, "confirm" where only the password is missing, else "role".
    """
    if caller.kind == "person" and (state is not State.PENDING or now >= expires_at):
        return "state"
    return "confirm" if against == CONFIRM_FIRST else "role"


def against_same_person(approver_id: int, owner_id: int | None) -> str:
    """Why this person's yes does not count: who asks does not approve. The guard `another-person` is this rule."""
    return "You asked for this yourself: another person has to approve it." if approver_id == owner_id else ""


def against_expired(expires_at: datetime, now: datetime) -> str:
    """Why a yes comes too late. The guard `approval-fresh` is this rule."""
    return "The request has expired: ask for it again." if now >= expires_at else ""


def against_reason(reason: str) -> str:
    """Why this reason is none."""
    words = " ".join(reason.split())
    if len(words) < 5:
        return "Give a reason in a few words: it is what others read at three in the morning."
    if len(reason) > REASON_LIMIT:
        return f"The reason is too long: at most {REASON_LIMIT} characters."
    return ""
