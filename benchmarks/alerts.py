"""Ten thousand alerts: read and grouped, drawn on the board, filtered and paged, and the longest stall of the loop meanwhile.

An Alertmanager of its own process answers with them; the console's own collector reads it.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from benchmarks.report import Row, percentile
from openova_console.handbook.alerts import Severity
from openova_console.settings import ConsoleSettings, HttpEndpoint, KubernetesEndpoint, Region, Settings
from openova_console.watch.alert_search import Query, search
from openova_console.watch.board.alerts import alerts_board
from openova_console.watch.collectors.alerts import AlertCollector
from openova_console.watch.snapshot import SnapshotStore
from openova_console.web.states.alerts import _line
from tests.support.running import free_port

ALERTS, ROUNDS, TICK_S = 10_000, 20, 0.005
_SEVERITIES = ("critical", *("warning",) * 6, "info", "info", "page")


def _alert(number: int, now: datetime) -> dict[str, object]:
    started = now - timedelta(seconds=number % 86400)
    watchdog = number == 0
    labels = {
        "alertname": "Watchdog" if watchdog else f"PodRestarts{number % 40:02d}",
        "namespace": f"tenant-{number % 25:02d}",
        "pod": f"worker-{number:05d}",
        "severity": "none" if watchdog else _SEVERITIES[number % 10],
    }
    return {
        "annotations": {"summary": f"worker-{number:05d} restarts again and again.", "description": "What to do: " + "x" * 120},
        "endsAt": (now + timedelta(minutes=4)).isoformat(),
        "fingerprint": f"{number:016x}",
        "receivers": [{"name": "gitea-actions"}],
        "startsAt": started.isoformat(),
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": now.isoformat(),
        "generatorURL": f"http://prometheus.example/graph?g0.expr=restarts{number}",
        "labels": labels,
    }


async def measure() -> list[Row]:
    """Serve from a child process, read, judge, filter."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.alerts", str(port), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    await server.stdout.readline()
    region = Region(
        id="region-1",
        display="Region 1",
        role="primary",
        kubernetes=KubernetesEndpoint(in_cluster=True),
        alertmanagers=(HttpEndpoint(url=f"http://127.0.0.1:{port}"),),
    )
    settings = Settings(console=ConsoleSettings(looks_from="region-1"), regions=(region,))
    snapshots = SnapshotStore()
    collector = AlertCollector(region, settings, snapshots)
    stalls: list[float] = []
    ticker = asyncio.create_task(_tick(stalls))
    try:
        # As the console does when it starts: what was imported is kept out of garbage collection.
        gc.collect()
        gc.freeze()
        await asyncio.sleep(2 * TICK_S)
        stalls.clear()
        began = time.monotonic()
        await collector.read()
        took = time.monotonic() - began
        stall = max(stalls)
    finally:
        ticker.cancel()
        await collector.close()
        server.terminate()
        await server.wait()
    evidence = snapshots.current.alerts
    count = len(evidence["region-1"].alerts)
    board = _timed(lambda: alerts_board(snapshots.current, settings, (), datetime.now(UTC)))
    page = _timed(lambda: [_line(r, "Region 1", a) for r, a in search(evidence, Query(page=150)).alerts])
    words = _timed(lambda: search(evidence, Query(Severity.WARNING, "region-1", words="tenant-07 restarts")))
    return [
        Row(f"{count} alerts read, parsed, grouped", f"{took:.2f} s", "≤ 10 s", took <= 10),
        Row("longest stall of the loop meanwhile", f"{stall * 1000:.0f} ms", "", None),
        Row("board of the alerts, p95", f"{board:.1f} ms", "≤ 10 ms", board <= 10),
        Row("page 150 of the alerts, p95", f"{page:.0f} ms", "≤ 500 ms", page <= 500),
        Row("filter by severity, region and words, p95", f"{words:.0f} ms", "≤ 100 ms", words <= 100),
    ]


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds, 95th percentile of `ROUNDS`."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return percentile(found, 0.95)


async def _tick(stalls: list[float]) -> None:
    """How much later than asked the loop wakes this up, in seconds."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(TICK_S)
        stalls.append(time.monotonic() - asked - TICK_S)


async def _serve(port: int) -> None:
    now = datetime.now(UTC)
    rows = [_alert(number, now) for number in range(ALERTS + 1)]
    grouped: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for row in rows:
        labels = row["labels"]
        assert isinstance(labels, dict)
        grouped.setdefault((labels["alertname"], labels["namespace"]), []).append(row)
    groups = [
        {"alerts": found, "labels": {"alertname": name, "namespace": namespace}, "receiver": {"name": "gitea-actions"}}
        for (name, namespace), found in grouped.items()
    ]
    status = {"cluster": {"status": "disabled", "peers": []}, "versionInfo": {"version": "0.25.0"}}
    bodies = {"alerts": json.dumps(rows), "alerts/groups": json.dumps(groups), "status": json.dumps(status)}

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=bodies[request.match_info["what"]], content_type="application/json")

    app = web.Application()
    app.router.add_get("/api/v2/{what:.+}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
