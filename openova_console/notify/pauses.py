"""How long to wait before a message is tried again: growing pauses with jitter, and the other side's own wish."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

JITTER = 0.25
"""So much of a pause is left to chance, so that messages that failed together do not come back together."""
LONGEST_WISH_S = 86_400.0
"""A wish to be left in peace counts for a day at most."""


def pause_s(attempt: int, *, first_s: float, longest_s: float, chance: float, wish_s: float | None = None) -> float:
    """Seconds until the next try.

    Args:
        attempt: how many have failed, from 1.
        first_s, longest_s: the pause after the first failure, doubled after each further one up to the longest.
        chance: from 0 to 1: how much of the jitter is taken off.
        wish_s: what Retry-After asked for: the pause is not shorter.
    """
    grown = longest_s if attempt > 64 else min(longest_s, first_s * 2.0 ** (attempt - 1))
    jittered = grown * (1 - JITTER * chance)
    return jittered if wish_s is None else max(jittered, min(wish_s, LONGEST_WISH_S))


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); None when it cannot be read."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 12:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())
