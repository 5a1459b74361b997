"""What the watch knows, as evidence items. One file per topic.

Drawn from the board and the snapshot at the instant of the decision, so that old data is unknown in it. An item is of the class
*last* only where its region's Kubernetes API is seen not to answer and the reading was whole before: it is then what was known
when contact was lost. `docs/engine.md` lists the keys.
"""

from datetime import datetime

from openova_console.operations.evidence import Item, fresh
from openova_console.operations.world.delivery import canaries
from openova_console.operations.world.goals import budget, objectives
from openova_console.operations.world.last import LastLoss
from openova_console.operations.world.platform import activity, controller
from openova_console.operations.world.regions import region_items
from openova_console.operations.world.replication import replication
from openova_console.operations.world.witnesses import isolation, quorums
from openova_console.settings import Settings
from openova_console.watch.board import Board
from openova_console.watch.snapshot import Snapshot
from openova_console.watch.watch import Watch

__all__ = ["LastLoss", "WatchedWorld", "items_of"]


class WatchedWorld:
    """The platform as the running watch sees it."""

    def __init__(self, watch: Watch, settings: Settings) -> None:
        self._watch, self._settings = watch, settings
        self._last = LastLoss(settings.freshness.kubernetes_s)
        watch.on_board(self._last.see)

    def items(self, now: datetime) -> dict[str, Item]:
        """Regions, quorum, replication, canaries, budget and the rest, by key."""
        return items_of(self._watch.board(now), self._watch.snapshots.current, self._settings, now, self._last)


def items_of(
    board: Board, snapshot: Snapshot, settings: Settings, now: datetime, last: LastLoss | None = None
) -> dict[str, Item]:
    """Board and snapshot as evidence. Pure.

    Args:
        last: what each service would have lost when it was last known; None when nothing was seen before.
    """
    found = {"regions": fresh([r.id for r in settings.regions], at=now, source="settings")}
    for row in board.regions:
        found |= region_items(row, snapshot, settings, now)
    found["activity"] = activity(settings, found)
    found["controller"] = controller(settings, found, now)
    found |= quorums(board, settings, now)
    found["isolated"] = isolation(board, settings, found)
    found |= replication(board, snapshot, settings, found, last, now)
    found |= canaries(board, settings, now)
    found |= objectives(board, now)
    found["budget"] = budget(board, now)
    return found
