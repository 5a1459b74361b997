"""Since when the console has seen each alarm, so that the strip can say how long something has been wrong.

An alarm that goes away for a moment and returns is the same one: it keeps its time for `FORGET_S`. A console that was started
later than the trouble says its own start, no more: it did not see the beginning.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

FORGET_S = 60.0


class Noticed:
    """Remembers titles of alarms; one per watch."""

    def __init__(self) -> None:
        self._first: dict[str, datetime] = {}
        self._last: dict[str, datetime] = {}

    def see(self, titles: Iterable[str], at: datetime) -> None:
        """Take note of what is in the strip at `at` (UTC)."""
        for title in titles:
            self._first.setdefault(title, at)
            self._last[title] = at
        gone = [title for title, last in self._last.items() if at - last > timedelta(seconds=FORGET_S)]
        for title in gone:
            del self._first[title], self._last[title]

    def since(self, title: str) -> datetime | None:
        """When this alarm was first seen; None when it was not."""
        return self._first.get(title)
