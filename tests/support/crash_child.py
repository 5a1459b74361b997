"""An engine alone in a process, for tests that end it: python -m tests.support.crash_child CONFIG FOLDER OPERATION [POINT].

With a point it kills itself there (SIGKILL: no clean-up of any kind), or freezes itself (SIGSTOP: it goes on when somebody lets
it); without one it goes on until the operation has ended or asks.
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from openova_console.operations.words import State
from tests.support.engines import engine_on


async def main(given: argparse.Namespace) -> None:
    def probe(here: str) -> None:
        if here == given.point:
            given.point = ""
            os.kill(os.getpid(), signal.SIGSTOP if given.freeze else signal.SIGKILL)

    database = given.database or f"sqlite:///{given.folder / 'console.db'}"
    async with engine_on(given.config, given.folder, database=database, probe=probe, replica=given.replica) as bench:

        def there() -> bool:
            state = State(bench.row(given.operation).state)
            return state.ended or state.paused

        await bench.when(there, limit_s=60)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("operation")
    parser.add_argument("point", nargs="?", default="")
    parser.add_argument("--database", default="", help="by default console.db in the folder")
    parser.add_argument("--replica", default="console-1")
    parser.add_argument("--freeze", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
