"""Runs the lab as a process: opens it, says that it is ready, and closes it on a signal."""

import asyncio
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from openova_console.lab.clock import Clock
from openova_console.lab.folder import RunFolder
from openova_console.lab.lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the lab is started; see `python -m openova_console.lab serve --help`."""

    directory: Path
    base_port: int
    seed: int
    looks_from: str
    scenario: str
    manual_clock: bool
    interval_s: float


async def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        FolderError: the run folder cannot be written.
        PortTaken: a port cannot be had.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    folder = RunFolder.prepare(options.directory)
    lab = Lab(
        folder,
        seed=options.seed,
        clock=Clock(datetime.now(UTC)) if options.manual_clock else Clock(),
        base_port=options.base_port,
        looks_from=options.looks_from,
        interval_s=options.interval_s,
    )
    await lab.start(options.scenario)
    try:
        print(f"lab ready {folder.path / 'console.yaml'}", flush=True)
        await stopped.wait()
    finally:
        await lab.stop()
