"""The sealed account at the door: everybody hears of it, the audit tells of it, and another person has to review it.

For whoever is alone on call. It is let in whatever else is down, its session is short, and its one yes is enough for a change
of the platform; it has no part in the console's own accounts, tokens and policy (`authority`). Once its sign-in has been
reviewed it is closed, and works again only after two administrators have sealed it anew (`kinds/accounts.py`).
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from openova_console.access import users
from openova_console.operations.notices import Notices
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import ApprovalRow, OperationRow, ReviewRow
from openova_console.store.tables import AuthSession, User

USED = "account.break_glass"


class Glass:
    """What happens when the sealed account signs in; called in the transaction of the sign-in."""

    def __init__(self, settings: Settings, notices: Notices, now: Callable[[], datetime]) -> None:
        self._settings, self._notices, self._now = settings, notices, now

    def __call__(self, opened: Session, user: User, row: AuthSession) -> None:
        now = self._now()
        row.expires_at = min(row.expires_at, now + timedelta(hours=self._settings.operations.incident_hours))
        opened.add(row)
        what = f"{user.name} signed in from {row.address or 'an unknown address'} at {now:%Y-%m-%d %H:%M} UTC."
        review = ReviewRow(
            id=secrets.token_hex(16),
            what=f"Sealed account: {what}"[:300],
            opened_by=user.name,
            opened_by_id=user.id,
            opened_at=now,
        )
        opened.add(review)
        self._notices.broken_glass(opened, user.name, what, f"session/{row.id}", "/freeze")
        body = {"session": row.id, "address": row.address, "ends_at": row.expires_at.isoformat(), "review": review.id}
        audit.append(session=opened, event=USED, actor=user.name, body=body, now=now)


def against_review(opened: Session, review: ReviewRow, user_id: int | None) -> str:
    """Why this person may not close a review of the sealed account: whoever asked for what it approved is no other person."""
    account = opened.get(User, review.opened_by_id) if review.opened_by_id is not None else None
    if account is None or not account.break_glass:
        return ""
    asked = select(OperationRow.id).join(ApprovalRow, col(ApprovalRow.operation_id) == col(OperationRow.id))
    asked = asked.where(ApprovalRow.user_id == account.id, OperationRow.owner_id == user_id)
    asked = (
        asked.where(OperationRow.id == review.operation_id)
        if review.operation_id
        else asked.where(ApprovalRow.at >= review.opened_at)
    )
    if opened.exec(asked).first() is None:
        return ""
    return "The sealed account approved what you had asked for: another person has to review that."


def close_after(opened: Session, review: ReviewRow, now: datetime) -> str:
    """Close the sealed account whose sign-in has been reviewed. Returns its name; "" when the review is of something else."""
    account = opened.get(User, review.opened_by_id) if review.opened_by_id is not None else None
    if account is None or not account.break_glass or review.operation_id is not None or account.disabled:
        return ""
    # A review of who made it at the command line, or of a use before it was sealed anew, says nothing against it.
    if review.opened_by != account.name or account.vouched_at > review.opened_at:
        return ""
    users.disable(session=opened, user=account, now=now)
    return account.name
