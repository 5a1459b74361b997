"""What the failover controller's Lease says: who holds it, and whether the hold still runs.

The record is the controller's own word; a lease that has expired, or that nobody holds, means that nobody is proven to keep
the active role (handbook, "Split-Brain Protection": acquire lease before promotion).
"""

from datetime import datetime

from openova_console.handbook.regions import Item
from openova_console.handbook.speech import span
from openova_console.handbook.words import CLOCK_SLACK_S, Verdict


def judge_lease(region_id: str, holder: str, renewed_at: datetime | None, duration_s: float | None, *, now: datetime) -> Item:
    """Grade a Lease as it was read in one region. `duration_s` is the hold after `renewed_at`, in seconds."""
    if not holder:
        return Item(Verdict.WARN, "nobody holds the lease")
    if renewed_at is None:
        return Item(Verdict.WARN, f"lease of {holder} was never renewed")
    age = (now - renewed_at).total_seconds()
    if duration_s is None:
        return Item(Verdict.UNKNOWN, f"lease of {holder} has no duration")
    if age < -CLOCK_SLACK_S:
        return Item(Verdict.UNKNOWN, f"lease of {holder} is dated {span(-age)} in the future")
    if age > duration_s:
        return Item(Verdict.WARN, f"lease of {holder} expired {span(age - duration_s)} ago")
    word = "active" if holder == region_id else "standby"
    return Item(Verdict.OK, f"{word} · lease {span(round(duration_s - age))} left")
