"""What the gate asks about an Authorization header: whose machine it is, and whether its address has guessed too often.

Every request asks the database anew, so that a token that was taken back ends at once.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from openova_console.access import machine_tokens
from openova_console.access.caller import Caller
from openova_console.store.database import in_thread, reading, session

_MOST_ADDRESSES = 4096
_WINDOW_S = 60.0


class Bearers:
    """Answers who holds a machine's token. `now` and `clock` (monotonic seconds) are for tests.

    Args:
        most_failures: wrong tokens per address and minute, after which nothing is tried any more for the rest of it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        most_failures: int = 20,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._most, self._now, self._clock = engine, most_failures, now, clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def retry_after_s(self, address: str) -> int:
        """For how many seconds nothing is tried for this address; 0 when it may try."""
        failures = self._recent(address)
        return 0 if len(failures) < self._most else max(1, round(failures[0] + _WINDOW_S - self._clock()))

    async def caller(self, token: str, address: str) -> Caller | None:
        """The machine behind a token; None counts as a failure of this address.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database does not answer. The gate refuses then.
        """
        found = await in_thread(self._ask, token)
        if found is None:
            failures = self._recent(address)
            failures.append(self._clock())
            self._failures[address] = failures
            self._failures.move_to_end(address)
            while len(self._failures) > _MOST_ADDRESSES:
                self._failures.popitem(last=False)
        return found

    def _recent(self, address: str) -> deque[float]:
        failures = self._failures.get(address, deque())
        while failures and failures[0] <= self._clock() - _WINDOW_S:
            failures.popleft()
        return failures

    def _ask(self, token: str) -> Caller | None:
        now = self._now()
        with reading(self._engine) as opened:
            found = machine_tokens.verify(session=opened, token=token, now=now)
        if found is None:
            return None
        caller, row = found
        if machine_tokens.needs_touch(row, now):
            with session(self._engine) as opened:
                machine_tokens.touch(session=opened, token_id=row.id, now=now)
        return caller
