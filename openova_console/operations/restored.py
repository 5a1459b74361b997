"""A database that was restored from a backup: what is lost, and that people have accepted the loss.

Anchors outside of the database keep heads of the audit as it went on before the restore. They contradict the database at every
start, until two administrators accept that what was written after one event and until one instant is lost. The acceptance is
signed, so that whoever can alter the database alone cannot accept anything; it covers no anchor from before or after that.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from openova_console.handbook.seals import Anchor
from openova_console.operations.signing import sign_document
from openova_console.store.change_tables import AuditEvent

RESTORED, ACCEPTED = "database.restored", "database.accepted"


@dataclass(frozen=True, slots=True)
class Lost:
    """What is not in the database: events after number `after`, written until `until` (ISO 8601)."""

    after: int
    until: str

    @classmethod
    def of(cls, contradicting: Iterable[Anchor]) -> "Lost | None":
        """What these heads, which are not in the database, tell; None without any."""
        heads = list(contradicting)
        if not heads:
            return None
        return cls(min(head.seq for head in heads) - 1, max((head.at for head in heads), key=datetime.fromisoformat))

    def covers(self, head: Anchor) -> bool:
        """Whether this head is of the lost part."""
        return head.seq > self.after and datetime.fromisoformat(head.at) <= datetime.fromisoformat(self.until)

    def document(self) -> dict[str, Any]:
        """As it is sealed and signed."""
        return {"after": self.after, "until": self.until}

    def signature(self, key: bytes) -> str:
        """What proves that people have accepted it."""
        return sign_document(key, {"lost": self.document()})


def newest(opened: Session) -> Lost | None:
    """What the newest start found to be lost, if any start did."""
    return next((found for found, _ in _told(opened, RESTORED)), None)


def accepted(opened: Session, key: bytes | None = None) -> list[Lost]:
    """What people have accepted; with a key only what it has signed."""
    return [
        lost for lost, signature in _told(opened, ACCEPTED) if key is None or hmac.compare_digest(lost.signature(key), signature)
    ]


def counting(opened: Session, key: bytes, heads: Iterable[Anchor]) -> tuple[Anchor, ...]:
    """The heads that still count: without those of a loss that people have accepted."""
    losses = accepted(opened, key)
    return tuple(head for head in heads if not any(lost.covers(head) for lost in losses))


def _told(opened: Session, event: str) -> list[tuple[Lost, str]]:
    found = opened.exec(select(AuditEvent).where(AuditEvent.event == event).order_by(col(AuditEvent.seq).desc())).all()
    told = []
    for row in found:
        body = json.loads(row.body)
        if isinstance(body.get("after"), int) and isinstance(body.get("until"), str):
            told.append((Lost(body["after"], body["until"]), str(body.get("signature", ""))))
    return told
