"""The pace of controllers that work by the second, also when the clock leaps."""

from collections.abc import Iterator
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
CATCH_UP = timedelta(minutes=20)
"""A leap that is longer lets only its last part happen second by second."""


def moments(since: datetime, now: datetime) -> Iterator[datetime]:
    """Every full second after `since` and before `now`, at most `CATCH_UP` back, and `now` itself last."""
    at = max(since, now - CATCH_UP) + SECOND
    while at < now:
        yield at
        at += SECOND
    yield now
