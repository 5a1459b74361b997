"""The watch: builds the collectors from the settings, runs them, keeps history, and answers "what is true now?"."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine

from openova_console.handbook.replication import Service
from openova_console.settings import Settings
from openova_console.watch import board
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.collectors.registry import collectors
from openova_console.watch.history import History
from openova_console.watch.noticed import Noticed
from openova_console.watch.objects import Objects
from openova_console.watch.snapshot import SnapshotStore
from openova_console.watch.supervisor import Measure, Supervisor

_log = logging.getLogger(__name__)
TIDY_EVERY_S = 300.0
SPARK_EVERY_S = 60.0
BoardReader = Callable[[board.Board], None]


class Watch:
    """See the module. `start` inside the running loop, `stop` before it ends."""

    def __init__(self, settings: Settings, engine: Engine, *, measure: Measure | None = None) -> None:
        self.settings = settings
        self.snapshots = SnapshotStore()
        self.history = History(engine, settings)
        self.sparklines: Mapping[Service, Sequence[float | None]] = {}
        self._supervisor = Supervisor(self.snapshots, timeout_s=settings.cadence.timeout_s * 2, measure=measure)
        self.objects = Objects({}, {})
        self.noticed = Noticed()
        self._readers: list[BoardReader] = []
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Build every collector and begin to read."""
        # Built in a thread: each client reads the certificate authorities, which would hold the loop meanwhile.
        found = await asyncio.to_thread(collectors, self.settings, self.snapshots)
        for collector in found:
            self._supervisor.add(collector)
        clusters = {r.id: c for r in self.settings.regions for c in found if c.name == f"kubernetes/{r.id}"}
        self.objects = Objects(
            {id_: c for id_, c in clusters.items() if isinstance(c, KubernetesCollector)},
            {r.id: r.display for r in self.settings.regions},
        )
        self._supervisor.start()
        self._keeper = asyncio.create_task(self._keep(), name="history")

    async def stop(self) -> None:
        """End every loop and close every connection."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._supervisor.stop()

    def board(self, now: datetime | None = None) -> board.Board:
        """The board at `now`, by default this instant: data that got too old since it was read is unknown in it."""
        found = board.judge(self.snapshots.current, self.settings, now or utc_now())
        self.noticed.see((alarm.title for alarm in found.alarms), found.at)
        for reader in self._readers:
            reader(found)
        return found

    def on_board(self, reader: BoardReader) -> None:
        """Show every board that is drawn to `reader`, which must return at once: one comes every `cadence.replication_s`."""
        self._readers.append(reader)

    async def first_readings(self) -> str:
        """Empty once every source was tried; else which were not: a board before that is not worth a look."""
        untried = [name for name, health in self.snapshots.current.collectors.items() if not (health.last_ok or health.error)]
        return f"not read yet: {', '.join(untried)}" if untried or not self.snapshots.current.collectors else ""

    async def _keep(self) -> None:
        """Write history on the replication cadence, refresh sparklines, tidy up. A failing database is logged once."""
        loop = asyncio.get_running_loop()
        tidied = drawn = float("-inf")
        failing = False
        while True:
            try:
                await self.history.record(self.board())
                if loop.time() - drawn > SPARK_EVERY_S:
                    self.sparklines, drawn = await self.history.sparklines(utc_now()), loop.time()
                if loop.time() - tidied > TIDY_EVERY_S:
                    await self.history.tidy(utc_now())
                    tidied = loop.time()
                if failing:
                    _log.warning("history is written again")
                failing = False
            except Exception as error:  # noqa: BLE001 - history must never end the watch
                if not failing:
                    _log.error("history cannot be written: %s", error)
                failing = True
            await asyncio.sleep(self.settings.cadence.replication_s)
