"""Records runs of this release, for later releases to prove that they go on with them: python -m tests.support.record_runs

Run it once for each release, when `openova_console.__version__` has been raised; commit the two files that it writes into
`tests/operations/data/`. `tests/operations/test_releases.py` finds them by itself. What is recorded, in one life of one engine
that ends by SIGKILL: an operation that was approved and has not begun, one that waits for a person after a refused write, and
one between its first and its second step.
"""

import asyncio
import gzip
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from openova_console import __version__
from openova_console.lab.clock import Clock
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow
from tests.lab.running import running
from tests.support.engines import R1, R2, Bench, engine_on

DATA = Path(__file__).parents[1] / "operations" / "data"
KEY = "5" * 64
KIND = "suspend-kustomization"
BEGINS, MIDDLE, ASKS = "approved", "middle", "asks"
OBJECTS = {BEGINS: (R1, "autoscaling"), MIDDLE: (R1, "observability"), ASKS: (R2, "observability")}
"""What each recorded run is about, by its idempotency key."""
DATABASES = ("console", "console-runs")


@contextmanager
def key_file(folder: Path) -> Iterator[str]:
    """The key that signed what was recorded."""
    path = folder / "approval.key"
    path.touch(0o600)
    path.write_text(KEY)
    yield str(path)


def pack(database: Path, target: Path) -> None:
    """A database as compressed SQL."""
    with closing(sqlite3.connect(database)) as opened:
        text = "\n".join(opened.iterdump())
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), mtime=0))


def unpack(source: Path, database: Path) -> None:
    """And back."""
    with closing(sqlite3.connect(database)) as opened:
        opened.executescript(gzip.decompress(source.read_bytes()).decode())


async def ask(bench: Bench, key: str) -> OperationRow:
    """One operation, approved."""
    region, name = OBJECTS[key]
    row = await bench.ask(KIND, {"region": region, "namespace": "flux-system", "name": name}, key=key)
    return await bench.approve(row)


async def live(folder: Path) -> None:
    """The life that ends in the middle."""
    lab = await running(folder / "lab", clock=Clock())
    armed = False

    def probe(point: str) -> None:
        if armed and point == "1:verified":
            os.kill(os.getpid(), signal.SIGKILL)

    with key_file(folder) as key:
        async with engine_on(lab.path / "console.yaml", folder, approval_key_file=key, probe=probe) as bench:
            await lab.lab.set_trouble("writes_forbidden", True)
            asks = await ask(bench, ASKS)
            await bench.until(asks.id, State.PAUSED_BY_FAILED_STEP)
            await lab.lab.set_trouble("writes_forbidden", False)
            enqueue = bench.engine._runs.enqueue
            await bench.engine.housekeeping.stop()
            bench.holds_back()
            await ask(bench, BEGINS)
            bench.engine._runs.enqueue = enqueue  # type: ignore[method-assign]
            armed = True
            await bench.until((await ask(bench, MIDDLE)).id)


async def record() -> None:
    """Live in a process of its own, and pack what it has left."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", __spec__.name, made)
        if await process.wait() != -signal.SIGKILL:
            raise SystemExit("The engine did not get to the middle of its run.")
        for name in DATABASES:
            pack(folder / f"{name}.db", DATA / f"{__version__}.{name}.sql.gz")


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])) if len(sys.argv) > 1 else record())
