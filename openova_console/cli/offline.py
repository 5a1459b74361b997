"""What the command line may change by itself, and how it makes that known.

Accounts change as operations that a second administrator approves. That is not possible before there are two of them, and not
when nobody can sign in: for these two cases alone the machine itself is the right to act. What is done so is sealed in the
audit with the operating system's user. Once there has been an administrator it opens a review too, and everybody is told.
"""

import os
import pwd
import secrets
import socket
from datetime import datetime

from sqlmodel import Session

from openova_console.access import sessions, users
from openova_console.access.roles import Role
from openova_console.notify.outbox import say
from openova_console.operations.notices import Notices
from openova_console.settings import ConsoleSettings
from openova_console.store import audit
from openova_console.store.change_tables import ReviewRow
from openova_console.store.tables import User

EVENT = "account.offline"
_ASK = "ask for the operation {kind} in the console or at /api/v1/operations, and another administrator approves it"


class NotHere(Exception):
    """The command line may not do this; the message is one sentence that says how it is asked for."""


def open_administrators(opened: Session) -> list[User]:
    """Who could ask for a change of accounts, or approve one."""
    return [user for user in users.administrators(session=opened) if not user.disabled]


def check_add(opened: Session, role: Role) -> None:
    """New accounts: before the first administrator any, then the second administrator, then none. Raises `NotHere`."""
    found = open_administrators(opened)
    if len(found) > 1 or (found and role is not Role.ADMIN):
        second = "" if len(found) > 1 else ", once there is a second administrator (users add NAME --role admin)"
        raise NotHere(_refusal(found, "add-account", second))


def check_seal(opened: Session) -> None:
    """The sealed account: as long as two administrators could not see to it. Raises `NotHere`."""
    if len(found := open_administrators(opened)) > 1:
        raise NotHere(_refusal(found, "seal-account"))


def check_change(opened: Session, kind: str) -> None:
    """Any other change: before the first administrator. Raises `NotHere`."""
    if found := open_administrators(opened):
        second = "" if len(found) > 1 else ", once there is a second administrator (users add NAME --role admin)"
        raise NotHere(_refusal(found, kind, second))


def check_recover(opened: Session, user: User, settings: ConsoleSettings, now: datetime) -> None:
    """An administrator's way back in: as long as no administrator is signed in. Raises `NotHere`."""
    if user.break_glass or user.role != Role.ADMIN:
        raise NotHere(f"{user.name} is no administrator: recover one, who can ask for everything else.")
    for other in open_administrators(opened):
        if other.id is not None and (rows := sessions.current(session=opened, user_id=other.id, settings=settings, now=now)):
            raise NotHere(
                f"The administrator {other.name} is signed in (last seen {rows[0].last_seen_at:%Y-%m-%d %H:%M} UTC), so the "
                f"console is not lost: {_ASK.format(kind='reset-password')}."
            )


def _refusal(found: list[User], kind: str, second: str = "") -> str:
    who = "an administrator" if len(found) == 1 else f"{len(found)} administrators"
    return f"There is {who}, so accounts are not changed on the command line: {_ASK.format(kind=kind)}{second}."


def os_user() -> str:
    """Who types, as the operating system knows it: the environment can claim anything."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def has_begun(opened: Session) -> bool:
    """Whether there has been an administrator: then what is done here is reviewed by others."""
    return bool(users.administrators(session=opened))


def make_known(opened: Session, command: str, what: str, user: User, now: datetime, *, loud: bool) -> None:
    """Seal what was done, and where there is somebody to hear of it open a review and tell everybody.

    Args:
        what: what was done, as it goes on after the account's name, e.g. "was made as viewer".
        loud: what `has_begun` said before.
    """
    actor, account, host = f"command line ({os_user()})"[:80], user.name, socket.gethostname()
    if loud:
        sentence = f"{account} {what} on the command line of {host} by {os_user()}."
        review = ReviewRow(
            id=secrets.token_hex(16),
            what=f"Accounts changed on the command line: {sentence}"[:300],
            opened_by=actor,
            opened_by_id=user.id,
            opened_at=now,
        )
        opened.add(review)
        Notices(say, lambda: now).offline(opened, review.id, sentence)
    body = {"command": command, "account": account, "done": what, "os_user": os_user(), "uid": os.getuid(), "host": host}
    audit.append(session=opened, event=EVENT, actor=actor, body=body, now=now)
