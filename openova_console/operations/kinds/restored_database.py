"""Accept a restored database: what was done since the backup is lost, and the console goes on from here.

Until then every start of the console stops the runs that the backup had brought back. Asked for by an administrator, approved by
another, who have looked at what the audit's copies outside of the database tell of the lost part.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from openova_console.access.roles import Role
from openova_console.operations import restored
from openova_console.operations.evidence import Evidence, Item, fresh
from openova_console.operations.facts import Fact
from openova_console.operations.operation import Books, Operation, PlanError, Policy, Request, Target
from openova_console.operations.plan import Data, Plan, Step

ACTION = "console.restored"


class AcceptRestored(Data):
    """Nothing to choose: it is about what the newest start has found."""


def lost_document(opened: Session) -> dict[str, Any]:
    """What is lost as plans rely on it; empty when nothing is."""
    lost = restored.newest(opened)
    if lost is None:
        return {}
    return {**lost.document(), "accepted": lost in restored.accepted(opened)}


def _books(books: Books, _params: AcceptRestored) -> Mapping[str, Item]:
    return {"restored": fresh(lost_document(books.session), at=books.now, source="the console's own books")}


def _facts(_request: Request, evidence: Evidence) -> Mapping[str, Fact]:
    found = evidence.get("restored").value or {}
    return {"lost": Fact(value=f"after event {found['after']} until {found['until']}" if found else "nothing")}


def _plan(request: Request, evidence: Evidence) -> Plan:
    found = evidence.get("restored").value or {}
    if not found or found["accepted"]:
        raise PlanError("The database was not restored, or that has been accepted: there is nothing to accept")
    step = Step(
        title=f"Accept that what was done after audit event {found['after']} and until {found['until']} is not in the database",
        action=ACTION,
        system="The console's own books",
        method="INSERT",
        body={"after": found["after"], "until": found["until"]},
        relies_on={"/after": found["after"], "/until": found["until"], "/accepted": False},
        observe={"/accepted": True},
        arguments={"operation": request.operation_id},
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


KINDS = (
    Operation(
        kind="accept-restored-database",
        title="Accept a restored database",
        sentence="What was done since the backup is lost; runs are no longer stopped because of it.",
        params=AcceptRestored,
        target=lambda _params: Target("Accept", "", "database", "Accept the restored database"),
        plan=_plan,
        policy=Policy(request=Role.ADMIN, approve=Role.ADMIN, override=Role.ADMIN, valid_s=86400),
        facts=_facts,
        on_platform=False,
        books=_books,
    ),
)
