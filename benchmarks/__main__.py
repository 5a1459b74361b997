"""`python -m benchmarks [push] [page] [watching] [charts] [alerts] [whole] [changes]`: all of them by default."""

import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks import alerts, changes, charts, page, push, watching, whole
from benchmarks.report import Row, show


def main() -> int:
    """Run the named benchmarks; exit 1 when a figure is over its limit."""
    wanted = sys.argv[1:] or ["push", "page", "watching", "charts", "alerts", "whole", "changes"]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="openova-bench-") as folder:
        if "push" in wanted:
            rows += push.measure(Path(folder) / "push")
        if "page" in wanted:
            rows += page.measure(Path(folder) / "page")
        if "watching" in wanted:
            rows += asyncio.run(watching.measure())
        if "charts" in wanted:
            rows += charts.measure(Path(folder) / "charts")
        if "alerts" in wanted:
            rows += asyncio.run(alerts.measure())
        if "whole" in wanted:
            rows += whole.measure(Path(folder) / "whole")
        if "changes" in wanted:
            rows += changes.measure(Path(folder) / "changes")
    print(show(rows))
    return 1 if any(row.holds is False for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
