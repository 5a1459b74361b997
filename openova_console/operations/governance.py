"""The console's own brakes and exceptions: freezes, incidents, overrides and the reviews that they demand.

A freeze needs a reason and no approval: making things safer is quick. A declared incident lets one approval be enough, for
whoever did not declare it, and ends by itself. What was set aside or done under break-glass stays open until another person
has reviewed it.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine as Database
from sqlmodel import Session, col, select

from openova_console.access.caller import Caller
from openova_console.access.roles import Role, allows
from openova_console.operations import brakes, glass
from openova_console.operations.authority import SEALED_STAYS_OUT, against_reason
from openova_console.operations.brakes import FreezeError
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.notices import Notices
from openova_console.operations.operation import Policy
from openova_console.operations.records import Records
from openova_console.operations.requests import Refused
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import FreezeRow, IncidentRow, OperationRow, ReviewRow
from openova_console.store.database import in_thread, reading, session


class Governance:
    """See the module."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        notices: Notices,
        records: Records,
        *,
        now: Callable[[], datetime],
        changed: Callable[[str], None],
    ) -> None:
        self._database, self._settings, self._notices, self._records = database, settings, notices, records
        self._now, self._changed = now, changed

    def against_freeze(self, caller: Caller) -> str:
        """Why this caller may not freeze or lift; "" when he may."""
        need = Role(self._settings.operations.freeze)
        if caller.kind != "person":
            return "Only a person can freeze or lift."
        return "" if allows(caller.role, need) else f"Freezing needs the role {need.value}; yours is {caller.role.value}."

    async def freeze(self, caller: Caller, *, scope: str, value: str, reason: str, until: datetime | None = None) -> FreezeRow:
        """Stop everything, a region, or a kind. Holds at once here, and at the other console as soon as it can be told."""
        self._check(self.against_freeze(caller), reason)

        def write() -> FreezeRow:
            with session(self._database) as opened:
                row = brakes.freeze(
                    session=opened,
                    settings=self._settings,
                    kinds_known=frozenset(CATALOGUE),
                    scope=scope,
                    value=value,
                    reason=reason,
                    actor=caller.label,
                    until=until,
                    now=self._now(),
                )
                self._notices.frozen(opened, row.id, f"{caller.label} has frozen {self._scope(row)}: {reason}")
                return row

        try:
            row = await in_thread(write)
        except FreezeError as error:
            raise Refused("params", str(error)) from None
        self._changed("")
        self._records.want_freezes()
        return row

    def _scope(self, row: FreezeRow) -> str:
        """What a freeze stops, as people call it."""
        match row.scope:
            case "region":
                return f"changes of {self._settings.region(row.value).display}"
            case "kind":
                return f"“{CATALOGUE[row.value].title}”"
        return "every change"

    async def lift(self, caller: Caller, freeze_id: str, *, reason: str) -> FreezeRow:
        """Lift a freeze."""
        self._check(self.against_freeze(caller), reason)

        def write() -> FreezeRow:
            with session(self._database) as opened:
                row = brakes.lift(session=opened, freeze_id=freeze_id, reason=reason, actor=caller.label, now=self._now())
                self._notices.frozen(
                    opened, f"{row.id}/lifted", f"{caller.label} has lifted the freeze of {self._scope(row)}: {reason}"
                )
                return row

        try:
            row = await in_thread(write)
        except FreezeError as error:
            raise Refused("state", str(error)) from None
        self._changed("")
        self._records.want_freezes()
        return row

    def against_incident(self, caller: Caller) -> str:
        """Why this caller may not declare or end an incident; "" when he may."""
        return "" if caller.kind == "person" and allows(caller.role, Role.OPERATOR) else _NO_INCIDENT

    def against_review(self, opened: Session, caller: Caller, row: ReviewRow) -> str:
        """Why this caller may not close this review; "" when he may."""
        if against := _against_reviewing(caller):
            return against
        if row.opened_by_id == caller.user_id:
            return "This is about what you did: another person has to review it."
        return glass.against_review(opened, row, caller.user_id)

    async def declare(self, caller: Caller, *, title: str) -> IncidentRow:
        """Declare an incident. Whoever asks for an operation under it has to be another person."""
        self._check(self.against_incident(caller), title)

        def write() -> IncidentRow:
            now = self._now()
            with session(self._database) as opened:
                row = IncidentRow(
                    id=secrets.token_hex(16),
                    title=title[:200],
                    by=caller.label,
                    by_id=int(caller.user_id or 0),
                    at=now,
                    ends_at=now + timedelta(hours=self._settings.operations.incident_hours),
                )
                opened.add(row)
                body = {"incident": row.id, "title": row.title, "ends_at": row.ends_at.isoformat()}
                audit.append(session=opened, event="incident.declared", actor=caller.label, body=body, now=now)
                self._notices.incident(opened, row.id, f"{caller.label} has declared an incident: {row.title}")
                return row

        row = await in_thread(write)
        self._changed("")
        return row

    async def end_incident(self, caller: Caller, incident_id: str, *, reason: str) -> IncidentRow:
        """End an incident before its time."""
        self._check(self.against_incident(caller), reason)

        def write() -> IncidentRow:
            now = self._now()
            with session(self._database) as opened:
                row = opened.get(IncidentRow, incident_id)
                if row is None or row.ended_at is not None or row.ends_at <= now:
                    raise Refused("state", "This incident is over.")
                row.ended_at, row.ended_by = now, caller.label
                opened.add(row)
                body = {"incident": row.id, "reason": reason}
                audit.append(session=opened, event="incident.ended", actor=caller.label, body=body, now=now)
                self._notices.incident(opened, f"{row.id}/ended", f"{caller.label} has ended the incident: {row.title}")
                return row

        row = await in_thread(write)
        self._changed("")
        return row

    async def close_review(self, caller: Caller, review_id: str, *, finding: str) -> ReviewRow:
        """Close a review. Not by whoever it is about. That of a sealed account's sign-in closes the account with it."""
        self._check(_against_reviewing(caller), finding)

        def write() -> ReviewRow:
            now = self._now()
            with session(self._database) as opened:
                row = opened.get(ReviewRow, review_id)
                if row is None or row.closed_at is not None:
                    raise Refused("state", "There is no such review that is still open.")
                if against := self.against_review(opened, caller, row):
                    raise Refused("role", against)
                row.closed_at, row.closed_by, row.finding = now, caller.label, finding[:1000]
                opened.add(row)
                closed = glass.close_after(opened, row, now)
                body = {"review": row.id, "what": row.what, "finding": row.finding, "account_closed": closed}
                audit.append(
                    session=opened,
                    event="review.closed",
                    actor=caller.label,
                    body=body,
                    operation_id=row.operation_id or "",
                    now=now,
                )
                return row

        row = await in_thread(write)
        self._changed(row.operation_id or "")
        return row

    def check_incident(self, incident_id: str | None, needed: bool) -> None:
        """Refuse an override without an incident, and an incident that is over. Raises `Refused`."""
        if incident_id is None:
            if needed:
                raise Refused("override", "Setting a guard aside needs a declared incident: declare one, and name it.")
            return
        with reading(self._database) as opened:
            if incident(opened, incident_id, self._now()) is None:
                raise Refused("override", "There is no such incident, or it is over.", mistakes={"incident_id": "is not open"})

    def approvals_needed(
        self, opened: Session, policy: Policy, caller: Caller, incident_id: str | None, standing_id: str | None
    ) -> int:
        """How many people must say yes: fewer under a standing approval, or under an incident that somebody else declared."""
        if standing_id is not None:
            return 0
        if incident_id is not None and policy.approvals > 1:
            found = incident(opened, incident_id, self._now())
            if found is not None and found.by_id != caller.user_id:
                return 1
        return policy.approvals

    def note_overrides(self, opened: Session, row: OperationRow, overrides: Mapping[str, str], caller: Caller) -> None:
        """Seal each guard that was set aside, tell the approvers that were skipped, and demand a review."""
        for guard_id, why in overrides.items():
            body = {"guard": guard_id, "reason": why, "incident": row.incident_id}
            audit.append(
                session=opened, event="guard.overridden", actor=caller.label, body=body, operation_id=row.id, now=self._now()
            )
        names = ", ".join(overrides)
        opened.add(
            ReviewRow(
                id=secrets.token_hex(16),
                operation_id=row.id,
                what=f"Guards set aside ({names}): {row.title}"[:300],
                opened_by=caller.label,
                opened_by_id=caller.user_id,
                opened_at=self._now(),
            )
        )
        self._notices.overridden(opened, row, names)

    def _check(self, against: str, reason: str) -> None:
        if against:
            raise Refused("role", against)
        if wrong := against_reason(reason):
            raise Refused("reason", wrong, mistakes={"reason": wrong})


def _against_reviewing(caller: Caller) -> str:
    if caller.break_glass:
        return SEALED_STAYS_OUT
    return "" if caller.kind == "person" and allows(caller.role, Role.APPROVER) else "Reviewing needs the role approver."


_NO_INCIDENT = "Declaring and ending incidents needs the role operator."


def incident(opened: Session, incident_id: str, now: datetime) -> IncidentRow | None:
    """The incident, if it is still open."""
    row = opened.get(IncidentRow, incident_id)
    return row if row is not None and row.ended_at is None and row.ends_at > now else None


def open_incidents(opened: Session, now: datetime) -> list[IncidentRow]:
    """Incidents that last."""
    question = select(IncidentRow).where(col(IncidentRow.ended_at).is_(None), col(IncidentRow.ends_at) > now)
    return list(opened.exec(question.order_by(col(IncidentRow.at))))


def open_reviews(opened: Session) -> list[ReviewRow]:
    """Reviews that nobody has closed, oldest first."""
    return list(opened.exec(select(ReviewRow).where(col(ReviewRow.closed_at).is_(None)).order_by(col(ReviewRow.opened_at))))
