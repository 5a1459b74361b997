"""The samples that a region's Prometheus holds: taken on a grid, missing while it was down, ended when a target went.

They are computed, not stored: the grid of the last five minutes is full from the first second of the lab, and the same
question always gets the same answer.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from openova_console.lab.series import TARGET_LABELS, Labels, Series, catalogue, targets
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import unit
from openova_console.lab.world import World

LOOKBACK_S = 300.0
Sample = tuple[float, float]


class Scraper:
    """One region's scrapes.

    Args:
        interval_s: seconds between two scrapes of a target; each target has its own offset on that grid.
    """

    def __init__(self, world: World, region: str, interval_s: float) -> None:
        self._world = world
        self._region = region
        self._interval = interval_s
        scraped = catalogue(world, region)
        self.series = (*scraped, *(self._up(target) for target in targets(scraped)))

    def range(self, series: Series, start: float, end: float) -> list[Sample]:
        """Samples with start < time <= end (unix seconds, milliseconds exact), oldest first."""
        found = []
        for t in self._grid(series, start, end):
            epoch = self._world.timeline.at(t)
            if self._region in epoch.conditions.dead:
                continue
            value = self._value(series, epoch, t)
            if value is not None:
                found.append((t, value))
        return found

    def instant(self, series: Series, at: float) -> float | None:
        """The value that an instant query at unix time `at` gives: the newest sample within the look-back.

        A target that answers without the series, or does not answer, ends the series at once. A Prometheus that was
        itself down leaves no such mark: its last sample stays in sight for the whole look-back.
        """
        for t in reversed(list(self._grid(series, at - LOOKBACK_S, at))):
            epoch = self._world.timeline.at(t)
            if self._region not in epoch.conditions.dead:
                return self._value(series, epoch, t)
        return None

    def stretches(self, series: Series, start: float, end: float) -> Iterator[tuple[Sample, Sample, int]]:
        """First sample, last sample and number of scrapes of each stretch between two changes of the world, oldest first.

        The scrapes are those with start < time <= end. A stretch without the series is left out.
        """
        changes = [t for t in self._world.timeline.changes() if start < t <= end]
        for begin, close in pairwise((start, *changes, math.nextafter(end, math.inf))):
            # An epoch holds from its first instant on, so a scrape at that very instant belongs to it.
            first = next((t for t in self._grid(series, begin - self._interval, end) if t >= begin and t > start), None)
            if first is None or first >= close:
                continue
            scrapes = math.ceil(round((close - first) / self._interval, 6))
            last = round(first + (scrapes - 1) * self._interval, 3)
            epoch = self._world.timeline.at(first)
            if self._region in epoch.conditions.dead:
                continue
            values = self._value(series, epoch, first), self._value(series, epoch, last)
            if values[0] is not None and values[1] is not None:
                yield (first, values[0]), (last, values[1]), scrapes

    def _value(self, series: Series, epoch: Epoch, t: float) -> float | None:
        if self._region in epoch.conditions.mute and series.name != "up":
            return None
        return series.value(epoch, t)

    def _grid(self, series: Series, start: float, end: float) -> Iterator[float]:
        target = [pair for pair in series.labels if pair[0] in TARGET_LABELS]
        offset = round(self._interval * unit(self._world.seed, target), 3)
        step = int((start - offset) // self._interval)
        while True:
            t = round(step * self._interval + offset, 3)
            if t > end:
                return
            if t > start:
                yield t
            step += 1

    def _up(self, target: Labels) -> Series:
        return Series(
            "up",
            "gauge",
            "Whether the last scrape of the target succeeded",
            target,
            lambda epoch, t: float(self._region not in epoch.conditions.mute),
        )
