"""The console's own records outside of its database: the audit's head, and what it has frozen, in both regions and in a file.

These writes belong to no run; they carry a permit of their own and touch nothing but ConfigMaps in the console's namespace.
One that fails is noted, shown, and tried again; it never stops a run.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Engine as Database

from openova_console.handbook.seals import Anchor
from openova_console.operations import restored
from openova_console.operations.brakes import RECORD, Freezes
from openova_console.operations.clusters import Clusters
from openova_console.operations.heads import anchor_file, head_name
from openova_console.operations.operation import Access
from openova_console.settings import Settings
from openova_console.store import anchors, audit
from openova_console.store.database import in_thread, reading, session
from openova_console.systems import kinds
from openova_console.systems.errors import Absent, Conflict, Fault
from openova_console.systems.permit import Permit

_log = logging.getLogger(__name__)
ANCHOR_EVERY_S = 300.0
_PERMIT = Permit("records", 0, 0)
ACCESS = (Access(("get", "create", "patch"), "", "configmaps", namespace="openova-console"),)
"""What writing records needs; the namespace is the one of `operations.namespace` as long as the settings say nothing else."""


class Records:
    """See the module. `restored` says why the database is older than its anchors; "" when it is not."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clusters: Clusters,
        freezes: Freezes,
        now: Callable[[], datetime],
        *,
        key: bytes,
    ) -> None:
        self._settings, self._database, self._clusters, self._freezes, self._now = settings, database, clusters, freezes, now
        self._key, self._file = key, anchor_file(settings)
        self.restored = ""
        self._lost: restored.Lost | None = None
        self._started_at = now()
        self._anchored_at = float("-inf")
        self._anchored_seq = -1
        self._freezes_wanted = True
        self._writing: asyncio.Task[None] | None = None
        self._keeping = asyncio.Lock()
        self._asked = 0

    def stops(self, asked_at: datetime) -> str:
        """Why a run that was asked for at this instant may not just go on: it is from before the database was found to be old."""
        return self.restored if asked_at < self._started_at else ""

    async def start(self) -> None:
        """Compare the database with what was anchored outside of it, before anything else runs."""
        self._started_at = self._now()
        found = await in_thread(anchors.read_file_anchors, self._file, missing_ok=True)
        await in_thread(self._compare, found.anchors)
        if self.restored:
            _log.warning("%s", self.restored)

    def _compare(self, heads: Sequence[Anchor]) -> None:
        with reading(self._database) as opened:
            counted = restored.counting(opened, self._key, heads)
        self.restored = anchors.restored(self._database, counted)
        self._lost = restored.Lost.of(anchors.contradicting(self._database, counted))
        if self._lost is not None:
            body = {"sentence": self.restored, **self._lost.document()}
            with session(self._database) as opened:
                audit.append(session=opened, event=restored.RESTORED, actor="engine", body=body, now=self._now())

    def _look_for_acceptance(self) -> None:
        with reading(self._database) as opened:
            if self._lost in restored.accepted(opened, self._key):
                self.restored, self._lost = "", None

    async def stop(self) -> None:
        """Let a write that is on its way end."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing

    def want_anchor(self) -> None:
        """Write the head soon: a run has ended."""
        self._anchored_at = float("-inf")
        self._asked += 1
        self._soon()

    def want_freezes(self) -> None:
        """Tell the other console soon what is frozen here."""
        self._freezes_wanted = True
        self._asked += 1
        self._soon()

    def _soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._keep_up(), name="records")

    async def _keep_up(self) -> None:
        """Until nothing new was wanted while the last was written; what fails is left to the next sweep."""
        while True:
            asked = self._asked
            await self.keep()
            if self._asked == asked:
                return

    async def keep(self) -> None:
        """Write what is due, and see whether people have accepted what was lost."""
        async with self._keeping:
            if self._lost is not None:
                await in_thread(self._look_for_acceptance)
            clock = asyncio.get_running_loop().time()
            if clock - self._anchored_at >= ANCHOR_EVERY_S:
                self._anchored_at = clock
                await self._anchor()
            if self._freezes_wanted:
                await self._tell()

    async def _tell(self) -> None:
        # Not wanted any more before it is read: a freeze that comes meanwhile wants it again.
        self._freezes_wanted, told = False, False
        try:
            told = await self._tell_freezes()
        finally:
            self._freezes_wanted = self._freezes_wanted or not told

    async def _anchor(self) -> None:
        def ask() -> tuple[int, str]:
            with reading(self._database) as opened:
                return audit.head(opened)

        seq, seal = await in_thread(ask)
        if not seq or seq == self._anchored_seq:
            return
        wrong = [await self._into_file(seq, seal)]
        await self._note(seq, seal, str(self._file), wrong[0])
        data = {"seq": str(seq), "seal": seal, "at": self._now().isoformat()}
        name = head_name(self._settings)
        for region in self._settings.regions:
            if self._clusters.may_act(region.id):
                wrong.append(await self._put(region.id, name, data))
                await self._note(seq, seal, f"{region.display}: ConfigMap {name}", wrong[-1])
        # A place that did not take it is tried again with the next one, also when nothing new has happened.
        if not any(wrong):
            self._anchored_seq = seq

    async def _into_file(self, seq: int, seal: str) -> str:
        try:
            await in_thread(anchors.write_file_anchor, self._file, seq=seq, seal=seal, now=self._now())
        except anchors.AnchorError as error:
            return str(error)
        return ""

    async def _note(self, seq: int, seal: str, place: str, wrong: str) -> None:
        def write() -> None:
            with session(self._database) as opened:
                anchors.record(session=opened, seq=seq, seal=seal, place=place, ok=not wrong, sentence=wrong, now=self._now())

        await in_thread(write)

    async def _tell_freezes(self) -> bool:
        def ask() -> Mapping[str, str]:
            with reading(self._database) as opened:
                return self._freezes.record(opened, self._now())

        data = await in_thread(ask)
        name = RECORD.format(region=self._settings.console.looks_from)
        wrong = [await self._put(r.id, name, data) for r in self._settings.regions if self._clusters.may_act(r.id)]
        return not any(wrong)

    async def _put(self, region_id: str, name: str, data: Mapping[str, str]) -> str:
        """Write one ConfigMap; gives the sentence of what went wrong, "" when nothing did."""
        namespace = self._settings.operations.namespace
        try:
            api = await self._clusters.of(region_id)
            try:
                found = await api.get(kinds.CONFIG_MAPS, namespace, name)
            except Absent:
                body = {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": name, "namespace": namespace},
                    "data": dict(data),
                }
                await api.create(kinds.CONFIG_MAPS, namespace, body, permit=_PERMIT)
                return ""
            await api.merge_patch(
                kinds.CONFIG_MAPS, namespace, name, {"data": dict(data)}, resource_version=found.resource_version, permit=_PERMIT
            )
        except Conflict:
            return "another console wrote it at the same moment"
        except Fault as fault:
            return fault.sentence
        return ""
