"""Attempts that failed, in the audit: whom somebody tried to be, from where and how often, whatever a flood of them does.

The rate limits come first: every attempt is a row of `sign_in_failures` before the password is looked at, and what is locked
out leaves no row and no event. Of the rest one event a minute is sealed for each account and address, with the count of all
since the one before; and no more than `MOST_A_MINUTE` of them, above which one event sums up all.

A name that was typed stands in no event unless there is such an account: people type passwords into that field.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from openova_console.access import users
from openova_console.settings import ConsoleSettings
from openova_console.store import audit
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import reading, session
from openova_console.store.tables import SignInFailure

Attempt = Literal["sign-in", "confirmation", "password"]

EVENTS: Mapping[Attempt, str] = {
    "sign-in": "person.sign_in_failed",
    "confirmation": "person.confirmation_failed",
    "password": "person.password_refused",
}
LOCKED = "person.locked_out"
UNKNOWN, EVERY, SEVERAL = "unknown account", "every account", "several"
NOBODY = "not signed in"
MOST_A_MINUTE = 30
ACCOUNTS_PER_ADDRESS = 10
"""One address may fail for this many accounts before it is locked out for all of them."""
_MINUTE = timedelta(minutes=1)
KEPT = 2 * _MINUTE
"""Failures are kept at least this long, so that `settle` sees each of them."""

_Group = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A failure that the audit tells of already."""

    event: str
    at: str
    group: _Group

    def covers(self, group: _Group) -> bool:
        return self.group in (group, (SEVERAL, SEVERAL))


def note(*, engine: Engine, settings: ConsoleSettings, attempt: Attempt, name: str, address: str, by: str, now: datetime) -> None:
    """Seal that an attempt has failed, unless that was told within the last minute: `settle` tells of it then.

    To be called when the answer is on its way: how long this takes depends on whether there is such an account.

    Args:
        name: as it was typed.
        by: who is signed in where it was tried; "" for nobody.
    """
    address = address[:64]
    with reading(engine) as opened:
        if _told(opened, *_seen(opened, settings, attempt, name, address, now), now):
            return
    with session(engine) as opened:
        audit.take_turn(opened)
        event, group = _seen(opened, settings, attempt, name, address, now)
        if _told(opened, event, group, now):
            return
        untold = _untold(opened, now, address)
        count = sum(untold.values()) if group == (EVERY, address) else untold[group]
        _seal(opened, event, group, max(count, 1), by or NOBODY, now)


def settle(*, engine: Engine, now: datetime) -> int:
    """Seal what failed more than a minute ago and was not told of. Returns how many events that made; writes only if any."""
    with reading(engine) as opened:
        if not _due(opened, now):
            return 0
    with session(engine) as opened:
        audit.take_turn(opened)
        due = _due(opened, now)
        room = MOST_A_MINUTE - len(_sealed(opened, now - _MINUTE))
        if len(due) > max(room, 1):
            due = {(SEVERAL, SEVERAL): sum(due.values())}
        for group, count in due.items():
            _seal(opened, EVENTS["sign-in"], group, count, NOBODY, now)
        return len(due)


def _seal(opened: Session, event: str, group: _Group, count: int, by: str, now: datetime) -> None:
    account, address = group
    body = {"account": account, "address": address, "count": count}
    audit.append(session=opened, event=event, actor=by, body=body, now=now)


def _seen(
    opened: Session, settings: ConsoleSettings, attempt: Attempt, name: str, address: str, now: datetime
) -> tuple[str, _Group]:
    """What is to be told of this failure: that it locked the account or the address, or only that it was one."""
    here = (col(SignInFailure.address) == address, col(SignInFailure.at) > now - timedelta(minutes=settings.lock_out_minutes))
    rows = select(func.count()).select_from(SignInFailure).where(*here)
    shown = _shown(opened, name)
    if opened.execute(rows).scalar_one() >= settings.sign_in_attempts * ACCOUNTS_PER_ADDRESS:
        return LOCKED, (EVERY, address)
    mine = rows.where(col(SignInFailure.account) == users.key_of(name))
    locked = opened.execute(mine).scalar_one() >= settings.sign_in_attempts
    return (LOCKED if locked else EVENTS[attempt]), (shown, address)


def _shown(opened: Session, name: str) -> str:
    user = users.find(session=opened, name=name)
    return user.name if user is not None else UNKNOWN


def _told(opened: Session, event: str, group: _Group, now: datetime) -> bool:
    recent = _sealed(opened, now - _MINUTE)
    return len(recent) >= MOST_A_MINUTE or any(one.event == event and one.covers(group) for one in recent)


def _sealed(opened: Session, since: datetime) -> list[_Sealed]:
    names = (*EVENTS.values(), LOCKED)
    wanted = select(col(AuditEvent.event), col(AuditEvent.at), col(AuditEvent.body))
    wanted = wanted.where(col(AuditEvent.event).in_(names), col(AuditEvent.at) > audit.instant(since))
    found = []
    for event, at, body in opened.execute(wanted):
        read = json.loads(body)
        found.append(_Sealed(event, at, (read["account"], read["address"])))
    return found


def _due(opened: Session, now: datetime) -> dict[_Group, int]:
    """The groups that have waited for a minute, and how many failures of each were not told of."""
    old, recent = _untold(opened, now - _MINUTE), _sealed(opened, now - _MINUTE)
    waiting = {group for group in old if not any(one.covers(group) for one in recent)}
    if not waiting:
        return {}
    return {group: count for group, count in _untold(opened, now).items() if group in waiting}


def _untold(opened: Session, until: datetime, address: str | None = None) -> Counter[_Group]:
    """Failures up to an instant that no event has counted, by account and address."""
    wanted = select(col(SignInFailure.account), col(SignInFailure.address), col(SignInFailure.at))
    wanted = wanted.where(col(SignInFailure.at) <= until)
    if address is not None:
        wanted = wanted.where(col(SignInFailure.address) == address)
    rows = opened.execute(wanted).all()
    if not rows:
        return Counter()
    sealed = _sealed(opened, min(at for _, _, at in rows) - timedelta(microseconds=1))
    names: dict[str, str] = {user.name_key: user.name for user in users.everyone(session=opened)}
    found: Counter[_Group] = Counter()
    for account, where, at in rows:
        group = (names.get(account, UNKNOWN), where)
        covering = (one.at for one in sealed if one.covers(group) or one.group == (EVERY, where))
        if audit.instant(at) > max(covering, default=""):
            found[group] += 1
    return found
