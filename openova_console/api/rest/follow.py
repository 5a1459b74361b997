"""Following a run: bells that the engine rings, and the frames of server-sent events.

A bell only says that something may have changed; what has changed the books say. Another replica's changes ring no bell here,
so the books are read again every few seconds in any case.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from openova_console.api.rest.problems import Problematic
from openova_console.operations.engine import Engine

BEAT_S = 5.0
"""Seconds after which the books are read again without a bell, and a comment shows that the line still stands."""


class Bells:
    """One listener on the engine, and a bell for everybody who follows a run. `most`: per caller."""

    def __init__(self, engine: Engine, *, most: int) -> None:
        self._most = most
        self._rung: dict[asyncio.Event, tuple[str, asyncio.AbstractEventLoop]] = {}
        self._held: Counter[str] = Counter()
        engine.listen(self._ring)

    def _ring(self, operation_id: str) -> None:
        # Runs may tell from a thread of their own.
        for bell, (followed, loop) in tuple(self._rung.items()):
            if operation_id in ("", followed):
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(bell.set)

    def check(self, key: str) -> None:
        """Refuse a caller that follows too many already. Raises `Problematic`."""
        if self._held.get(key, 0) >= self._most:
            sentence = f"You follow {self._most} runs already: end one of them first."
            raise Problematic("rate", sentence, headers={"Retry-After": "5"})

    @contextmanager
    def following(self, operation_id: str, key: str) -> Iterator[asyncio.Event]:
        """A bell for one operation, as long as the block lasts."""
        self._held[key] += 1
        bell = asyncio.Event()
        self._rung[bell] = (operation_id, asyncio.get_running_loop())
        try:
            yield bell
        finally:
            del self._rung[bell]
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    def count(self) -> int:
        """How many follow something now."""
        return len(self._rung)


async def rung(bell: asyncio.Event, seconds: float) -> bool:
    """Wait for a bell for so long. Returns whether it rang."""
    try:
        await asyncio.wait_for(bell.wait(), seconds)
    except TimeoutError:
        return False
    bell.clear()
    return True


def frame(event: str, data: Any, *, number: int | None = None) -> str:
    """One server-sent event. Its data is JSON in one line."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


STILL_THERE = ": still there\n\n"
AGAIN = "event: again\ndata: {}\nretry: 1000\n\n"
"""The stream ends though the run does not: connect again, with the number of the last event."""
