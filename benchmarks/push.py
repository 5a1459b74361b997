"""Live push to many browsers, as raw websockets: CPU per delivery, latency, memory, and what becomes of stalled ones.

The payload is a 48 KB panel change, sent through the console's own hub inside its own server process by a small app that
holds nothing else (`benchmarks/push_app.py`): the platform's readings do not disturb the figure.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from benchmarks.processes import cpu_s, rss_mb
from benchmarks.report import Row, percentile
from tests.support.running import ROOT, end, free_port, wait_for

PUSHES = 40


def measure(folder: Path) -> list[Row]:
    """50, 100 and 200 browsers; then 20 stalled ones beside 50 that read."""
    folder.mkdir(parents=True)
    rows: list[Row] = []
    for browsers in (50, 200):
        rows += _with_app(folder, lambda port, pid, n=browsers: _push(port, pid, n))
    rows += _with_app(folder, _memory)
    rows += _with_app(folder, _stalled)
    return rows


def _with_app(folder: Path, run) -> list[Row]:  # type: ignore[no-untyped-def]
    port = free_port()
    environment = {
        **os.environ,
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_SOCKET_INTERVAL": "10",
        "REFLEX_SOCKET_TIMEOUT": "15",
        "__REFLEX_SKIP_COMPILE": "true",
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--workers-kill-timeout", "3", "--log-level", "error", "benchmarks.push_app:make"]
    log = (folder / "push.log").open("ab")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, stdout=log, stderr=log)
    try:
        pid = int(wait_for("the push app answers", lambda: asyncio.run(_control(port, "pid")), limit_s=30))
        return asyncio.run(run(port, pid))
    finally:
        end(process)


async def _control(port: int, path: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/bench/{path}") as answer:
        return await answer.text() if answer.status == 200 else ""


async def _connect(http: aiohttp.ClientSession, port: int, number: int) -> aiohttp.ClientWebSocketResponse:
    """A browser's handshake: engine.io, then the namespace of events."""
    url = f"http://127.0.0.1:{port}/_event/?EIO=4&transport=websocket&token=bench-{number}"
    socket = await http.ws_connect(url, max_msg_size=0)
    await socket.receive_str()
    await socket.send_str(f'40/_event,{{"token":"bench-{number}"}}')
    while not (await socket.receive_str()).startswith("40/_event"):
        continue
    return socket


async def _read(socket: aiohttp.ClientWebSocketResponse, seen: list[float]) -> None:
    """Answer pings; note for each push how long after its making it was here, in milliseconds."""
    async for message in socket:
        text = str(message.data)
        if text == "2":
            await socket.send_str("3")
        elif '"made"' in text[:400] or "made_rx_state_" in text[:400]:
            start = text.index("made_rx_state_") + len('made_rx_state_":')
            made = float(text[start : text.index(",", start)])
            seen.append((time.time() - made) * 1000)


async def _push(port: int, pid: int, browsers: int) -> list[Row]:
    seen: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        sockets = [await _connect(http, port, n) for n in range(browsers)]
        await _control(port, "join")
        readers = [asyncio.create_task(_read(s, seen)) for s in sockets]
        before = cpu_s(pid)
        began = time.monotonic()
        size = 0
        for _ in range(PUSHES):
            size = int(await _control(port, "push"))
            await asyncio.sleep(0.1)
        wait_until = time.monotonic() + 10
        while len(seen) < PUSHES * browsers and time.monotonic() < wait_until:
            await asyncio.sleep(0.05)
        spent = cpu_s(pid) - before
        idle = await _idle(port, pid, time.monotonic() - began)
        for reader in readers:
            reader.cancel()
    each = 1000 * max(0.0, spent - idle) / max(1, len(seen))
    slow = percentile(seen, 0.95)
    what = f"{size / 1000:.0f} KB to {browsers} browsers"
    rows = [
        Row(f"server CPU per delivered update, {what}", f"{each:.3f} ms", "≤ 0.1 ms", each <= 0.1),
        Row(f"delivered of sent, {what}", f"{len(seen)} of {PUSHES * browsers}", "all", len(seen) == PUSHES * browsers),
    ]
    if browsers == 50:
        rows.append(Row(f"change to delivery, p95, {what}", f"{slow:.0f} ms", "≤ 60 ms", slow <= 60))
    return rows


async def _idle(port: int, pid: int, seconds: float) -> float:
    """CPU that the requests which trigger the pushes cost by themselves."""
    before = cpu_s(pid)
    for _ in range(PUSHES):
        await _control(port, "nothing")
        await asyncio.sleep(min(0.1, seconds / PUSHES))
    return cpu_s(pid) - before


async def _memory(port: int, pid: int) -> list[Row]:
    seen: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        sockets = [await _connect(http, port, n) for n in range(100)]
        await _control(port, "join")
        readers = [asyncio.create_task(_read(s, seen)) for s in sockets]
        for _ in range(10):
            await _control(port, "push")
        await asyncio.sleep(1)
        used = rss_mb(pid)
        for reader in readers:
            reader.cancel()
    return [Row("memory of the server at 100 browsers", f"{used:.0f} MB", "≤ 250 MB", used <= 250)]


async def _stalled(port: int, pid: int) -> list[Row]:
    """Twenty browsers stop reading; how long until the server has dropped them all."""
    reader = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.push_stalled", str(port), "20"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    await asyncio.to_thread(reader.stdout.readline)
    await _control(port, "join")
    os.kill(reader.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        while time.monotonic() - began < 60:
            await _control(port, "push")
            if int(json.loads(await _control(port, "browsers"))) == 0:
                break
            await asyncio.sleep(0.25)
    finally:
        reader.kill()
        reader.wait()
    took = time.monotonic() - began
    return [Row("20 stalled browsers dropped after", f"{took:.0f} s", "≤ 30 s", took <= 30)]
