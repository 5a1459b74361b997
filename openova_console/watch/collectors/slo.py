"""Counts one region's requests, every `cadence.slo_s`: a quarter of an hour of samples, longer windows by Prometheus itself.

Raw samples carry their own instants, so an entrance that is gone looks old instead of well, and the handbook's "for 5
minutes" is looked at every 30 s without a rule in Prometheus. Windows of a day and more are heavy for Prometheus and move
slowly: they are read every `slo.long_every_s`.
"""

import asyncio
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from openova_console.handbook.burn import DAY, WINDOWS
from openova_console.handbook.counters import Sample, increase
from openova_console.handbook.slo import SHORT_S, STEP_S, Counted, Counts, SloEvidence, Step
from openova_console.handbook.speech import span
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems.errors import Fault
from openova_console.systems.prometheus import Window, connect
from openova_console.systems.prometheus_query import Grouped, Growth, Growths, growth
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import SnapshotStore

_OVERLAP_S = 120
"""How much further than needed we look back, so that two regions that are read at different times share enough looks."""
_PARTIAL = "Prometheus says that its answer is not whole"

Longer = dict[int, Reading[Counts]]


class SloCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.prometheus is None:
            raise ValueError(f"{region.id} has no Prometheus")
        self.name = f"slo/{region.id}"
        self.cadence_s = settings.cadence.slo_s
        slo = settings.slo
        self._region, self._slo, self._snapshots = region, slo, snapshots
        self._prometheus = connect(
            region.prometheus, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )
        self._recent = tuple(w for w in WINDOWS if SHORT_S < w < DAY)
        self._long = tuple(sorted({slo.window_s, *(w for w in WINDOWS if w >= DAY)}))
        self._reach_s = math.ceil((slo.hold_s + _OVERLAP_S) / STEP_S) * STEP_S
        self._oldest_s = min(600, round(settings.freshness.slo_s))
        self._kept: tuple[Longer, Longer] = ({}, {})
        self._kept_at: datetime | None = None

    async def read(self) -> None:
        """Samples of the last minutes, then the longer windows. What was read is kept when a later question fails."""
        metrics, slo = self._slo.metrics, self._slo
        # Looks reach back from the newest sample, which may itself be as old as it may be judged.
        seconds = self._reach_s + SHORT_S + STEP_S + self._oldest_s
        window = await self._prometheus.window((metrics.requests, metrics.durations), seconds=seconds, matchers=slo.matchers)
        # In a thread: hundreds of series times fifteen looks would hold the loop.
        outcomes, durations = await asyncio.to_thread(self._both, window)
        traces, fault = {self.name: window.exchange}, None
        longer: tuple[Longer, Longer] = ({}, {})
        try:
            recent = await growth(self._prometheus, self._counters(), self._recent)
            traces[f"{self.name}/windows"] = recent.exchange
            longer = self._longer(recent, self._recent, outcomes, durations)
            if self._kept_at is None or abs((utc_now() - self._kept_at).total_seconds()) >= slo.long_every_s:
                old = await growth(self._prometheus, self._counters(), self._long)
                traces[f"{self.name}/month"] = old.exchange
                self._kept, self._kept_at = self._longer(old, self._long, outcomes, durations), utc_now()
        except Fault as error:
            fault = error
            missing: Longer = {w: Reading.missing("count", error.source, error.sentence) for w in (*self._recent, *self._long)}
            longer = ({**missing, **longer[0]}, {**missing, **longer[1]})
        evidence = SloEvidence(
            Counted(outcomes, {**longer[0], **self._kept[0], **_newest(outcomes)}),
            Counted(durations, {**longer[1], **self._kept[1], **_newest(durations)}),
        )
        self._snapshots.put_all({"slo": {self._region.id: evidence}, "traces": traces})
        if fault is not None:
            raise fault

    async def close(self) -> None:
        await self._prometheus.aclose()

    def _both(self, window: Window) -> tuple[Reading[tuple[Step, ...]], Reading[tuple[Step, ...]]]:
        metrics = self._slo.metrics
        return (
            _short(window, metrics.requests, metrics.outcome_label, self._reach_s, self._outcomes),
            _short(window, metrics.durations, "le", self._reach_s, self._durations),
        )

    def _counters(self) -> tuple[Grouped, Grouped]:
        metrics, target = self._slo.metrics, re.escape(f"{self._slo.latency.target_s:g}")
        whole = f"({target}(\\.0)?|\\+Inf)"
        return (
            Grouped("outcomes", metrics.requests, metrics.outcome_label, self._slo.matchers),
            Grouped("durations", metrics.durations, "le", self._slo.matchers, whole),
        )

    def _outcomes(self, grown: Mapping[str, float]) -> Counts | str:
        """Counts by outcome; a sentence when they are none."""
        metrics = self._slo.metrics
        if "" in grown:
            return f"series of {metrics.requests} have no label {metrics.outcome_label!r}: what failed cannot be told"
        failed = [count for outcome, count in grown.items() if re.fullmatch(metrics.failed, outcome)]
        return Counts(math.fsum(grown.values()), math.fsum(failed))

    def _durations(self, grown: Mapping[str, float]) -> Counts | str:
        """Counts by upper bound; a sentence when they are none."""
        name, target = self._slo.metrics.durations, self._slo.latency.target_s
        try:
            buckets = {float(bound): count for bound, count in grown.items()}
        except ValueError:
            return f"series of {name} have no bound in their label 'le'"
        fast = next((count for bound, count in buckets.items() if math.isclose(bound, target)), None)
        total = buckets.get(math.inf)
        if fast is None or total is None:
            wanted = f"ends at {span(target)}" if fast is None else "ends at infinity"
            return f"{name} has no bucket that {wanted}"
        return Counts(total, max(0.0, total - fast) if math.isfinite(total) else math.nan, tuple(sorted(buckets.items())))

    def _longer(
        self,
        growths: Growths,
        windows: Sequence[int],
        outcomes: Reading[tuple[Step, ...]],
        durations: Reading[tuple[Step, ...]],
    ) -> tuple[Longer, Longer]:
        """Both kinds of counts by window, dated by the newest sample of their series: the answer itself has no date."""

        def read(name: str, window: int, short: Reading[tuple[Step, ...]], counts: "Count") -> Reading[Counts]:
            found = growths.found[name, window]
            source = f"{short.source}, {span(window)}"
            return _reading(found, window, counts, short.observed_at, source, partial=bool(growths.warnings))

        return (
            {w: read("outcomes", w, outcomes, self._outcomes) for w in windows},
            {w: read("durations", w, durations, lambda grown: _bare(self._durations(grown))) for w in windows},
        )


Count = Callable[[Mapping[str, float]], Counts | str]


def _reading(found: Growth, window: int, counts: Count, at: datetime | None, source: str, *, partial: bool) -> Reading[Counts]:
    if not found.by:
        return Reading.missing("count", source, f"no requests were counted in the last {span(window)}")
    if not found.covered:
        return Reading.missing("count", source, f"Prometheus has no samples from {span(window)} ago")
    counted = counts(found.by)
    if isinstance(counted, str):
        return Reading.missing("count", source, counted)
    return Reading(counted, "count", at, source, "partial" if partial else "full", _PARTIAL if partial else "")


def _bare(counts: Counts | str) -> Counts | str:
    """Without its buckets: only two of them were asked for, which is too few for a quantile."""
    return counts if isinstance(counts, str) else Counts(counts.total, counts.bad)


def _newest(steps: Reading[tuple[Step, ...]]) -> Longer:
    """The last five minutes as one more window."""
    if not steps.value:
        return {SHORT_S: Reading.missing(steps.unit, steps.source, steps.error)}
    last = steps.value[-1].counts
    return {SHORT_S: Reading(last, steps.unit, steps.observed_at, steps.source, steps.completeness, steps.error)}


def _short(window: Window, name: str, by: str, reach_s: int, counts: Count) -> Reading[tuple[Step, ...]]:
    """Five minutes at each half-minute of the clock over `reach_s`, from raw samples; `by` is the label to sum up by."""
    source = f"{window.source}: {name}"
    series = window.named(name)
    if not series:
        return Reading.missing("count", source, f"{name} has no sample")
    newest = max(s.newest.at for s in series)
    plain = [(s.labels.get(by, ""), [(p.at.timestamp(), p.value) for p in s.points]) for s in series]
    steps: list[Step] = []
    for at in _instants(newest.timestamp(), reach_s):
        grown = _grown(plain, at)
        if not grown:
            continue
        counted = counts(grown)
        if isinstance(counted, str):
            return Reading.missing("count", source, counted)
        steps.append(Step(datetime.fromtimestamp(at, UTC), counted))
    if not steps:
        return Reading.missing("count", source, f"{name} has fewer than two samples in {span(SHORT_S)}")
    partial = bool(window.warnings)
    return Reading(tuple(steps), "count", newest, source, "partial" if partial else "full", _PARTIAL if partial else "")


def _instants(newest: float, reach_s: int) -> Iterator[float]:
    """The half-minutes of the clock up to `newest`, over `reach_s` seconds, oldest first."""
    last = math.floor(newest / STEP_S) * STEP_S
    yield from (float(at) for at in range(last - reach_s, last + 1, STEP_S))


def _grown(series: Sequence[tuple[str, Sequence[Sample]]], at: float) -> dict[str, float]:
    """What the counters grew in the five minutes up to `at`, by label; each has restarts of its own, so it grows alone."""
    grown: dict[str, float] = {}
    for label, samples in series:
        left = bisect_right(samples, at - SHORT_S, key=lambda s: s[0])
        right = bisect_right(samples, at, key=lambda s: s[0])
        found = increase(samples[left:right], at - SHORT_S, at)
        if found is not None:
            grown[label] = grown.get(label, 0.0) + found
    return grown
