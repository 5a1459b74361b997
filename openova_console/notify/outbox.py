"""The outbox: what people must hear of, written in the transaction of the change that it tells of: neither is without the other.

One key is one notification, however often it is said.
"""

import secrets
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from openova_console.store.change_tables import NotificationRow


def say(*, session: Session, key: str, event: str, title: str, text: str, link: str, urgent: bool = False, now: datetime) -> None:
    """Write one notification, unless there is one of this key already.

    Args:
        key: what makes it the same notification when it is said again; at most 120 characters.
        event: what happened, as a dotted name, e.g. "approval.waits".
        link: a path of the console, e.g. "/runs/…".
        urgent: whether somebody has to look at once.
        now: UTC.
    """
    row = NotificationRow(
        id=secrets.token_hex(16), key=key[:120], event=event, title=title[:200], text=text, link=link[:300], urgent=urgent, at=now
    )
    # The key decides, not a look before it: two that say the same at once must both go on.
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.connection().execute(
        dialect.insert(NotificationRow).values(**row.model_dump()).on_conflict_do_nothing(index_elements=["key"])
    )
