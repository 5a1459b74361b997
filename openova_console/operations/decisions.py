"""People's decisions about an operation that waits: approve, deny, take back. Signed, expiring, single use.

Approvals of one operation pass one after the other, so that a hundred clicks at once make one run. What is approved is a
digest: the person says which plan was on the screen, and the facts are looked at again at that very moment. A fact that moved
for the worse voids the request by itself and names the fact.
"""

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access import sessions
from openova_console.access.caller import Caller
from openova_console.operations import ledger, policies, signing
from openova_console.operations.authority import CONFIRM_FIRST, against_approval, against_reason, code_of
from openova_console.operations.catalogue import CATALOGUE, policy_version
from openova_console.operations.judging import Judge, only_holds
from openova_console.operations.notices import Notices
from openova_console.operations.policies import policy_from
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import ApprovalRow, OperationRow, ReviewRow
from openova_console.store.database import in_thread, reading, session


class Decisions:
    """See the module."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        judge: Judge,
        notices: Notices,
        *,
        key: bytes,
        now: Callable[[], datetime],
        approved: Callable[[OperationRow], Awaitable[None]],
        changed: Callable[[str], None],
    ) -> None:
        self._database, self._settings, self._judge, self._notices = database, settings, judge, notices
        self._key, self._now, self._approved, self._changed = key, now, approved, changed
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def against(self, opened: Session, row: OperationRow, caller: Caller) -> str:
        """Why this caller may not approve this operation; "" when he may. For pages that say why a button is disabled."""
        decided = [a.user_id for a in ledger.approvals_of(opened, row.id) if a.revoked_at is None]
        operations = self._settings.operations
        return against_approval(
            caller,
            policy_from(row),
            on_platform=CATALOGUE[row.kind].on_platform,
            owner_id=row.owner_id,
            state=State(row.state),
            expires_at=row.expires_at,
            decided=decided,
            fresh_for=timedelta(hours=operations.fresh_account_hours),
            confirm_for=timedelta(minutes=operations.confirm_minutes),
            now=self._now(),
        )

    async def approve(self, operation_id: str, caller: Caller, *, digest: str, reason: str = "") -> OperationRow:
        """Say yes.

        Args:
            digest: of the plan that the person saw.

        Raises:
            Refused: with the rule or the guard that stands against it; the request may be void then.
        """
        async with self._locks[operation_id]:
            row = await self._checked(operation_id, caller, digest)
            found, moved = await self._judge.moved(row)
            if moved and not only_holds(found, moved):
                await self._void(row.id, "; ".join(m.sentence for m in moved))
                raise Refused(
                    "drift", f"What you were to approve has changed: {'; '.join(m.sentence for m in moved)}. It is void."
                )
            if found.against:
                raise Refused("guard", f"Not now: {found.sentence}.", rulings=found.against)

            def write() -> OperationRow:
                return self._write(operation_id, caller, digest, reason)

            row = await in_thread(write)
        self._changed(row.id)
        if row.state == State.APPROVED:
            self._locks.pop(operation_id, None)
            await self._approved(row)
        return row

    async def _checked(self, operation_id: str, caller: Caller, digest: str) -> OperationRow:
        def ask() -> tuple[OperationRow, str, bool]:
            with reading(self._database) as opened:
                row = _row(opened, operation_id)
                policy = policies.current(opened, self._settings, CATALOGUE[row.kind])
                same = policy_version(policy) == policy_version(policy_from(row))
                return row, self.against(opened, row, caller), same

        row, against, same_policy = await in_thread(ask)
        if against:
            raise Refused(code_of(caller, State(row.state), row.expires_at, self._now(), against), against)
        if digest != row.digest:
            raise Refused("digest", "The plan on your screen is not this one: open it again and read it.")
        if not same_policy:
            await self._void(row.id, "the policy for this kind of operation was changed")
            raise Refused("drift", "The policy for this kind of operation was changed since: it is void, ask for it again.")
        return row

    def _write(self, operation_id: str, caller: Caller, digest: str, reason: str) -> OperationRow:
        now = self._now()
        with session(self._database) as opened:
            row = _row(opened, operation_id, lock=True)
            if against := self.against(opened, row, caller):
                raise Refused(code_of(caller, State(row.state), row.expires_at, now, against), against)
            assert caller.user_id is not None, "only a person gets this far"
            if policy_from(row).confirm and not sessions.consume_confirmation(session=opened, session_id=caller.session_id):
                raise Refused("confirm", CONFIRM_FIRST)
            approval = self._signed(row, caller, "approve", digest, reason, now)
            opened.add(approval)
            opened.flush()
            body = {"approval": approval.id, "digest": digest, "reason": reason, "break_glass": caller.break_glass}
            audit.append(session=opened, event="approval.given", actor=caller.label, body=body, operation_id=row.id, now=now)
            yes = [a for a in ledger.approvals_of(opened, row.id) if a.decision == "approve" and a.revoked_at is None]
            if caller.break_glass:
                self._tell_of_glass(opened, row, caller, now)
            if len({a.user_id for a in yes}) >= row.approvals_needed or caller.break_glass:
                sentence = f"Approved by {', '.join(a.name for a in yes)}; waits for its turn"
                ledger.move(opened, row, State.APPROVED, sentence, actor=caller.label, now=now)
            else:
                row.sentence = f"{len(yes)} of {row.approvals_needed} approvals"
                row.changes += 1
            opened.add(row)
            return row

    def _signed(
        self, row: OperationRow, caller: Caller, decision: Literal["approve", "deny"], digest: str, reason: str, now: datetime
    ) -> ApprovalRow:
        approval = ApprovalRow(
            id=secrets.token_hex(16),
            operation_id=row.id,
            user_id=int(caller.user_id or 0),
            name=caller.name,
            decision=decision,
            reason=reason[:500],
            digest=digest,
            signature="",
            break_glass=caller.break_glass,
            at=now,
            expires_at=row.expires_at,
        )
        approval.signature = signing.sign(self._key, approval)
        return approval

    def _tell_of_glass(self, opened: Session, row: OperationRow, caller: Caller, now: datetime) -> None:
        what = f"{caller.name} approved “{row.title}”, which {row.actor} asked for."
        opened.add(
            ReviewRow(
                id=secrets.token_hex(16),
                operation_id=row.id,
                what=f"Break-glass: {row.title}"[:300],
                opened_by=caller.label,
                opened_by_id=caller.user_id,
                opened_at=now,
            )
        )
        self._notices.broken_glass(opened, caller.name, what, row.id, f"/runs/{row.id}")

    async def deny(self, operation_id: str, caller: Caller, *, reason: str) -> OperationRow:
        """Say no, with a reason: the request is over. Whoever asked may take it back this way too."""
        if against := against_reason(reason):
            raise Refused("reason", against, mistakes={"reason": against})

        def write() -> OperationRow:
            now = self._now()
            with session(self._database) as opened:
                row = _row(opened, operation_id, lock=True)
                own = caller.user_id is not None and caller.user_id == row.owner_id
                if not own and (against := self.against_denial(opened, row, caller)):
                    raise Refused(code_of(caller, State(row.state), row.expires_at, now), against)
                if State(row.state) is not State.PENDING:
                    raise Refused("state", f"This is {row.state.replace('_', ' ')}: there is nothing to deny any more.")
                if own:
                    ledger.move(opened, row, State.CANCELLED, f"Taken back: {reason}", actor=caller.label, now=now)
                    return row
                opened.add(self._signed(row, caller, "deny", row.digest, reason, now))
                body = {"reason": reason}
                ledger.move(
                    opened,
                    row,
                    State.CANCELLED,
                    f"Denied by {caller.name}: {reason}",
                    actor=caller.label,
                    now=now,
                    event="approval.denied",
                    body=body,
                )
                self._notices.ended(opened, row)
                return row

        row = await in_thread(write)
        self._changed(row.id)
        return row

    def against_denial(self, opened: Session, row: OperationRow, caller: Caller) -> str:
        """A no needs the same role as a yes, but neither a fresh password nor an old account: stopping is always safe."""
        return against_approval(
            caller,
            policy_from(row),
            on_platform=CATALOGUE[row.kind].on_platform,
            owner_id=None,
            state=State(row.state),
            expires_at=row.expires_at,
            decided=(),
            fresh_for=timedelta(0),
            confirm_for=timedelta(days=36500),
            now=self._now(),
        ).replace(CONFIRM_FIRST, "")

    async def take_back(self, operation_id: str, caller: Caller) -> OperationRow:
        """Revoke one's own yes, as long as the run has not begun."""

        def write() -> OperationRow:
            now = self._now()
            with session(self._database) as opened:
                row = _row(opened, operation_id, lock=True)
                mine = [
                    a
                    for a in ledger.approvals_of(opened, row.id)
                    if a.user_id == caller.user_id and a.decision == "approve" and a.revoked_at is None
                ]
                if caller.kind != "person" or not mine:
                    raise Refused("state", "You have not approved this.")
                if State(row.state) not in (State.PENDING, State.APPROVED) or row.started_at is not None:
                    raise Refused("state", "The run has begun: pause or stop it on its page.")
                for approval in mine:
                    approval.revoked_at = now
                    opened.add(approval)
                body = {"approval": mine[0].id}
                # What was approved in full is on its way to a run already: it cannot wait again, only be asked for again.
                over = State(row.state) is State.APPROVED
                rest = "before the run began: ask for it again" if over else "; waits for approval"
                sentence = f"{caller.name} took the approval back{' ' if over else ''}{rest}"
                ledger.move(
                    opened,
                    row,
                    State.CANCELLED if over else State.PENDING,
                    sentence,
                    actor=caller.label,
                    now=now,
                    event="approval.revoked",
                    body=body,
                )
                return row

        row = await in_thread(write)
        self._changed(row.id)
        return row

    async def void_if_moved(self, row: OperationRow) -> None:
        """Void a waiting request of which a fact has moved for good; guards that only hold are left to clear."""
        found, moved = await self._judge.moved(row)
        if moved and not only_holds(found, moved):
            await self._void(row.id, "; ".join(m.sentence for m in moved))

    async def _void(self, operation_id: str, why: str) -> None:
        def write() -> None:
            with session(self._database) as opened:
                row = _row(opened, operation_id, lock=True)
                if State(row.state) is State.PENDING:
                    sentence = f"Void: {why}"
                    ledger.move(opened, row, State.VOIDED, sentence, actor="engine", now=self._now())
                    self._notices.ended(opened, row)

        await in_thread(write)
        self._changed(operation_id)


def _row(opened: Session, operation_id: str, *, lock: bool = False) -> OperationRow:
    try:
        return ledger.by_id(opened, operation_id, lock=lock)
    except ledger.NoSuchOperation as error:
        raise Refused("not-found", str(error)) from None


def overrides_of(row: OperationRow) -> dict[str, Any]:
    """Guard id → why it was set aside."""
    return dict(json.loads(row.overrides))
