"""An engine alone in a process, for tests that end it: python -m tests.support.crash_child CONFIG FOLDER OPERATION POINT.

With a point it kills itself there (SIGKILL: no clean-up of any kind); without one it goes on until the operation has ended or
asks.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from openova_console.operations.words import State
from tests.support.engines import engine_on


async def main(config: Path, folder: Path, operation_id: str, point: str) -> None:
    def probe(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    async with engine_on(config, folder, database=f"sqlite:///{folder / 'console.db'}", probe=probe) as bench:

        def there() -> bool:
            state = State(bench.row(operation_id).state)
            return state.ended or state.paused

        await bench.when(there, limit_s=60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else ""))
