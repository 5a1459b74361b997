"""Two mirrors of 1,000 objects with 10 changes a second: CPU of the console's process and the longest stall of its loop."""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator

from aiohttp import web

from benchmarks.processes import cpu_s
from benchmarks.report import Row
from openova_console.settings import KubernetesEndpoint, Network
from openova_console.systems import kinds
from openova_console.systems.kubernetes import connect
from openova_console.watch.mirror import Mirror
from tests.support.running import free_port

OBJECTS, SECONDS, PER_SECOND, TICK_S = 1000, 20, 10, 0.02


def _object(n: int, version: int) -> dict[str, object]:
    """A Kustomization of about 3 KB, as Flux keeps them."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "ReconciliationSucceeded",
        "message": "Applied",
        "observedGeneration": 1,
    }
    source = {"kind": "GitRepository", "name": "platform"}
    entries = [{"id": f"ns_obj-{i}_apps_Deployment", "v": "v1"} for i in range(20)]
    return {
        "metadata": {
            "name": f"app-{n}",
            "namespace": "flux-system",
            "uid": f"u{n}",
            "resourceVersion": str(version),
            "generation": 1,
            "labels": {f"label-{i}": "x" * 20 for i in range(8)},
            "annotations": {"note": "y" * 400},
        },
        "spec": {"interval": "10m", "path": f"./clusters/apps/{n}", "prune": True, "sourceRef": source},
        "status": {
            "conditions": [ready] * 3,
            "lastAppliedRevision": "main@sha1:" + "a" * 40,
            "observedGeneration": 1,
            "inventory": {"entries": entries},
        },
    }


async def measure() -> list[Row]:
    """Serve the objects from a child process, mirror them here."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.watching", str(port), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    await server.stdout.readline()
    stalls: list[float] = []
    ticker = asyncio.create_task(_tick(stalls))
    # As the console does when it starts: what was imported is kept out of garbage collection.
    gc.collect()
    gc.freeze()
    pid = os.getpid()
    before = cpu_s(pid)
    await asyncio.sleep(5)
    idle = (cpu_s(pid) - before) / 5
    stalls.clear()
    mirrors = []
    for name in ("Region 1", "Region 2"):
        api = await connect(KubernetesEndpoint(server=f"http://127.0.0.1:{port}"), region=name, network=Network())
        mirrors.append(Mirror(api, kinds.KUSTOMIZATIONS))
    await asyncio.sleep(0.2)
    connect_stall = max(stalls)
    stalls.clear()
    tasks = [asyncio.create_task(mirror.run()) for mirror in mirrors]
    began = time.monotonic()
    while not all(len(m.objects) == OBJECTS for m in mirrors):
        await asyncio.sleep(0.02)
    listed = time.monotonic() - began
    await asyncio.sleep(1)
    first_stall = max(stalls)
    stalls.clear()
    versions = [m.version for m in mirrors]
    before = cpu_s(pid)
    await asyncio.sleep(SECONDS)
    share = 100 * ((cpu_s(pid) - before) / SECONDS - idle)
    changes = sum(m.version for m in mirrors) - sum(versions)
    for task in (*tasks, ticker):
        task.cancel()
    server.terminate()
    await server.wait()
    return [
        Row(f"first list of 2 × {OBJECTS} objects", f"{listed:.2f} s", "", None),
        Row("longest stall of the loop at start-up, reading certificate authorities", f"{connect_stall * 1000:.0f} ms", "", None),
        Row("longest stall of the loop while listing", f"{first_stall * 1000:.0f} ms", "≤ 50 ms", first_stall <= 0.05),
        Row(f"CPU while watching, {changes / SECONDS:.0f} changes/s", f"{share:.1f} % of a core", "≤ 3 %", share <= 3),
        Row("longest stall of the loop while watching", f"{max(stalls) * 1000:.0f} ms", "≤ 50 ms", max(stalls) <= 0.05),
    ]


async def _tick(stalls: list[float]) -> None:
    """How much later than asked the loop wakes this up, in seconds."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(TICK_S)
        stalls.append(time.monotonic() - asked - TICK_S)


async def _serve(port: int) -> None:
    version = 10_000
    objects = [json.dumps(_object(n, n)) for n in range(OBJECTS)]

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal version
        if request.query.get("watch"):
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            async for line in _changes(float(request.query.get("timeoutSeconds", "20"))):
                version += 1
                await response.write(line(version))
            return response
        limit, start = int(request.query.get("limit", "250")), int(request.query.get("continue") or 0)
        items, after = objects[start : start + limit], start + limit
        more = f',"continue":"{after}"' if after < OBJECTS else ""
        text = f'{{"kind":"List","metadata":{{"resourceVersion":"{version}"{more}}},"items":[{",".join(items)}]}}'
        return web.Response(text=text, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _changes(seconds: float) -> AsyncIterator[object]:
    until, n = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        n = (n + 7) % OBJECTS
        yield lambda version, n=n: json.dumps({"type": "MODIFIED", "object": _object(n, version)}).encode() + b"\n"
        await asyncio.sleep(1 / PER_SECOND)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
