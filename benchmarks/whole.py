"""The whole console on the lab: CPU with 50 browsers at normal cadences, reads while a region times out, memory over time."""

import asyncio
import time
from pathlib import Path

import yaml

from benchmarks.processes import cpu_s, rss_mb
from benchmarks.report import Row
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings, load
from openova_console.store.database import migrate, open_engine
from openova_console.watch.watch import Watch
from tests.support.running import RunningConsole, RunningLab, wait_for
from tests.wire.browser import Socket

BROWSERS, SECONDS = 50, 60
DEAD_FOR_S = 75
HOURS, STEP_S = 2, 10


def measure(folder: Path) -> list[Row]:
    """All three, one after the other."""
    (folder / "lab").mkdir(parents=True)
    lab = RunningLab(folder / "lab").start()
    try:
        rows = _busy(lab, folder / "busy")
        rows += asyncio.run(_one_region_times_out(lab, folder / "dead"))
    finally:
        lab.stop()
    return rows + _two_hours(folder)


def _normal(lab: RunningLab, folder: Path) -> Path:
    """The lab's settings with the cadences of production."""
    folder.mkdir(parents=True)
    document = yaml.safe_load(lab.config.read_text())
    for section in ("cadence", "freshness"):
        document.pop(section)
    document["console"]["data_dir"] = str(folder)
    path = lab.folder / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _busy(lab: RunningLab, folder: Path) -> list[Row]:
    console = RunningConsole(_normal(lab, folder), folder).start()
    try:
        wait_for("first readings", console.ready, limit_s=60)
        used, delivered = asyncio.run(_watched_by_many(console))
    finally:
        console.stop()
    share = used / SECONDS * 100
    return [
        Row(f"CPU with {BROWSERS} browsers at normal cadences", f"{share:.1f} % of a core", "≤ 5 %", share <= 5),
        Row("bytes to one browser a minute, nothing happening", f"{delivered / BROWSERS / 1024:.0f} KiB", "", None),
    ]


async def _watched_by_many(console: RunningConsole) -> tuple[float, int]:
    """CPU seconds of the server and bytes delivered while 50 browsers look on for a minute."""
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in console.browser_cookies("viewer"))
    sockets = [await Socket.open(console.port, cookie=cookie) for _ in range(BROWSERS)]
    await asyncio.gather(*(one.updates(10) for one in sockets))
    pid = console.server_pid()
    before = cpu_s(pid)
    seen = await asyncio.gather(*(one.updates(SECONDS) for one in sockets))
    used = cpu_s(pid) - before
    for one in sockets:
        one.abort()
    return used, sum(len(update.raw) for updates in seen for update in updates)


async def _one_region_times_out(lab: RunningLab, folder: Path) -> list[Row]:
    """Freeze every endpoint of region 1; see that every source of region 2 is still read within its cadence."""
    settings: Settings = load(_normal(lab, folder))
    url = f"sqlite:///{folder / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    watch = Watch(settings, engine)
    await watch.start()
    try:
        await asyncio.sleep(15)
        for endpoint in (e for e in lab.state()["endpoints"] if e.startswith("region-1/")):
            lab.fault(endpoint, "freeze")
        longest: dict[str, float] = {}
        until = time.monotonic() + DEAD_FOR_S
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            for name, health in watch.snapshots.current.collectors.items():
                if name.endswith("/region-2") and health.last_ok is not None:
                    late = (time.time() - health.last_ok.timestamp()) / health.cadence_s
                    longest[name] = max(longest.get(name, 0.0), late)
        board = watch.board()
        # A row may stay green until its own freshness budget has passed since the region's last answer.
        due = [r for r in board.replication if r.fresh_s < DEAD_FOR_S - settings.cadence.timeout_s]
        green = [r.promise.title for r in due if r.assessment.judgement.verdict is Verdict.OK]
    finally:
        await watch.stop()
        engine.dispose()
        lab.scenario("healthy")
    name, worst = max(longest.items(), key=lambda item: item[1])
    return [
        Row(
            f"region 1 times out: longest wait for one of region 2's {len(longest)} sources ({name})",
            f"{worst:.2f} cadences",
            "≤ 1.3",
            worst <= 1.3,
        ),
        Row(f"region 1 times out: of {len(due)} rows past their freshness budget, still green", str(len(green)), "0", not green),
    ]


def _two_hours(folder: Path) -> list[Row]:
    """Two hours of the lab's clock in steps, with the console reading all the while: memory after a quarter and at the end."""
    (folder / "clock").mkdir()
    (folder / "console").mkdir()
    lab = RunningLab(folder / "clock", manual_clock=True).start()
    console = RunningConsole(lab.config, folder / "console").start()
    try:
        wait_for("first readings", console.ready, limit_s=60)
        pid, steps = console.server_pid(), HOURS * 3600 // STEP_S
        early = 0.0
        for step in range(steps):
            lab.advance(STEP_S)
            time.sleep(0.15)
            if step == steps // 4:
                early = rss_mb(pid)
        late = rss_mb(pid)
    finally:
        console.stop()
        lab.stop()
    grown = late - early
    return [
        Row(
            f"memory over {HOURS} h of the lab's clock, after the first quarter",
            f"{late:.0f} MB, {grown:+.1f} MB",
            "≤ +10 MB",
            grown <= 10,
        )
    ]
