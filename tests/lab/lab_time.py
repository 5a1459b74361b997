"""A console whose clock is the lab's: what it remembers between two looks passes as fast as the test moves the clock."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from openova_console import settings as console_settings
from openova_console.handbook.replication import Assessment, Service
from openova_console.settings import Settings
from openova_console.systems.errors import Fault
from openova_console.watch.board import judge
from openova_console.watch.collectors.base import Collector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import Running, running


class LabTime:
    """A lab and collectors of both regions that live as long as it does. Use as an asynchronous context manager.

    Args:
        modules: names of the modules whose `utc_now` is to be the lab's, beside the HTTP client's clock.
        change: makes other settings of the lab's.
    """

    def __init__(
        self,
        folder: Path,
        patch: pytest.MonkeyPatch,
        service: Service,
        make: Callable[..., Collector],
        *,
        modules: tuple[str, ...] = (),
        change: Callable[[Settings], Settings] = lambda settings: settings,
    ) -> None:
        self._folder, self._patch, self._service, self._make = folder, patch, service, make
        self._modules, self._change = modules, change
        self.faults: list[str] = []

    async def __aenter__(self) -> "LabTime":
        self.here: Running = await running(self._folder)
        clock = self.here.lab.clock

        class Now(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return clock.now()

        self._patch.setattr("openova_console.systems.http.datetime", Now)
        for module in self._modules:
            self._patch.setattr(f"{module}.utc_now", clock.now)
        self.settings = self._change(console_settings.load(self.here.path / "console.yaml"))
        self.store = SnapshotStore()
        self.collectors = [self._make(region, self.settings, self.store) for region in self.settings.regions]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for collector in self.collectors:
            await collector.close()
        await self.here.lab.stop()

    async def look(self, after_s: float = 0.0, *, every_s: float = 10.0) -> Assessment:
        """The row after this much time, with a read every `every_s` the last one at the end."""
        while True:
            step = min(every_s, after_s)
            if step > 0:
                await self.here.lab.advance(step)
            self.faults = []
            for collector in self.collectors:
                try:
                    await collector.read()
                except Fault as fault:
                    self.faults.append(fault.sentence)
            after_s -= step
            if after_s <= 0:
                break
        found = judge(self.store.current, self.settings, self.here.lab.clock.now())
        return next(row.assessment for row in found.replication if row.promise.service is self._service)
