"""Local accounts: made, changed and listed here, by operations, by the first set-up, and by the command line before it is over.

The sealed account is for whoever is alone on call. It is closed again when its use has been reviewed, and nothing opens it
but a new word (`seal`).
"""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from openova_console.access.passwords import check_rules, hash_password
from openova_console.access.roles import Role
from openova_console.store.tables import AuthSession, User

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")


class UserError(Exception):
    """An account cannot be made or changed; the message is one sentence for a person."""


def key_of(name: str) -> str:
    """What names are compared by: upper and lower case are the same name."""
    return name.strip().casefold()[:64]


def find(*, session: Session, name: str) -> User | None:
    """The account with this name, in whatever case it is typed."""
    return session.exec(select(User).where(User.name_key == key_of(name))).first()


def by_name_or_raise(*, session: Session, name: str) -> User:
    """The account with this name. Raises `UserError` when there is none."""
    user = find(session=session, name=name)
    if user is None:
        raise UserError(f"There is no account named {name!r}: list them with `users list`.")
    return user


def everyone(*, session: Session) -> Sequence[User]:
    """All accounts by name."""
    return session.exec(select(User).order_by(col(User.name_key))).all()


def count(*, session: Session) -> int:
    """How many accounts there are, disabled ones included and sealed ones not."""
    return session.exec(select(func.count()).select_from(User).where(col(User.break_glass).is_(False))).one()


def administrators(*, session: Session) -> Sequence[User]:
    """The ordinary accounts that are administrators, closed ones included."""
    wanted = select(User).where(User.role == Role.ADMIN.value, col(User.break_glass).is_(False))
    return session.exec(wanted.order_by(col(User.name_key))).all()


def add(*, session: Session, name: str, password: str, role: Role, now: datetime, must_change: bool = False) -> User:
    """Make an account.

    Raises:
        UserError: when the name is taken or is no name.
        WeakPassword: when the password breaks a rule.
    """
    name = name.strip()
    check_name(name)
    check_rules(password, name=name)
    return _made(session=session, name=name, password_hash=hash_password(password), role=role, now=now, must_change=must_change)


def add_with_word(*, session: Session, name: str, word_hash: str, role: Role, now: datetime) -> User:
    """Make an account with a one-time word that has to be changed at the first sign-in.

    Args:
        word_hash: from `passwords.one_time_word`.

    Raises:
        UserError: when the name is taken or is no name.
    """
    check_name(name)
    return _made(session=session, name=name, password_hash=word_hash, role=role, now=now, must_change=True)


def seal(*, session: Session, name: str, word_hash: str, now: datetime) -> User:
    """Make the sealed account, or give it a new word and open it again. Its sessions end, and it counts as fresh.

    Its word is not changed at the first sign-in, which happens in an emergency. What it may decide does not come from its
    role (`operations.authority`).

    Args:
        word_hash: from `passwords.one_time_word`.

    Raises:
        UserError: when the name is that of an ordinary account, or is no name.
    """
    check_name(name)
    user = find(session=session, name=name)
    if user is None:
        user = _made(session=session, name=name, password_hash=word_hash, role=Role.APPROVER, now=now, must_change=False)
        user.break_glass = True
    elif not user.break_glass:
        raise UserError(f"{user.name!r} is an ordinary account: choose another name for the sealed one.")
    else:
        user.password_hash = word_hash
        user.password_changed_at = user.vouched_at = now
        user.disabled = user.must_change = False
        _end_sessions(session, user, now)
    session.add(user)
    return user


def check_name(name: str) -> None:
    """Raises `UserError` when this is no name of an account."""
    if not _NAME.fullmatch(name):
        raise UserError(
            "A name has 1 to 64 letters, digits, dots, dashes, underscores or @, and begins and ends with a letter or digit."
        )


def _made(*, session: Session, name: str, password_hash: str, role: Role, now: datetime, must_change: bool) -> User:
    if find(session=session, name=name) is not None:
        raise UserError(f"There is already an account named {name!r}: choose another name.")
    user = User(
        name=name,
        name_key=key_of(name),
        password_hash=password_hash,
        role=Role(role).value,
        created_at=now,
        password_changed_at=now,
        must_change=must_change,
        vouched_at=now,
    )
    session.add(user)
    session.flush()
    return user


def set_password(*, session: Session, user: User, password: str, now: datetime, must_change: bool = False) -> None:
    """Change a password and end all of the account's sessions.

    Raises:
        WeakPassword: when the password breaks a rule.
    """
    check_rules(password, name=user.name)
    user.password_hash = hash_password(password)
    user.password_changed_at = now
    user.must_change = must_change
    session.add(user)
    _end_sessions(session, user, now)


def reset_with_word(*, session: Session, user: User, word_hash: str, now: datetime) -> None:
    """Give an account a one-time word that has to be changed at the next sign-in, and end all of its sessions.

    From now on it counts as a fresh account: whoever reset it could have signed in.
    """
    user.password_hash = word_hash
    user.password_changed_at = user.vouched_at = now
    user.must_change = True
    session.add(user)
    _end_sessions(session, user, now)


def set_role(*, session: Session, user: User, role: Role, now: datetime) -> None:
    """Change a role and end all of the account's sessions, so that no page of the old role stays open.

    From now on it counts as a fresh account.

    Raises:
        UserError: when no administrator would be left.
    """
    if Role(role) is not Role.ADMIN:
        _keep_an_admin(session, user)
    user.role = Role(role).value
    user.vouched_at = now
    session.add(user)
    _end_sessions(session, user, now)


def disable(*, session: Session, user: User, now: datetime) -> None:
    """Close an account and end all of its sessions.

    Raises:
        UserError: when no administrator would be left.
    """
    _keep_an_admin(session, user)
    user.disabled = True
    session.add(user)
    _end_sessions(session, user, now)


def enable(*, session: Session, user: User, now: datetime) -> None:
    """Open a closed account again. From now on it counts as a fresh one."""
    user.disabled = False
    user.vouched_at = now
    session.add(user)


def _keep_an_admin(session: Session, user: User) -> None:
    if user.role != Role.ADMIN or user.disabled or user.break_glass:
        return
    if all(other.disabled or other.id == user.id for other in administrators(session=session)):
        raise UserError(f"{user.name!r} is the only administrator: make another one first.")


def _end_sessions(session: Session, user: User, now: datetime) -> None:
    mine = update(AuthSession).where(col(AuthSession.user_id) == user.id, col(AuthSession.revoked_at).is_(None))
    session.connection().execute(mine.values(revoked_at=now))
