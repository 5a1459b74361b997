"""Connects some browsers and reads nothing once its parent has stopped it: `python -m benchmarks.push_stalled PORT COUNT`."""

import asyncio
import sys

import aiohttp

from benchmarks.push import _connect, _read


async def main(port: int, count: int) -> None:
    """Connect, say so, then behave like browsers until killed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        sockets = [await _connect(http, port, 1000 + n) for n in range(count)]
        print("connected", flush=True)
        await asyncio.gather(*(_read(s, []) for s in sockets))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
