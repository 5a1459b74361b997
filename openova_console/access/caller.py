"""Who asks: a person in a browser, a machine with a token, or a schedule. All three pass the same rules.

A machine counts as its owner, so that nobody can approve what his own machine asked for; it never decides.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from openova_console.access.roles import Role
from openova_console.access.sessions import Who
from openova_console.store.tables import AuthSession, User


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        kind: person, machine or schedule.
        name: of the account, the token, the schedule, or "alert:" and the alert's mapping.
        user_id: of the person, or of the machine's owner; None for a schedule.
        role: what the account may do; for a machine never more than its owner.
        scopes: of a machine's token.
        session_id: of a person's session.
        break_glass: the sealed account for whoever is alone on call.
        vouched_at: when somebody else last made the account, reset it or changed its role.
        confirmed_at: when the person last gave the password again in this session.
        owner: a machine's owner, by name.
    """

    kind: Literal["person", "machine", "schedule"]
    name: str
    user_id: int | None
    role: Role
    scopes: frozenset[str] = frozenset()
    session_id: str = ""
    break_glass: bool = False
    vouched_at: datetime | None = None
    confirmed_at: datetime | None = None
    owner: str = ""

    @property
    def label(self) -> str:
        """The name under which everything is written down; at most 80 characters."""
        match self.kind:
            case "machine":
                return f"{self.name} (machine of {self.owner})"[:80]
            case "schedule":
                return (f"schedule {self.name}" if not self.name.startswith("alert:") else self.name.replace(":", " ", 1))[:80]
        return self.name[:80]


def caller_of(*, session: Session, who: Who) -> Caller | None:
    """The person behind a session as the database has him now; None when the account or the session is gone."""
    user, row = session.get(User, who.user_id), session.get(AuthSession, who.session_id)
    if user is None or user.disabled or row is None or row.revoked_at is not None:
        return None
    return Caller(
        kind="person",
        name=user.name,
        user_id=who.user_id,
        role=Role(user.role),
        session_id=who.session_id,
        break_glass=user.break_glass,
        vouched_at=user.vouched_at,
        confirmed_at=row.confirmed_at,
    )
