"""When a cron expression fired last: numbers, lists, steps and stars, in UTC, as the platform's schedules use them."""

from datetime import UTC, datetime, timedelta

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def latest(expression: str, now: datetime) -> datetime | None:
    """The newest fire time not after `now`, or None within the last 400 days.

    Args:
        expression: five fields, or six with seconds first (CloudNativePG); seconds are taken as zero.
        now: any zone; the answer is UTC.

    Raises:
        ValueError: for an expression that cannot be read.
    """
    fields = expression.split()[-5:]
    if len(fields) != 5:
        raise ValueError(f"{expression!r} is no cron expression: it needs five fields, or six with seconds first")
    minutes, hours, days, months, weekdays = (_values(f, low, high) for f, (low, high) in zip(fields, _RANGES, strict=True))
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    either_day = fields[2] != "*" and fields[4] != "*"
    for back in range(400):
        day = (moment - timedelta(days=back)).date()
        in_month, in_week = day.day in days, day.isoweekday() % 7 in {w % 7 for w in weekdays}
        if day.month not in months or not (in_month or in_week if either_day else in_month and in_week):
            continue
        for hour in sorted(hours, reverse=True):
            for minute in sorted(minutes, reverse=True):
                fired = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                if fired <= moment:
                    return fired
    return None


def _values(field: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or (high if step else first)))
        if not low <= start <= end <= high:
            raise ValueError(f"{part!r} is outside {low}-{high}")
        values.update(range(start, end + 1, int(step or 1)))
    return values
