"""History: what the board said is written down, and gaps stay gaps."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.store.database import migrate, open_engine, reading, session
from openova_console.store.tables import Rollup, Sample
from openova_console.watch.board import judge
from openova_console.watch.history import POINTS, RANGES, History, series
from tests.support.factories import NOW, aged, ago, primary_end, settings, snapshot
from tests.support.factories import reading as sample

SETTINGS = settings()
LAG = series(Service.CNPG, "lag_s")


@pytest.fixture
def engine(tmp_path):
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def history(engine):
    return History(engine, SETTINGS)


def board(at=NOW, *, age_s: float = 0):
    shifted = aged(snapshot(), (NOW - at).total_seconds() + age_s)
    return judge(shifted, SETTINGS, at)


def stored(engine, name=LAG):
    with reading(engine) as s:
        return s.exec(select(Sample).where(Sample.series == name).order_by(Sample.observed_at)).all()


async def test_measured_services_are_written_at_the_time_of_their_sample(history, engine):
    await history.record(board())
    assert [(s.observed_at, s.value, s.verdict) for s in stored(engine)] == [(ago(1), 0.1, "ok")]
    assert [s.value for s in stored(engine, series(Service.CNPG, "at_risk_bytes"))] == [2500.0]
    assert [s.value for s in stored(engine, series(Service.VALKEY, "lag_s"))] == [1.0]
    assert stored(engine, series(Service.MONGODB, "lag_s")) == []


async def test_the_same_sample_is_written_once(history, engine):
    found = board()
    for later in (0, 5, 10):
        await history.record(replace(found, at=NOW + timedelta(seconds=later)))
    assert len(stored(engine)) == 1


async def test_what_is_not_known_is_written_as_a_gap_at_the_time_of_the_question(history, engine):
    await history.record(board(age_s=0))
    await history.record(board(NOW + timedelta(seconds=30), age_s=70))
    assert [(s.observed_at, s.value, s.verdict) for s in stored(engine)][1:] == [(ago(-30), None, "unknown")]


async def test_bytes_of_a_service_whose_verdict_is_unknown_are_a_gap_too(history, engine):
    """The ends disagree: an offset difference is there, but it may not be drawn as if it were known."""
    alone = {"region-1": sample(primary_end(offset=134, replica_ack_age_s=None, replica_state=""))}
    found = judge(snapshot(valkey_primary=alone), SETTINGS, NOW)
    valkey = next(r.assessment for r in found.replication if r.promise.service is Service.VALKEY)
    assert (valkey.judgement.verdict, valkey.at_risk_bytes) == (Verdict.UNKNOWN, 70.0)
    await history.record(found)
    assert [(s.value, s.verdict) for s in stored(engine, series(Service.VALKEY, "at_risk_bytes"))] == [(None, "unknown")]


async def test_sparklines_and_charts_have_gaps_where_nothing_was_known(history):
    for minute in range(60):
        at = ago(3600 - 60 * minute)
        await history.record(board(at, age_s=0 if minute < 20 or minute >= 40 else 70))
    chart = await history.chart(LAG, "1h", NOW)
    assert (len(chart.points), chart.start, chart.end) == (POINTS, ago(3600), NOW)
    quarter = [p for p in chart.points if ago(2300) <= p.at <= ago(1300)]
    assert all(p.mean is None for p in quarter)
    assert any(p.mean == 0.1 and p.verdict is Verdict.OK for p in chart.points)
    assert any(p.verdict is Verdict.UNKNOWN and p.unknown for p in quarter)
    sparks = await history.sparklines(NOW)
    assert set(sparks) == {Service.CNPG, Service.VALKEY}
    assert len(sparks[Service.CNPG]) == 48
    assert sparks[Service.CNPG][0] is None and sparks[Service.CNPG][-1] == pytest.approx(0.1)


async def test_every_range_can_be_read_and_no_other(history):
    for range_ in RANGES:
        chart = await history.chart(LAG, range_, NOW)
        assert chart.end - chart.start == RANGES[range_]
        assert all(p.mean is None for p in chart.points)
    with pytest.raises(KeyError):
        await history.chart(LAG, "90d", NOW)


async def test_tidying_rolls_up_and_drops_what_is_too_old(history, engine):
    old = NOW - timedelta(hours=25)
    with session(engine) as s:
        s.add(Sample(series=LAG, observed_at=old, value=2.0, verdict="ok"))
    await history.record(board())
    await history.tidy(NOW + timedelta(minutes=10))
    assert [s.observed_at for s in stored(engine)] == [ago(1)]
    with reading(engine) as s:
        assert [
            (r.mean, r.verdict) for r in s.exec(select(Rollup).where(Rollup.series == LAG).order_by(Rollup.bucket_start))
        ] == [
            (2.0, "ok"),
            (0.1, "ok"),
        ]


async def test_a_database_that_fails_keeps_the_sample_for_the_next_time(history, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE samples RENAME TO away")
    with pytest.raises(Exception, match="no such table"):
        await history.record(board())
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO samples")
    await history.record(board())
    assert len(stored(engine)) == 1
