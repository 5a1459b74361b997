"""The durable run: a DBOS Transact workflow that interprets a stored plan, one version of it.

DBOS (MIT core; nothing of its cloud is set) keeps which steps have ended and brings a run back after a crash. What happened
inside a step our own books tell. One run at a time per lane: the queue is partitioned by it. A run that waits for a person
waits in `recv`, across restarts. `VERSION` is pinned: a new release goes on with what an old one began, as long as this
function keeps its shape; a changed shape is a new function beside this one.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Literal, Protocol

from dbos import DBOS, DBOSConfig, Queue, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import make_url

VERSION = "run-1"
QUEUE = "runs"
WAKE = "wake"
_POLL_S = 0.1
_OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


class Conductor(Protocol):
    """What the workflow drives: the beginning, each step, a person's decision, the end."""

    async def begin(self, operation_id: str) -> str: ...

    async def step(self, operation_id: str, number: int) -> str: ...

    async def decided(self, operation_id: str, number: int) -> str: ...

    async def finish(self, operation_id: str) -> str: ...

    async def count(self, operation_id: str) -> int: ...

    async def patience(self, operation_id: str) -> float: ...

    async def give_up(self, operation_id: str) -> str: ...


_conductor: Conductor | None = None


def _running() -> Conductor:
    if _conductor is None:
        raise RuntimeError("the engine is not running")
    return _conductor


@DBOS.step(name="begin_v1")
async def _begin(operation_id: str) -> str:
    return await _running().begin(operation_id)


@DBOS.step(name="count_v1")
async def _count(operation_id: str) -> int:
    return await _running().count(operation_id)


@DBOS.step(name="step_v1")
async def _step(operation_id: str, number: int) -> str:
    return await _running().step(operation_id, number)


@DBOS.step(name="decided_v1")
async def _decided(operation_id: str, number: int) -> str:
    return await _running().decided(operation_id, number)


@DBOS.step(name="patience_v1")
async def _patience(operation_id: str) -> float:
    return await _running().patience(operation_id)


@DBOS.step(name="give_up_v1")
async def _give_up(operation_id: str) -> str:
    return await _running().give_up(operation_id)


@DBOS.step(name="finish_v1")
async def _finish(operation_id: str) -> str:
    return await _running().finish(operation_id)


@DBOS.workflow(name="run_v1")
async def run_v1(operation_id: str) -> str:
    """Interpret the plan of one operation from its beginning to its end."""
    outcome = await _begin(operation_id)
    while outcome == "ask":
        if await _ask(operation_id, 0) == "ended":
            return "ended"
        outcome = await _begin(operation_id)
    if outcome == "ended":
        return outcome
    number, last = 1, await _count(operation_id)
    while number <= last:
        outcome = await _step(operation_id, number)
        if outcome == "ask":
            outcome = await _ask(operation_id, number)
        if outcome == "ended":
            return outcome
        if outcome == "next":
            number += 1
    return await _finish(operation_id)


async def _ask(operation_id: str, number: int) -> str:
    """Wait for a person: "again" (the same step), "next", or "ended"."""
    while True:
        seconds = await _patience(operation_id)
        woken = await DBOS.recv_async(WAKE, timeout_seconds=seconds)
        if woken is None:
            return await _give_up(operation_id)
        outcome = await _decided(operation_id, number)
        if outcome != "waiting":
            return outcome


class Runs:
    """DBOS, started and stopped with the engine. One per process: the library has one instance."""

    def __init__(self, url: str, *, replica: str, conductor: Conductor) -> None:
        self._url, self._replica, self._conductor = url, replica, conductor
        self._queue: Queue | None = None

    async def start(self) -> None:
        """Launch, and take up what this replica had begun."""
        global _conductor
        _conductor = self._conductor
        for name in ("dbos", "dbos._dbos"):
            logging.getLogger(name).setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "openova-console",
            "system_database_url": self._url,
            "log_level": "ERROR",
            "application_version": VERSION,
            "executor_id": self._replica,
            "notification_listener_polling_interval_sec": _POLL_S,
        }
        if make_url(self._url).get_backend_name() == "sqlite":
            config["use_listen_notify"] = False
        DBOS(config=config)
        DBOS.launch()
        self._queue = await DBOS.register_queue_async(QUEUE, partition_concurrency=1, polling_interval_sec=_POLL_S)

    async def stop(self) -> None:
        """Stop taking up work; what is in the middle goes on after the next start."""
        global _conductor
        await asyncio.to_thread(DBOS.destroy)
        _conductor = None

    async def enqueue(self, operation_id: str, lane: str) -> None:
        """Ask for a run. Asking again for the same operation changes nothing."""
        if self._queue is None:
            raise RuntimeError("the runs have not been started")
        with SetWorkflowID(operation_id), SetEnqueueOptions(queue_partition_key=lane):
            await self._queue.enqueue_async(run_v1, operation_id)

    async def wake(self, operation_id: str, key: str) -> None:
        """Tell a run that waits for a person that there is a decision in the books."""
        await DBOS.send_async(operation_id, "decided", WAKE, idempotency_key=key)

    async def stands(self, operation_id: str) -> Literal["unknown", "under way", "over"]:
        """How it stands with the durable run: never asked for (or its database is lost), under way or waiting, or over."""
        found = await DBOS.get_workflow_status_async(operation_id)
        if found is None:
            return "unknown"
        return "over" if found.status in _OVER else "under way"

    async def take_over(self, dead: str) -> None:
        """Go on with runs that a dead replica had taken up, begun or not. What was acting there is observed, never sent again."""
        found = await DBOS.list_workflows_async(executor_id=dead, status="PENDING", load_input=False, load_output=False)
        for run in found:
            # On the same queue, so that one lane still has one run at a time.
            await DBOS.resume_workflow_async(run.workflow_id, queue_name=QUEUE)


@contextlib.asynccontextmanager
async def running(runs: Runs) -> AsyncIterator[Runs]:
    """Start and stop, for tests."""
    await runs.start()
    try:
        yield runs
    finally:
        await runs.stop()
