"""Signing in with a local account: one sentence for whatever was wrong, and a lock-out that a restart does not forgive.

An attempt is written down as a failure *before* the password is checked, and taken back when it was right: many attempts
at once cannot slip through between the check and the record. Names that do not exist are counted and answered alike.

Who signed in is sealed in the audit in the same transaction; failures are told of afterwards (`failures`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, delete, func, select
from sqlmodel import Session, col

from openova_console.access import passwords, sessions, users
from openova_console.access.failures import ACCOUNTS_PER_ADDRESS, KEPT
from openova_console.access.roles import Role
from openova_console.access.sessions import Who
from openova_console.settings import ConsoleSettings
from openova_console.store import audit
from openova_console.store.database import in_thread, reading, session
from openova_console.store.tables import AuthSession, SignInFailure, User

GlassBroken = Callable[[Session, User, AuthSession], None]
"""Told, in the transaction of the sign-in, that it was the sealed account's."""

WRONG = "That name and password do not belong together."


class SignInRefused(Exception):
    """Nobody was signed in; the message is the one sentence to show."""


class LockedOut(SignInRefused):
    """Too many failures. `retry_after_s` says for how many seconds nothing will be tried."""

    def __init__(self, retry_after_s: int) -> None:
        minutes = math.ceil(retry_after_s / 60)
        unit = "minute" if minutes == 1 else "minutes"
        super().__init__(f"Too many failed attempts from here: try again in {minutes} {unit}.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Checked:
    """A password that was right: the stored hash that it matched, and how many attempts had failed from there before."""

    stored: str
    failed_before: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `token` goes into the cookie and nowhere else."""

    token: str
    who: Who


async def sign_in(
    *,
    engine: Engine,
    settings: ConsoleSettings,
    name: str,
    password: str,
    address: str,
    user_agent: str,
    now: datetime,
    glass_broken: GlassBroken | None = None,
) -> SignedIn:
    """Check a name and a password, and start a session.

    Args:
        address: where the attempt comes from; failures are counted per account and address.
        now: UTC.
        glass_broken: without it the sealed account is refused like a wrong password: nobody would hear of it.

    Raises:
        LockedOut: too many failures within the last `lock_out_minutes`.
        SignInRefused: wrong name or password, or a disabled account: always the same sentence.
    """
    checked = await confirm_password(engine=engine, settings=settings, name=name, password=password, address=address, now=now)
    fresh_hash = await passwords.hashed(password) if passwords.outdated(checked.stored) else None
    signed_in = await in_thread(_start, engine, settings, name, checked, fresh_hash, address[:64], user_agent, now, glass_broken)
    if signed_in is None:
        raise SignInRefused(WRONG)
    return signed_in


async def confirm_password(
    *, engine: Engine, settings: ConsoleSettings, name: str, password: str, address: str, now: datetime
) -> Checked:
    """Check a name and a password, counting the attempt.

    Raises:
        LockedOut: too many failures within the last `lock_out_minutes`.
        SignInRefused: wrong name or password, or a disabled account: always the same sentence.
    """
    account, address = users.key_of(name), address[:64]
    await in_thread(_claim_attempt, engine, settings, account, address, now)
    stored = await in_thread(_stored_hash, engine, name)
    if not await passwords.verified(password, stored) or stored is None:
        raise SignInRefused(WRONG)
    return Checked(stored, await in_thread(_forgive, engine, account, address))


async def confirm(*, engine: Engine, settings: ConsoleSettings, who: Who, password: str, address: str, now: datetime) -> None:
    """Let a person prove the password again, for one approval that asks for it (`sessions.consume_confirmation`).

    Raises:
        LockedOut: too many failures within the last `lock_out_minutes`.
        SignInRefused: a wrong password, or the session has ended meanwhile.
    """
    checked = await confirm_password(engine=engine, settings=settings, name=who.name, password=password, address=address, now=now)
    if not await in_thread(_confirm, engine, who, checked, address[:64], now):
        raise SignInRefused(WRONG)


def _claim_attempt(engine: Engine, settings: ConsoleSettings, account: str, address: str, now: datetime) -> None:
    window = timedelta(minutes=settings.lock_out_minutes)
    with session(engine) as opened:
        opened.connection().execute(delete(SignInFailure).where(col(SignInFailure.at) <= now - max(window, KEPT)))
        here = and_(col(SignInFailure.address) == address, col(SignInFailure.at) > now - window)
        _refuse_over(opened, settings.sign_in_attempts, (here, col(SignInFailure.account) == account), now=now, window=window)
        _refuse_over(opened, settings.sign_in_attempts * ACCOUNTS_PER_ADDRESS, (here,), now=now, window=window)
        opened.add(SignInFailure(account=account, address=address, at=now))


def _refuse_over(opened: Session, most: int, where: tuple[ColumnElement[bool], ...], *, now: datetime, window: timedelta) -> None:
    failures = select(func.count(), func.max(col(SignInFailure.at))).select_from(SignInFailure).where(*where)
    count, newest = opened.connection().execute(failures).one()
    if count >= most:
        raise LockedOut(max(math.ceil((newest + window - now).total_seconds()), 1))


def _forgive(engine: Engine, account: str, address: str) -> int:
    """Forget the failures, the attempt that was right among them. Returns how many had failed."""
    with session(engine) as opened:
        his = (col(SignInFailure.account) == account, col(SignInFailure.address) == address)
        return max(opened.connection().execute(delete(SignInFailure).where(*his)).rowcount - 1, 0)


def _stored_hash(engine: Engine, name: str) -> str | None:
    with reading(engine) as opened:
        user = users.find(session=opened, name=name)
        return None if user is None or user.disabled else user.password_hash


def _start(
    engine: Engine,
    settings: ConsoleSettings,
    name: str,
    checked: Checked,
    fresh_hash: str | None,
    address: str,
    user_agent: str,
    now: datetime,
    glass_broken: GlassBroken | None,
) -> SignedIn | None:
    with session(engine) as opened:
        user: User | None = users.find(session=opened, name=name)
        # Changed while the password was being checked: what was checked no longer counts.
        if user is None or user.id is None or user.disabled or user.password_hash != checked.stored:
            return None
        if user.break_glass and glass_broken is None:
            return None
        if fresh_hash is not None:
            user.password_hash = fresh_hash
        token, row = sessions.create(
            session=opened, user=user, settings=settings, address=address, user_agent=user_agent, now=now
        )
        if user.break_glass and glass_broken is not None:
            glass_broken(opened, user, row)
        body = {"session": row.id, "address": address, "failed_before": checked.failed_before}
        audit.append(session=opened, event="person.signed_in", actor=user.name, body=body, now=now)
        return SignedIn(token, Who(user.id, user.name, Role(user.role), row.id, user.must_change))


def _confirm(engine: Engine, who: Who, checked: Checked, address: str, now: datetime) -> bool:
    with session(engine) as opened:
        user, row = opened.get(User, who.user_id), opened.get(AuthSession, who.session_id)
        if user is None or user.disabled or user.password_hash != checked.stored or row is None or row.revoked_at is not None:
            return False
        sessions.confirm(session=opened, session_id=row.id, now=now)
        body = {"session": row.id, "address": address, "failed_before": checked.failed_before}
        audit.append(session=opened, event="person.confirmed", actor=user.name, body=body, now=now)
        return True
