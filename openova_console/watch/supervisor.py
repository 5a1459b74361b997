"""Runs the collectors: one job each, on its cadence, with back-off while a source is down. Nothing ends silently.

APScheduler fires; a read that is still running is not started twice. A read that fails is a known outage: it is logged
once when it begins and once when it is over, and tried again after a growing pause with jitter. Any other exception is a
fault of the console: it is logged when it begins, counted and shown beside the source, and the collector goes on.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from openova_console.systems.errors import Fault, Overloaded
from openova_console.watch.collectors.base import Collector, utc_now
from openova_console.watch.snapshot import CollectorHealth, SnapshotStore

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 4
"""Back-off grows to this many cadences: an outage must not cost much, and its end must be seen soon."""
_LONGEST_WISH_S = 60.0
"""A source that asks for a longer pause ("Retry-After: 3600") is asked again after this: silence would hide its return."""

Measure = Callable[[str, str, float], None]
"""Told after each read: collector name, outcome ("ok", "failed", "crashed"), seconds it took."""


class Supervisor:
    """Holds the collectors and their health. Start it inside the running loop."""

    def __init__(self, snapshots: SnapshotStore, *, timeout_s: float, measure: Measure | None = None) -> None:
        self._snapshots = snapshots
        self._timeout_s = timeout_s
        self._measure = measure
        self._collectors: dict[str, Collector] = {}
        self._failures: dict[str, int] = {}
        self._stopping = False
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        # Reads longer than their cadence are expected during an outage; the health shows them.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def add(self, collector: Collector) -> None:
        """Take a collector over; it is closed with the supervisor."""
        self._collectors[collector.name] = collector
        self._put(collector.name, CollectorHealth(collector.cadence_s))

    def start(self) -> None:
        """Read everything now, then on its cadence."""
        for collector in self._collectors.values():
            self._scheduler.add_job(
                self.run_once,
                "interval",
                seconds=collector.cadence_s,
                args=[collector.name],
                id=collector.name,
                next_run_time=utc_now(),
                jitter=min(1.0, collector.cadence_s / 10),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                replace_existing=True,
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop firing, then close every collector."""
        self._stopping = True
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=False)
        for collector in self._collectors.values():
            try:
                await collector.close()
            except Exception:  # noqa: BLE001 - one that cannot be closed must not keep the others open
                _log.exception("%s could not be closed", collector.name)

    async def run_once(self, name: str) -> None:
        """Read one source once, unless it is down and its next try is not due. Never raises."""
        health = self._snapshots.current.collectors[name]
        if health.retry_at is not None and utc_now() < health.retry_at:
            return
        collector = self._collectors[name]
        began, outcome = time.monotonic(), "failed"
        try:
            async with asyncio.timeout(self._timeout_s):
                await collector.read()
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            return
        except Fault as fault:
            self._down(name, fault.sentence, fault.retry_after_s if isinstance(fault, Overloaded) else None)
        except TimeoutError:
            self._down(name, f"did not answer within {self._timeout_s:g} s", None)
        except Exception as error:  # noqa: BLE001 - a fault of our own must not end the loop
            if name not in self._failures:
                _log.exception("reading %s failed by a fault of the console", name)
            outcome = "crashed"
            health = self._snapshots.current.collectors[name]
            self._put(name, replace(health, crashes=health.crashes + 1))
            self._down(name, f"the console could not read it ({type(error).__name__}); the log says more", None)
        else:
            outcome = "ok"
            self._up(name)
        if self._measure is not None:
            self._measure(name, outcome, time.monotonic() - began)

    def _up(self, name: str) -> None:
        health = self._snapshots.current.collectors[name]
        if self._failures.pop(name, 0):
            _log.warning("%s can be read again", name)
        self._put(name, replace(health, last_ok=utc_now(), down_since=None, error="", retry_at=None))

    def _down(self, name: str, sentence: str, wish_s: float | None) -> None:
        health = self._snapshots.current.collectors[name]
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count == 1:
            _log.warning("%s: %s", name, sentence)
        # The first failure is tried again on the cadence itself: one lost packet is no outage.
        pause = health.cadence_s * min(2 ** (count - 1), _LONGEST_PAUSE) * random.uniform(0.75, 1.0)
        retry_at = _later(max(pause - health.cadence_s / 2, min(wish_s or 0.0, _LONGEST_WISH_S)))
        self._put(name, replace(health, down_since=health.down_since or utc_now(), error=sentence, retry_at=retry_at))

    def _put(self, name: str, health: CollectorHealth) -> None:
        self._snapshots.put("collectors", name, health)


def _later(seconds: float) -> datetime:
    return utc_now() + timedelta(seconds=seconds)
