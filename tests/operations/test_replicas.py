"""Who takes over from a console that has fallen silent: one of the others, for as long as it lives itself."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from openova_console.operations.replicas import DEAD_AFTER, Replicas
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import migrate, open_engine, reading
from tests.support.postgres import postgres_server, postgres_url, store_url

__all__ = ["postgres_server", "postgres_url", "store_url"]

SILENCE = DEAD_AFTER + timedelta(seconds=1)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def database(store_url: str) -> Engine:
    migrate(store_url)
    return open_engine(store_url)


def console(database: Engine, time: Time, name: str) -> Replicas:
    return Replicas(database, replica=name, boot=f"{name}/1", now=time)


def takeovers(database: Engine) -> int:
    with reading(database) as opened:
        return len(opened.exec(select(AuditEvent).where(AuditEvent.event == "replica.taken_over")).all())


def test_one_of_the_others_takes_over_and_goes_on_until_the_silent_one_lives_again(database: Engine, time: Time):
    one, two, three = (console(database, time, name) for name in ("one", "two", "three"))
    assert [c.beat() for c in (one, two, three)] == [[], [], []]
    time.now += SILENCE
    assert two.beat() == ["one", "three"], "nobody else has spoken since"
    assert three.beat() == []
    assert two.beat() == ["one"], "it has lived on meanwhile, and one has not"
    assert takeovers(database) == 2
    assert one.beat() == [] and two.beat() == []


def test_a_pause_is_no_death(database: Engine, time: Time):
    one, two = console(database, time, "one"), console(database, time, "two")
    one.beat()
    time.now += DEAD_AFTER
    assert two.beat() == []
    assert takeovers(database) == 0


def test_what_a_taker_left_behind_is_taken_over_with_it(database: Engine, time: Time):
    one, two, three = (console(database, time, name) for name in ("one", "two", "three"))
    one.beat()
    time.now += SILENCE
    assert two.beat() == ["one"]
    assert three.beat() == []
    time.now += SILENCE
    assert sorted(three.beat()) == ["one", "two"]
    assert takeovers(database) == 3
