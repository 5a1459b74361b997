"""How figures are said: spans of time and sizes, with units, short enough for a table and exact enough to act on."""

from math import isfinite

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def span(seconds: float) -> str:
    """A duration in words: 0.4 s, 9 s, 2 min 30 s, 1 h 02 min, 3 d 4 h. Negative spans keep their sign.

    What is not a finite number is "unknown".
    """
    if not isfinite(seconds):
        return "unknown"
    if abs(seconds) < 0.00005:
        return "0 s"
    if seconds < 0:
        return "-" + span(-seconds)
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms".replace(".0 ms", " ms")
    if seconds < 9.95:
        text = f"{seconds:.2f}" if seconds < 0.095 else f"{seconds:.1f}"
        return f"{text.removesuffix('.0')} s"
    if seconds < 99.5:
        return f"{round(seconds)} s"
    whole = round(seconds)
    if whole < _HOUR:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{round(seconds / _MINUTE)} min"
    if whole < _DAY:
        minutes = round(seconds / _MINUTE)
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest:02d} min" if rest else f"{hours} h"
    hours = round(seconds / _HOUR)
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest and days < 10 else f"{round(seconds / _DAY)} d"


def size(count: float) -> str:
    """Bytes in words with decimal multiples, as the platform's own tools print them: 0 B, 12 KB, 1.4 MB.

    What is not a finite number is "unknown".
    """
    if not isfinite(count):
        return "unknown"
    if count < 0:
        return "-" + size(-count)
    value = float(count)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            text = f"{value:.0f}" if unit == "B" or value >= 9.95 else f"{value:.1f}".removesuffix(".0")
            return f"{text} {unit}"
        value /= 1000
    raise AssertionError("unreachable: the loop ends at TB")


def listing(items: list[str]) -> str:
    """Items as a person lists them: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
