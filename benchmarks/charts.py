"""Reading history back: 35 days of every series, and the time until a chart's data is there."""

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from benchmarks.report import Row
from openova_console.settings import load
from openova_console.store.database import migrate, open_engine, session
from openova_console.store.tables import Rollup, Sample
from openova_console.watch.history import RANGES, History
from tests.support.running import ROOT

SERIES, DAYS, RAW_EVERY_S = 80, 35, 15


def measure(folder: Path) -> list[Row]:
    """Fill a database as the console would have in 35 days, then read each range of one series five times."""
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'history.db'}"
    migrate(url)
    engine = open_engine(url)
    try:
        now = datetime.now(UTC).replace(microsecond=0)
        _fill(engine, now)
        history = History(engine, load(ROOT / "examples" / "lab.yaml"))
        slowest = {range_: _slowest(history, range_, now) for range_ in RANGES}
    finally:
        engine.dispose()
    rows = 24 * 3600 // RAW_EVERY_S * SERIES + DAYS * 288 * SERIES
    return [
        Row(f"chart of {range_} out of {rows / 1e6:.1f} M rows, slowest of 5", f"{ms:.0f} ms", "≤ 200 ms", ms <= 200)
        for range_, ms in slowest.items()
    ]


def _slowest(history: History, range_: str, now: datetime) -> float:
    taken = []
    for number in range(5):
        began = time.perf_counter()
        chart = asyncio.run(history.chart(f"replication/s{number * 7}/lag_s", range_, now))
        taken.append((time.perf_counter() - began) * 1000)
        if not any(p.count for p in chart.points):
            raise RuntimeError(f"the chart of {range_} is empty")
    return max(taken)


def _fill(engine: Engine, now: datetime) -> None:
    for number in range(SERIES):
        name = f"replication/s{number}/lag_s"
        raw = [
            {"series": name, "observed_at": now - timedelta(seconds=s), "value": 2 + math.sin(s / 900), "verdict": "ok"}
            for s in range(0, 24 * 3600, RAW_EVERY_S)
        ]
        start = now - timedelta(seconds=now.timestamp() % 300)
        rolled = [
            {
                "series": name,
                "bucket_start": start - timedelta(minutes=5 * n),
                "count": 20,
                "minimum": 1.0,
                "maximum": 3.0,
                "mean": 2.0,
                "last": 2.0,
                "verdict": "ok",
                "unknown_count": 0,
            }
            for n in range(1, DAYS * 288)
        ]
        with session(engine) as opened:
            opened.connection().execute(insert(Sample), raw)
            opened.connection().execute(insert(Rollup), rolled)
