"""Turns the watch into panels and sends what changed: at once after a change, and at least every few seconds.

One publisher per process. It draws the board at most every `PACE_S`, sends each panel only when its rows differ from the
last ones, and sends the pulse alone when nothing did: without it a browser could not tell calm from silence.
Every panel is sent again every `RESEND_S`, whatever changed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import reflex as rx

from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.watch.board import Board, ReplicationRow
from openova_console.watch.watch import Watch
from openova_console.web import present, spark
from openova_console.web.books import Books, Seen
from openova_console.web.hub import Hub
from openova_console.web.rows import UncoveredLine
from openova_console.web.states.panels import AlarmPanel, Pulse, RegionPanel, ReplicationPanel, SourcePanel
from openova_console.web.topics import alerts, budget, changes, delivery, gslb, slo

PACE_S = 0.25
PULSE_S = 2.0
RESEND_S = 10.0
_log = logging.getLogger(__name__)

Panels = Mapping[type[rx.State], Mapping[str, Any]]


TOPICS: tuple[tuple[type[rx.State], Callable[[Board, Watch, datetime], Mapping[str, Any]]], ...] = (
    (delivery.DeliveryPanel, delivery.values),
    (gslb.GslbPanel, gslb.values),
    (budget.BudgetPanel, budget.values),
    (slo.SloPanel, slo.values),
    (alerts.AlertPanel, alerts.values),
)
"""Further panels, one per topic: the state and what fills it."""


def panels(watch: Watch, settings: Settings, now: datetime, seen: Seen | None = None) -> Panels:
    """Every panel's vars at `now`. `seen`: what the books said last; None where there are none."""
    board = watch.board(now)
    sources = present.source_rows(watch.snapshots.current, now)
    return {
        Pulse: {"at": present.iso(now), "limit_s": max(8.0, PULSE_S * 4)},
        AlarmPanel: _alarms(board, watch),
        RegionPanel: {
            "tiles": [present.region_tile(row, settings, now) for row in board.regions],
            "links": [present.link_tile(row, settings, now) for row in board.links],
            "witnesses": [present.witness_tile(row, settings, now) for row in board.witnesses],
        },
        ReplicationPanel: _replication(board, watch, settings),
        SourcePanel: {"rows": sources},
        changes.ChangesPanel: changes.values(seen or Seen(), settings, now),
        **{panel: values(board, watch, now) for panel, values in TOPICS},
    }


def _alarms(board: Board, watch: Watch) -> dict[str, Any]:
    rows = present.alarms(board, watch.noticed.since)
    if rows:
        return {"rows": rows, "verdict": rows[0].verdict, "title": rows[0].title, "more": max(0, len(rows) - 3)}
    return {"rows": [], "verdict": Verdict.OK.value, "title": _calm(board), "more": 0}


def _calm(board: Board) -> str:
    """What may be said when nothing needs a look: no more than what is measured."""
    measured = sum(row.measured for row in board.replication)
    regions = "Both regions are healthy" if len(board.regions) > 1 else f"{board.regions[0].region.display} is healthy"
    if len(board.regions) == 1:
        return f"{regions}; there is no second region to fail over to"
    if not measured:
        return f"{regions}; no replicated service is measured"
    if measured == len(board.replication):
        return f"{regions}, and all {measured} services are in step"
    rest = len(board.replication) - measured
    return f"{regions}; the {measured} services that are measured are in step, {rest} {'is' if rest == 1 else 'are'} not measured"


def _worst(row: ReplicationRow | None) -> str:
    """Which service stands worst; when that one is in order, none is worse than another."""
    if row is None:
        return "nothing is measured"
    verdict = row.assessment.judgement.verdict
    return "none of those measured" if verdict is Verdict.OK else f"{row.promise.title}, {present.WORDS[verdict].lower()}"


def _replication(board: Board, watch: Watch, settings: Settings) -> dict[str, Any]:
    rows = []
    for row in board.replication:
        values = watch.sparklines.get(row.promise.service)
        drawn = spark.draw(values, limit=row.objective.warn_s) if values else None
        rows.append(present.service_row(row, drawn))
    worst = board.worst_replication
    verdict = worst.assessment.judgement.verdict if worst else Verdict.UNKNOWN
    return {
        "rows": rows,
        "worst": _worst(worst),
        "worst_verdict": verdict.value,
        "question": f"What would be lost if {board.source.display} died now",
        "loss": board.loss.sentence,
        "confidence": board.loss.confidence,
        "uncovered": [UncoveredLine(row.name, row.sentence) for row in board.uncovered],
    }


class Publisher:
    """See the module. `notify` may be called from anywhere on the loop; it returns at once."""

    def __init__(
        self, watch: Watch, hub: Hub, *, books: Books | None = None, count: Callable[[str, int], None] | None = None
    ) -> None:
        self._watch, self._hub, self._books, self._count = watch, hub, books, count
        self._wake = asyncio.Event()
        self._sent: dict[type[rx.State], Mapping[str, Any]] = {}
        self._whole_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish; call inside the running loop."""
        self._watch.snapshots.listen(self.notify)
        if self._books is not None:
            self._books.listen(self.notify)
        self._task = asyncio.create_task(self._run(), name="publisher")

    async def stop(self) -> None:
        """End the loop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def notify(self) -> None:
        """Something changed: draw and send soon."""
        self._wake.set()

    async def publish_once(self, now: datetime) -> Panels:
        """Draw everything and send what differs from the last time. Returns what was sent.

        Everything goes out again after `RESEND_S`: a browser that arrived just when something changed could otherwise keep
        what it was given on arrival for as long as that panel stays the same.
        """
        drawn = panels(self._watch, self._watch.settings, now, self._books.seen if self._books is not None else None)
        if self._whole_at is None or abs((now - self._whole_at).total_seconds()) >= RESEND_S:
            self._sent.clear()
            self._whole_at = now
        changed = {state: values for state, values in drawn.items() if self._sent.get(state) != values}
        if await self._hub.publish(changed):
            self._sent.update(changed)
            if self._count is not None:
                for state in changed:
                    self._count(state.__name__, self._hub.browsers)
        else:
            self._sent.clear()
        return changed

    async def _run(self) -> None:
        failing = False
        while True:
            began = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PULSE_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if self._hub.browsers:
                    await self.publish_once(datetime.now(UTC))
                failing = False
            except Exception:  # noqa: BLE001 - a page that cannot be drawn must not end the pushes for good
                if not failing:
                    _log.exception("the panels could not be drawn or sent")
                failing = True
            await asyncio.sleep(max(0.0, PACE_S - (time.monotonic() - began)))
