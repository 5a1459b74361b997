"""What pages and programs do with notifications: see how it stands with each target, try a dead letter again, send a test.

Who may is decided here. Both acts are audited: they send something out of the console.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine as Database

from openova_console.access.caller import Caller
from openova_console.access.roles import Role, allows
from openova_console.notify import deliveries
from openova_console.notify.carrier import Carrier
from openova_console.notify.deliveries import Delivery, TargetHealth
from openova_console.notify.failures import Undelivered
from openova_console.notify.message import message_of
from openova_console.operations.requests import Refused
from openova_console.settings import Settings
from openova_console.settings.notify import AnyTarget
from openova_console.store import audit
from openova_console.store.change_tables import NotificationRow
from openova_console.store.database import in_thread, reading, session

TEST_EVENT = "notify.test"


class Deliveries:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        carrier: Carrier,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._database, self._carrier, self._now = settings, database, carrier, now

    async def targets(self) -> list[TargetHealth]:
        """How it stands with every target: last success, what waits, dead letters."""

        def ask() -> list[TargetHealth]:
            with reading(self._database) as opened:
                return deliveries.health(opened, self._settings.notify)

        return await in_thread(ask)

    async def listing(self, *, state: str = "", target: str = "", skip: int = 0, limit: int = 50) -> list[Delivery]:
        """Deliveries, newest notification first. `state` is "waiting", "sent" or "dead"; "" leaves everything."""

        def ask() -> list[Delivery]:
            with reading(self._database) as opened:
                return deliveries.listing(opened, state=state, target=target, skip=skip, limit=limit)

        return await in_thread(ask)

    def against_retry(self, caller: Caller) -> str:
        """Why this caller may not try a dead letter again; "" when he may."""
        return _against(caller, Role.OPERATOR, "Trying a message again")

    def against_test(self, caller: Caller) -> str:
        """Why this caller may not send a test message; "" when he may."""
        return _against(caller, Role.ADMIN, "Sending a test message")

    async def retry(self, caller: Caller, notification_id: str, target: str) -> Delivery:
        """Make a dead letter wait again, with all its attempts, and try it at once.

        Raises:
            Refused: `role`, `not-found`, or `state` when it is not a dead letter, or its target is gone.
        """
        _check(self.against_retry(caller))

        def write() -> Delivery:
            now = self._now()
            with session(self._database) as opened:
                before = deliveries.one(opened, notification_id, target)
                if before is None:
                    raise Refused("not-found", "There is no such delivery.")
                if all(known.name != target for known in self._settings.notify.targets):
                    raise Refused("state", f"The target {target} is not in the settings: nothing can be sent to it.")
                failed, attempts = before.row.error, before.row.attempts
                if not deliveries.revive(session=opened, notification_id=notification_id, target=target, now=now):
                    raise Refused("state", f"It is no dead letter: it is {before.row.state}.")
                body = {
                    "notification": notification_id,
                    "event": before.notification.event,
                    "target": target,
                    "attempts": attempts,
                    "failed": failed,
                }
                audit.append(session=opened, event="delivery.retried", actor=caller.label, body=body, now=now)
                opened.expire_all()
                after = deliveries.one(opened, notification_id, target)
                assert after is not None, "nothing deletes a delivery within this transaction"
                return after

        found = await in_thread(write)
        self._carrier.wake()
        return found

    async def send_test(self, caller: Caller, target: str) -> str:
        """Send a test message now, once, outside of the books.

        Returns:
            One sentence: that it has arrived, or for whom not.

        Raises:
            Refused: `role`, `not-found`, or `state` with the sentence why it has not arrived.
        """
        _check(self.against_test(caller))
        found = self._target(target)
        row = NotificationRow(
            id=secrets.token_hex(16),
            key="",
            event=TEST_EVENT,
            title="Test message",
            text=f"{caller.label} tries out whether this target is reached. Nothing has happened.",
            link="/",
            at=self._now(),
        )
        try:
            sentence, arrived = await self._carrier.try_out(found, message_of(row, self._settings)) or f"{target} took it", True
        except Undelivered as failure:
            sentence, arrived = failure.sentence, False
        body = {"notification": row.id, "target": target, "arrived": arrived, "sentence": sentence}
        await in_thread(self._note, caller, body)
        if not arrived:
            raise Refused("state", f"{sentence}.")
        return f"{sentence}."

    def _target(self, name: str) -> AnyTarget:
        for target in self._settings.notify.targets:
            if target.name == name:
                return target
        raise Refused("not-found", "There is no such target in the settings.")

    def _note(self, caller: Caller, body: dict[str, object]) -> None:
        with session(self._database) as opened:
            audit.append(session=opened, event="delivery.tested", actor=caller.label, body=body, now=self._now())


def _against(caller: Caller, need: Role, what: str) -> str:
    if caller.kind != "person":
        return "Only a person may do this; tokens never decide."
    return "" if allows(caller.role, need) else f"{what} needs the role {need.value}; yours is {caller.role.value}."


def _check(against: str) -> None:
    if against:
        raise Refused("role", against)
