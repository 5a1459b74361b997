"""The supervisor with real collectors that fail on demand, and the snapshot that they write to."""

import asyncio
import itertools
import logging
from datetime import timedelta

import pytest

from openova_console.systems.errors import Overloaded, Unreachable
from openova_console.watch import supervisor as module
from openova_console.watch.snapshot import Snapshot, SnapshotStore
from openova_console.watch.supervisor import Supervisor
from tests.support.factories import NOW, link_facts

NAME = "link/region-1"
OUTAGE = Unreachable("Region 1's Prometheus", "Region 1's Prometheus refused the connection: nothing listens there")


class Scripted:
    """A collector that does in each read what its script says: nothing, an exception, or waiting for ever."""

    def __init__(self, snapshots: SnapshotStore, *script: Exception | str | None, name: str = NAME) -> None:
        self.name, self.cadence_s = name, 10.0
        self.closed = False
        self.reads = 0
        self._snapshots, self._script = snapshots, list(script)

    async def read(self) -> None:
        self.reads += 1
        step = self._script.pop(0) if self._script else None
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            await asyncio.Event().wait()
        self._snapshots.put("links", "region-1", link_facts())

    async def close(self) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self):
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "utc_now", clock)
    return clock


@pytest.fixture
def heard():
    return []


@pytest.fixture
def supervised(clock, heard):
    """Builds a supervisor with one scripted collector."""

    def build(*script: Exception | str | None, timeout_s: float = 5):
        snapshots = SnapshotStore()
        supervisor = Supervisor(snapshots, timeout_s=timeout_s, measure=lambda *what: heard.append(what[:2]))
        collector = Scripted(snapshots, *script)
        supervisor.add(collector)
        return supervisor, collector, snapshots

    return build


def health(snapshots):
    return snapshots.current.collectors[NAME]


async def run(supervisor, clock, times: int, *, every: float = 10) -> None:
    for _ in range(times):
        await supervisor.run_once(NAME)
        clock.pass_(every)


async def test_a_read_that_succeeds(supervised, clock, heard):
    supervisor, _, snapshots = supervised()
    assert health(snapshots).last_ok is None
    await supervisor.run_once(NAME)
    assert (health(snapshots).last_ok, health(snapshots).error) == (NOW, "")
    assert heard == [(NAME, "ok")]


async def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_is_over(supervised, clock, caplog):
    supervisor, _, snapshots = supervised(OUTAGE, OUTAGE, OUTAGE)
    with caplog.at_level(logging.INFO):
        await run(supervisor, clock, 1)
        down = health(snapshots)
        assert (down.down_since, down.error, down.last_ok) == (NOW, OUTAGE.sentence, None)
        await run(supervisor, clock, 12)
    assert [r.getMessage() for r in caplog.records] == [f"{NAME}: {OUTAGE.sentence}", f"{NAME} can be read again"]
    well = health(snapshots)
    assert (well.down_since, well.error, well.retry_at) == (None, "", None)
    assert well.last_ok is not None and well.last_ok > NOW


async def test_the_pause_grows_and_stays_short_enough_to_see_the_end(supervised, clock):
    supervisor, collector, _ = supervised(*[OUTAGE] * 100)
    tried = []
    for _ in range(60):
        before = collector.reads
        await supervisor.run_once(NAME)
        if collector.reads > before:
            tried.append(clock.at)
        clock.pass_(10)
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(tried)]
    assert pauses[0] == 10, "one lost packet is no outage"
    assert pauses[-1] > pauses[0]
    assert max(pauses) <= 40


async def test_a_source_may_ask_for_a_pause_but_not_for_an_hour(supervised, clock):
    wish = Overloaded("Region 1's Prometheus", "Region 1's Prometheus is overloaded or not ready (503)", retry_after_s=3600)
    supervisor, _, snapshots = supervised(wish)
    await supervisor.run_once(NAME)
    assert 20 <= (health(snapshots).retry_at - NOW).total_seconds() <= 60


async def test_a_read_that_never_ends_is_an_outage(supervised, clock, heard):
    supervisor, _, snapshots = supervised("hang", timeout_s=0.01)
    await supervisor.run_once(NAME)
    assert health(snapshots).error == "did not answer within 0.01 s"
    clock.pass_(60)
    await supervisor.run_once(NAME)
    assert health(snapshots).error == ""
    assert heard == [(NAME, "failed"), (NAME, "ok")]


async def test_a_crash_is_counted_shown_logged_once_and_survived(supervised, clock, caplog, heard):
    supervisor, collector, snapshots = supervised(*[KeyError("secret-token")] * 5)
    await run(supervisor, clock, 30)
    assert collector.reads > 5
    assert health(snapshots).crashes == 5
    assert health(snapshots).error == "", "the sixth read was well"
    assert sum(r.exc_info is not None for r in caplog.records) == 1
    assert heard.count((NAME, "crashed")) == 5


async def test_a_crash_says_what_a_person_may_see_of_it(supervised, clock):
    supervisor, _, snapshots = supervised(KeyError("secret-token"))
    await supervisor.run_once(NAME)
    assert health(snapshots).error == "the console could not read it (KeyError); the log says more"


async def test_what_was_read_before_an_outage_stays_as_it_was(supervised, clock):
    supervisor, _, snapshots = supervised(None, OUTAGE)
    await run(supervisor, clock, 2)
    assert snapshots.current.links["region-1"] == link_facts()


async def test_started_it_reads_at_once_and_stopped_it_closes_every_collector(caplog):
    snapshots = SnapshotStore()
    supervisor, collector = Supervisor(snapshots, timeout_s=5), Scripted(snapshots)

    class Stubborn(Scripted):
        async def close(self) -> None:
            raise OSError("still busy")

    stubborn = Stubborn(snapshots, name="witness/Google")
    last = Scripted(snapshots, name="witness/Quad9")
    for one in (collector, stubborn, last):
        supervisor.add(one)
    read = asyncio.Event()
    snapshots.listen(lambda: read.set() if "region-1" in snapshots.current.links else None)
    supervisor.start()
    await asyncio.wait_for(read.wait(), 5)
    await supervisor.stop()
    assert collector.closed and last.closed
    assert "witness/Google could not be closed" in caplog.text


def test_a_snapshot_that_somebody_holds_never_changes():
    store = SnapshotStore()
    store.put("links", "region-1", link_facts())
    held = store.current
    store.put_all({"links": {"region-2": link_facts()}, "traces": {}})
    assert (held.version, set(held.links)) == (1, {"region-1"})
    assert (store.current.version, set(store.current.links)) == (2, {"region-1", "region-2"})
    with pytest.raises(TypeError):
        store.current.links["region-1"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        store.current.version = 7  # type: ignore[misc]


def test_one_poll_is_one_version_and_one_call():
    store = SnapshotStore()
    seen = []
    store.listen(lambda: seen.append(store.current.version))
    store.put_all({"links": {"region-1": link_facts()}, "collectors": {}})
    assert (store.current.version, seen) == (1, [1])
    assert store.current.regions == Snapshot().regions
