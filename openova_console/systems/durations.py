"""Durations as Go programs write them ("1h0m0s", "90s", "1.5h"): ESO's intervals, Gitea's, Prometheus's."""

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def go_duration(text: str) -> float | None:
    """Seconds; None for what is no duration (Go's time.ParseDuration, without a sign)."""
    if text == "0":
        return 0.0
    parts = _PART.findall(text[:64])
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))
