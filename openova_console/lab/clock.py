"""The lab's clock: real, or moved by hand so that a test decides how much time has passed."""

import time
from datetime import UTC, datetime, timedelta


class ClockError(Exception):
    """The clock cannot be moved as asked."""


class Clock:
    """UTC time.

    Args:
        start: None follows the machine's clock; a time starts a manual clock there, which moves only by `advance`.
    """

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.tzinfo is None:
            raise ClockError("a manual clock needs a start time with a time zone")
        self._manual = start.astimezone(UTC) if start is not None else None

    @property
    def manual(self) -> bool:
        """Whether the clock moves only by `advance`."""
        return self._manual is not None

    def now(self) -> datetime:
        """The lab's time, aware and in UTC."""
        return self._manual if self._manual is not None else datetime.now(UTC)

    def unix(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        return self._manual.timestamp() if self._manual is not None else time.time()

    def advance(self, seconds: float) -> datetime:
        """Move a manual clock forward by `seconds` (0 or more) and return the new time.

        Raises:
            ClockError: on a real clock, and for a step back: samples that were served would lie in the future.
        """
        if self._manual is None:
            raise ClockError("the lab follows the real clock; start it with --manual-clock to move time by hand")
        if not 0 <= seconds <= 366 * 86400:
            raise ClockError(f"the clock can move between 0 s and 366 days at a time, not {seconds:g} s")
        self._manual += timedelta(seconds=seconds)
        return self._manual
