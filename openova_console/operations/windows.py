"""Change windows: whether now is a time for changes. A window whose end lies before its begin runs over midnight."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.settings.operations import ChangeWindow

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def in_window(windows: Sequence[ChangeWindow], now: datetime) -> Item:
    """True, False with the windows in words, or unknown when a time zone is not known here."""
    if not windows:
        return fresh(True, "No change windows are set", at=now, source="settings")
    said = []
    for window in windows:
        try:
            local = now.astimezone(ZoneInfo(window.timezone))
        except (ZoneInfoNotFoundError, ValueError):
            return unknown(f"operations.windows names the time zone {window.timezone}, which is not known here")
        if _inside(window, local):
            return fresh(True, f"The change window until {window.ends:%H:%M} {window.timezone} is open", at=now)
        said.append(f"{', '.join(window.days)} {window.begins:%H:%M} to {window.ends:%H:%M} {window.timezone}")
    return fresh(False, f"This is outside of the change windows ({'; '.join(said)})", at=now, source="settings")


def _inside(window: ChangeWindow, local: datetime) -> bool:
    today, yesterday = _DAYS[local.weekday()], _DAYS[(local - timedelta(days=1)).weekday()]
    clock = local.time()
    if window.begins < window.ends:
        return today in window.days and window.begins <= clock < window.ends
    return (today in window.days and clock >= window.begins) or (yesterday in window.days and clock < window.ends)
