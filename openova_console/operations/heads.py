"""The audit's heads that lie outside the console's database, read where they lie. Nothing is written here: see `records`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine as Database

from openova_console.handbook.seals import Anchor
from openova_console.operations import restored
from openova_console.operations.clusters import Clusters
from openova_console.settings import Settings
from openova_console.store import anchors
from openova_console.store.database import in_thread, reading
from openova_console.systems import kinds
from openova_console.systems.errors import Absent, Fault


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies outside the database at one place. `trouble`: why nothing could be read there; "" when something was."""

    place: str
    anchors: tuple[Anchor, ...]
    trouble: str


class Heads:
    """See the module. `file`: where the head is written on this machine."""

    def __init__(self, settings: Settings, database: Database, clusters: Clusters, *, key: bytes) -> None:
        self._settings, self._database, self._clusters, self._key = settings, database, clusters, key
        self.file = anchor_file(settings)

    async def kept(self) -> tuple[Kept, ...]:
        """Every head that lies outside the database, read where it lies: the file, and a ConfigMap in each region."""
        name = head_name(self._settings)
        regions = [self._kept_in_region(r.id, f"{r.display}: ConfigMap {name}", name) for r in self._settings.regions]
        return tuple(await asyncio.gather(self._kept_in_file(), *regions))

    async def _kept_in_file(self) -> Kept:
        place = str(self.file)
        try:
            file = await in_thread(anchors.read_file_anchors, self.file, missing_ok=True)
        except anchors.AnchorError as error:
            return Kept(place, (), str(error))
        counted = await in_thread(self._counted, file.anchors)
        return Kept(place, counted, "" if counted else "no head was written there yet")

    def _counted(self, heads: Sequence[Anchor]) -> tuple[Anchor, ...]:
        """Without the heads of what was lost with a former database, where two administrators have accepted that."""
        with reading(self._database) as opened:
            return restored.counting(opened, self._key, heads)

    async def _kept_in_region(self, region_id: str, place: str, name: str) -> Kept:
        try:
            api = await self._clusters.of(region_id)
            data = (await api.get(kinds.CONFIG_MAPS, self._settings.operations.namespace, name)).body.get("data")
        except Absent:
            return Kept(place, (), "no head was written there yet")
        except Fault as fault:
            return Kept(place, (), fault.sentence)
        anchor = anchors.anchor_from(data, place)
        return Kept(place, (anchor,), "") if anchor else Kept(place, (), "what lies there is no head of an audit")


def head_name(settings: Settings) -> str:
    """Name of the ConfigMap that holds this console's head in each region."""
    return f"openova-audit-head-{settings.console.looks_from}"


def anchor_file(settings: Settings) -> Path:
    """Where the head is written on this machine."""
    given = settings.operations.anchor_file
    return given if given is not None else home(settings) / "audit-anchors.jsonl"


def home(settings: Settings) -> Path:
    """The folder of the console's own files: beside the SQLite database, else `console.data_dir`."""
    if settings.database_url.startswith("sqlite:///"):
        return Path(settings.database_url.removeprefix("sqlite:///")).parent
    return settings.console.data_dir
