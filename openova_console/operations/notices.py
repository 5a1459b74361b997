"""What people must hear of: an approval that waits, a run that asks, one that ended badly, a sealed account that was used.

Written into the outbox in the transaction of the change itself; the notify room carries it out.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlmodel import Session

from openova_console.operations import ledger
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow

_BAD = frozenset({State.FAILED, State.EXPIRED, State.VOIDED, State.COMPLETED_WITH_EXCEPTIONS})


class Say(Protocol):
    """The outbox: as `notify.outbox.say`, with the settings bound."""

    def __call__(
        self, *, session: Session, key: str, event: str, title: str, text: str, link: str, urgent: bool, now: datetime
    ) -> object: ...


class Notices:
    """The sentences."""

    def __init__(self, say: Say, now: Callable[[], datetime]) -> None:
        self._say, self._now = say, now

    def waits(self, opened: Session, row: OperationRow) -> None:
        """Somebody is needed who approves."""
        text = f"{row.actor} asks: {row.title}. Reason: {row.reason}. It expires at {row.expires_at:%H:%M} UTC."
        self._tell(
            opened,
            f"approval/{row.id}",
            "approval.waits",
            f"Approval needed: {row.title}",
            text,
            f"/approvals?operation={row.id}",
        )

    def asks(self, opened: Session, operation_id: str) -> None:
        """A run has stopped and asks a person."""
        row = ledger.by_id(opened, operation_id)
        title = f"A run needs you: {row.title}"
        self._tell(opened, f"asks/{row.id}/{row.changes}", "run.asks", title, row.sentence, f"/runs/{row.id}", urgent=True)

    def ended(self, opened: Session, row: OperationRow) -> None:
        """A run has ended otherwise than well."""
        if State(row.state) in _BAD:
            title = f"{row.title}: {row.state.replace('_', ' ')}"
            self._tell(opened, f"ended/{row.id}", "run.ended", title, row.sentence, f"/runs/{row.id}")

    def overridden(self, opened: Session, row: OperationRow, guards: str) -> None:
        """Guards were set aside."""
        title = f"Guards set aside: {row.title}"
        text = f"{row.actor} has set aside {guards}. Reason: {row.reason}. Incident: {row.incident_id or 'none'}."
        self._tell(opened, f"override/{row.id}", "guard.overridden", title, text, f"/runs/{row.id}", urgent=True)

    def broken_glass(self, opened: Session, name: str, what: str, key: str, link: str) -> None:
        """The sealed account was used."""
        title = f"The sealed account {name} was used"
        self._tell(opened, f"glass/{key}", "account.break_glass", title, f"{what} It has to be reviewed.", link, urgent=True)

    def offline(self, opened: Session, key: str, sentence: str) -> None:
        """An account was changed on the command line, without the four eyes of an operation."""
        title = "An account was changed on the command line"
        text = f"{sentence} It has to be reviewed."
        self._tell(opened, f"offline/{key}", "account.offline", title, text, "/freeze", urgent=True)

    def frozen(self, opened: Session, key: str, sentence: str) -> None:
        """A freeze was set or lifted."""
        self._tell(opened, f"freeze/{key}", "freeze.changed", sentence, sentence, "/freeze", urgent=True)

    def incident(self, opened: Session, key: str, sentence: str) -> None:
        """An incident was declared or has ended."""
        self._tell(opened, f"incident/{key}", "incident.changed", sentence, sentence, "/approvals", urgent=True)

    def _tell(self, opened: Session, key: str, event: str, title: str, text: str, link: str, *, urgent: bool = False) -> None:
        self._say(session=opened, key=key, event=event, title=title[:200], text=text, link=link, urgent=urgent, now=self._now())
