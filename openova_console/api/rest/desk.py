"""What all routes of the API hold in common: the engine, its books, and how a caller is shown an operation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.api.rest import shown
from openova_console.api.rest.answers import DetailShown
from openova_console.api.rest.follow import Bells
from openova_console.operations import reads
from openova_console.operations.engine import Engine
from openova_console.operations.policies import policy_from
from openova_console.settings import Settings
from openova_console.store.database import in_thread, reading

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """See the module. `bells` ring when the books change."""

    engine: Engine
    database: Database
    settings: Settings
    now: Callable[[], datetime]
    bells: Bells

    async def read(self, ask: Callable[[Session], T]) -> T:
        """Ask the books something, on a thread of the store's own."""

        def inside() -> T:
            with reading(self.database) as opened:
                return ask(opened)

        return await in_thread(inside)

    async def detail(self, operation_id: str, caller: Caller) -> DetailShown:
        """One operation as this caller sees it. Raises `ledger.NoSuchOperation`."""

        def ask(opened: Session) -> DetailShown:
            found = reads.detail(opened, operation_id)
            choices = reads.choices(opened, found.row, caller, self.engine.decisions, self.engine.steering)
            return shown.detail_of(found, policy_from(found.row), choices)

        return await self.read(ask)
