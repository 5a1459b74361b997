"""The publisher: what changed goes out, the pulse always does, and nothing ends it."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from openova_console.store.database import open_engine
from openova_console.watch.watch import Watch
from openova_console.web import publish
from openova_console.web.hub import ROOM, Hub
from openova_console.web.publish import Publisher, panels
from openova_console.web.states.panels import AlarmPanel, Pulse, RegionPanel, ReplicationPanel, SourcePanel
from openova_console.web.topics.changes import ChangesPanel
from tests.support.factories import NOW, primary_end, reading, region, settings, snapshot

ALL = {ChangesPanel, Pulse, AlarmPanel, RegionPanel, ReplicationPanel, SourcePanel, *(panel for panel, _ in publish.TOPICS)}
WELL = "Both regions are healthy; the 2 services that are measured are in step, 6 are not measured"


@dataclass
class Namespace:
    """The part of the socket namespace that the hub uses: who is connected, and what was sent to which room."""

    token_to_sid: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def emit(self, event: str, data: Any = None, *, room: str | None = None) -> None:
        self.sent.append((room or "", data.delta))

    @property
    def states(self) -> list[set[str]]:
        """The panels of each push, by the last part of their name."""
        return [{name.rsplit(".", 1)[-1] for name in delta} for _, delta in self.sent]


@dataclass
class App:
    event_namespace: Namespace


def name(*states) -> set[str]:
    return {state.get_full_name().rsplit(".", 1)[-1] for state in states}


@pytest.fixture
def namespace():
    return Namespace({"token": "sid"})


@pytest.fixture
def watch(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'unused.db'}")
    watch = Watch(settings(), engine)
    watch.snapshots.current = snapshot()
    yield watch
    engine.dispose()


@pytest.fixture
def counted():
    return []


@pytest.fixture
def publisher(watch, namespace, counted):
    return Publisher(watch, Hub(App(namespace)), count=lambda *what: counted.append(what))  # type: ignore[arg-type]


def at(seconds: float):
    return NOW + timedelta(seconds=seconds)


async def test_first_everything_then_only_the_pulse(publisher, namespace):
    assert set(await publisher.publish_once(NOW)) == ALL
    for second in (1, 2, 3):
        assert set(await publisher.publish_once(NOW + timedelta(milliseconds=second))) == {Pulse}
    assert namespace.states[1:] == [name(Pulse)] * 3
    assert {room for room, _ in namespace.sent} == {ROOM}


async def test_only_panels_that_changed_are_sent(publisher, watch, namespace):
    await publisher.publish_once(NOW)
    slow = snapshot(
        valkey_primary={**watch.snapshots.current.valkey_primary, "region-1": reading(primary_end(replica_ack_age_s=9.0))}
    )
    watch.snapshots.current = replace(slow, version=2)
    assert set(await publisher.publish_once(NOW)) == {ReplicationPanel, AlarmPanel}
    (_, delta) = namespace.sent[-1]
    alarm = next(values for state, values in delta.items() if state.endswith("alarm_panel"))
    assert next(v for k, v in alarm.items() if k.startswith("title")) == "Valkey replication"


async def test_data_that_grow_old_are_sent_as_unknown_although_nothing_arrived(publisher):
    await publisher.publish_once(NOW)
    sent = await publisher.publish_once(at(9))
    assert AlarmPanel not in sent
    sent = await publisher.publish_once(at(31))
    assert sent[AlarmPanel]["verdict"] == "unknown"
    assert sent[AlarmPanel]["rows"]


async def test_everything_goes_out_again_from_time_to_time(publisher):
    await publisher.publish_once(NOW)
    assert AlarmPanel not in await publisher.publish_once(at(publish.RESEND_S - 1))
    assert set(await publisher.publish_once(at(publish.RESEND_S))) == ALL
    assert AlarmPanel not in await publisher.publish_once(at(publish.RESEND_S + 1))


async def test_without_browsers_nothing_is_sent_and_the_first_one_gets_everything(publisher, namespace, counted):
    namespace.token_to_sid.clear()
    await publisher.publish_once(NOW)
    assert (namespace.sent, counted) == ([], [])
    namespace.token_to_sid["token"] = "sid"
    await publisher.publish_once(NOW + timedelta(milliseconds=1))
    assert namespace.states == [name(*ALL)]
    assert sorted(counted) == sorted((state.__name__, 1) for state in ALL)


async def test_who_comes_after_everybody_left_gets_everything(publisher, namespace):
    await publisher.publish_once(NOW)
    namespace.token_to_sid.clear()
    await publisher.publish_once(NOW + timedelta(milliseconds=1))
    namespace.token_to_sid["other"] = "sid"
    assert set(await publisher.publish_once(NOW + timedelta(milliseconds=2))) == ALL
    assert namespace.states == [name(*ALL)] * 2


def test_a_calm_strip_says_no_more_than_what_is_measured(watch):
    drawn = panels(watch, watch.settings, NOW)
    assert drawn[AlarmPanel] == {"rows": [], "verdict": "ok", "title": WELL, "more": 0}
    assert drawn[ReplicationPanel]["question"] == "What would be lost if Region 1 died now"
    assert drawn[ReplicationPanel]["worst"] == "none of those measured"


def test_the_question_is_about_the_region_that_takes_the_writes(watch):
    watch.snapshots.current = snapshot(active="region-2")
    assert panels(watch, watch.settings, NOW)[ReplicationPanel]["question"] == "What would be lost if Region 2 died now"


def test_one_region_is_never_called_both(tmp_path):
    alone = settings(looks_from="region-1", regions=[region("region-1", "primary")])
    watch = Watch(alone, open_engine(f"sqlite:///{tmp_path / 'unused.db'}"))
    watch.snapshots.current = snapshot()
    title = panels(watch, alone, NOW)[AlarmPanel]["title"]
    assert title == "Region 1 is healthy; there is no second region to fail over to"


def test_every_value_is_a_var_of_its_panel(watch):
    for state, values in panels(watch, watch.settings, NOW).items():
        assert set(values) <= set(state.vars), state


async def _pushes(namespace: Namespace, least: int) -> None:
    async with asyncio.timeout(5):
        while len(namespace.sent) < least:
            await asyncio.sleep(0.005)


async def test_a_change_wakes_the_loop_at_once(publisher, watch, namespace, monkeypatch):
    monkeypatch.setattr(publish, "PACE_S", 0.01)
    monkeypatch.setattr(publish, "PULSE_S", 60)
    publisher.start()
    watch.snapshots.put("traces", "x", None)
    await _pushes(namespace, 1)
    await publisher.stop()
    assert len(namespace.sent) == 1


async def test_a_drawing_error_is_logged_once_and_does_not_end_the_pushes(publisher, watch, namespace, monkeypatch, caplog):
    monkeypatch.setattr(publish, "PACE_S", 0.01)
    monkeypatch.setattr(publish, "PULSE_S", 0.01)
    failures = []

    def draw(*args):
        if len(failures) < 3:
            failures.append(1)
            raise ValueError("cannot be drawn")
        return panels(*args)

    monkeypatch.setattr(publish, "panels", draw)
    with caplog.at_level(logging.ERROR):
        publisher.start()
        await _pushes(namespace, 2)
        await publisher.stop()
    assert [r.getMessage() for r in caplog.records] == ["the panels could not be drawn or sent"]
    assert namespace.states[0] == name(*ALL)


async def test_a_namespace_that_fails_does_not_end_the_pushes(publisher, namespace, monkeypatch):
    monkeypatch.setattr(publish, "PACE_S", 0.01)
    monkeypatch.setattr(publish, "PULSE_S", 0.01)
    emit, broken = namespace.emit, [OSError("gone")]

    async def sometimes(*args, **more):
        if broken:
            raise broken.pop()
        await emit(*args, **more)

    namespace.emit = sometimes
    publisher.start()
    await _pushes(namespace, 1)
    await publisher.stop()
    assert namespace.states[0] == name(*ALL)
