"""Harbor: images pushed in region 1, and the runs of the policy that copies each of them to region 2.

A push starts one event-based run. A run that cannot reach the other region fails and is not repeated by itself; when the
regions are linked again somebody starts the policy by hand, which copies everything.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import REGIONS
from openova_console.lab.timeline import Epoch, Timeline
from openova_console.lab.waves import unit

SOURCE: Final = REGIONS[0]
POLICY: Final = "cross-region-replication"
REGISTRY: Final = "harbor-region2"
SLOT_S, KEPT = 420.0, 60
FIRST_SLOT: Final = int(1.7e9 / SLOT_S)
CHECK_S, BY_HAND_AFTER_S, TIMEOUT_S = 5.0, 15.0, 20.0
STUCK_S: Final = 45 * 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """One execution; `ended` is None while it is under way."""

    id: int
    trigger: str
    status: str
    started: float
    ended: float | None
    total: int


class HarborRuns:
    """The runs as functions of the timeline and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def runs(self, timeline: Timeline, t: float) -> list[Run]:
        """The newest runs at unix time `t`, newest first."""
        epoch = timeline.at(t)
        if "harbor_never_ran" in epoch.conditions.troubles:
            return []
        slots = range(int(t / SLOT_S), int(t / SLOT_S) - KEPT, -1)
        found = [run for slot in slots if (run := self._pushed(timeline, slot, t)) is not None]
        if (by_hand := self._by_hand(epoch, t)) is not None:
            found = sorted([*found, by_hand], key=lambda run: -run.started)
        return found[:1] and [self._troubled(epoch, found[0], t), *found[1:]]

    def count(self, t: float) -> int:
        """How many runs there have been in all."""
        return int(t / SLOT_S) - FIRST_SLOT

    def registry(self, epoch: Epoch, t: float) -> str:
        """The other registry's state as Harbor last checked it."""
        away = not epoch.conditions.connected and t - epoch.at >= CHECK_S
        return "unhealthy" if away or "harbor_registry_unhealthy" in epoch.conditions.troubles else "healthy"

    def _pushed(self, timeline: Timeline, slot: int, t: float) -> Run | None:
        started = slot * SLOT_S + 0.8 * SLOT_S * unit(self._seed, "push", slot)
        if started > t:
            return None
        total = 1 + int(3 * unit(self._seed, "artifacts", slot))
        reached = timeline.at(started).conditions.connected
        takes = 4.0 + 14.0 * unit(self._seed, "takes", slot) if reached else TIMEOUT_S
        number = 2 * (slot - FIRST_SLOT)
        if t < started + takes:
            return Run(number, "event_based", "InProgress", started, None, total)
        return Run(number, "event_based", "Succeed" if reached else "Failed", started, started + takes, total)

    def _by_hand(self, epoch: Epoch, t: float) -> Run | None:
        started = epoch.carry.linked_since + BY_HAND_AFTER_S
        if not epoch.carry.linked_since or not epoch.conditions.connected or t < started:
            return None
        done = t >= started + 10
        number = 2 * (int(started / SLOT_S) - FIRST_SLOT) + 1
        return Run(number, "manual", "Succeed" if done else "InProgress", started, started + 10 if done else None, 184)

    def _troubled(self, epoch: Epoch, newest: Run, t: float) -> Run:
        if "harbor_run_failed" in epoch.conditions.troubles:
            return Run(newest.id, newest.trigger, "Failed", newest.started, newest.started + TIMEOUT_S, newest.total)
        if "harbor_run_stuck" in epoch.conditions.troubles:
            return Run(newest.id, newest.trigger, "InProgress", t - STUCK_S, None, newest.total)
        return newest
