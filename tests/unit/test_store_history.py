"""History: samples, roll-ups, pruning, and the charts read from them."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import func, select

from openova_console.handbook.words import Verdict
from openova_console.store import history
from openova_console.store.database import migrate, open_engine, reading, session
from openova_console.store.tables import Rollup, Sample

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine(store_url):
    migrate(store_url)
    engine = open_engine(store_url)
    yield engine
    engine.dispose()


def _sample(second: float, value: float | None, verdict: str = "ok", series: str = "cnpg") -> Sample:
    return Sample(series=series, observed_at=NOON + timedelta(seconds=second), value=value, verdict=verdict)


def _record(engine, *samples: Sample) -> None:
    with session(engine) as s:
        history.record(session=s, samples=samples)


def test_the_same_sample_twice_is_one_sample(engine):
    _record(engine, _sample(0, 1.0), _sample(0, 1.0), _sample(1, 2.0))
    _record(engine, _sample(0, 1.5, "warn"))
    with reading(engine) as s:
        kept = s.exec(select(Sample).order_by(Sample.observed_at)).all()
    assert [(k.value, k.verdict) for k in kept] == [(1.5, "warn"), (2.0, "ok")]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_unknown_whatever_its_verdict_says(engine, value):
    _record(engine, _sample(0, value, "ok"))
    with reading(engine) as s:
        kept = s.exec(select(Sample)).one()
    assert (kept.value, kept.verdict) == (None, "unknown")


def test_a_verdict_that_is_no_verdict_is_refused(engine):
    with pytest.raises(ValueError, match="green"):
        _record(engine, _sample(0, 1.0, "green"))


def test_a_rollup_holds_the_range_the_last_value_and_the_worst_verdict(engine):
    _record(engine, _sample(0, 4.0), _sample(10, 1.0, "warn"), _sample(20, None, "unknown"), _sample(299, 7.0))
    with session(engine) as s:
        assert history.roll_up(session=s, now=NOON + timedelta(minutes=5)) == 1
    with reading(engine) as s:
        kept = s.exec(select(Rollup)).one()
    assert kept.bucket_start == NOON
    assert (kept.count, kept.unknown_count) == (3, 1)
    assert (kept.minimum, kept.maximum, kept.mean, kept.last) == (1.0, 7.0, 4.0, 7.0)
    assert kept.verdict == "unknown"


def test_the_bucket_that_is_not_over_is_not_rolled_up(engine):
    _record(engine, _sample(0, 1.0), _sample(300, 2.0))
    with session(engine) as s:
        assert history.roll_up(session=s, now=NOON + timedelta(minutes=5, seconds=1)) == 1


def test_rolling_up_again_takes_in_a_sample_that_came_late(engine):
    _record(engine, _sample(0, 1.0))
    with session(engine) as s:
        history.roll_up(session=s, now=NOON + timedelta(minutes=10))
    _record(engine, _sample(30, 3.0, "breach"))
    with session(engine) as s:
        history.roll_up(session=s, now=NOON + timedelta(minutes=15))
    with reading(engine) as s:
        kept = s.exec(select(Rollup)).one()
    assert (kept.count, kept.mean, kept.verdict) == (2, 2.0, "breach")


def test_pruning_keeps_the_rollup_of_what_it_drops(engine):
    _record(engine, *(_sample(60 * minute, float(minute)) for minute in range(120)))
    now = NOON + timedelta(hours=25, minutes=32)
    with session(engine) as s:
        dropped = history.prune(session=s, now=now, raw_hours=24, rollup_days=35)
    assert dropped == 90
    with reading(engine) as s:
        assert s.exec(select(func.min(Sample.observed_at))).one() == NOON + timedelta(minutes=90)
        assert s.exec(select(func.count()).select_from(Rollup)).one() == 24
    with session(engine) as s:
        assert history.roll_up(session=s, now=now) < 24
    with reading(engine) as s:
        points = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(hours=2), points=24)
    assert [p.count for p in points] == [5] * 24
    assert points[0].mean == 2.0


def test_rollups_end_too(engine):
    _record(engine, _sample(0, 1.0))
    with session(engine) as s:
        history.prune(session=s, now=NOON + timedelta(days=36), raw_hours=24, rollup_days=35)
    with reading(engine) as s:
        assert s.exec(select(func.count()).select_from(Rollup)).one() == 0


def test_a_gap_stays_a_gap(engine):
    _record(engine, _sample(0, 1.0), _sample(15, None, "unknown"), _sample(45, 3.0))
    with reading(engine) as s:
        points = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(minutes=1), points=4)
    assert [p.mean for p in points] == [1.0, None, None, 3.0]
    assert [p.verdict for p in points] == [Verdict.OK, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.OK]
    assert [(p.count, p.unknown) for p in points] == [(1, 0), (0, 1), (0, 0), (1, 0)]
    assert [p.at for p in points] == [NOON + timedelta(seconds=15 * i) for i in range(4)]


def test_a_step_shows_the_peak_and_not_only_the_mean(engine):
    _record(engine, _sample(0, 1.0), _sample(1, 90.0, "breach"), _sample(2, 2.0))
    with reading(engine) as s:
        (point,) = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(minutes=1), points=1)
    assert (point.minimum, point.maximum, point.mean, point.verdict) == (1.0, 90.0, 31.0, Verdict.BREACH)


def test_the_end_is_not_part_of_the_chart_and_the_start_is(engine):
    _record(engine, _sample(0, 1.0), _sample(60, 2.0))
    with reading(engine) as s:
        points = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(minutes=1), points=2)
    assert [p.mean for p in points] == [1.0, None]


@pytest.mark.parametrize("rolled_up", [False, True])
@pytest.mark.parametrize("points", [12, 240])
def test_nothing_is_lost_or_counted_twice_where_rollups_meet_samples(engine, points, rolled_up):
    _record(engine, *(_sample(30 * i, float(i)) for i in range(1, 240)))
    if rolled_up:
        with session(engine) as s:
            history.roll_up(session=s, now=NOON + timedelta(minutes=61))
    with reading(engine) as s:
        chart = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(hours=2), points=points)
    assert sum(p.count for p in chart) == 239


def test_narrow_steps_use_rollups_where_the_samples_are_gone(engine):
    _record(engine, *(_sample(60 * minute, float(minute)) for minute in range(60)))
    with session(engine) as s:
        history.prune(session=s, now=NOON + timedelta(hours=1, minutes=30), raw_hours=1, rollup_days=35)
    with reading(engine) as s:
        chart = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(hours=1), points=60)
    assert sum(p.count for p in chart) == 60
    assert [p.count for p in chart[:6]] == [5, 0, 0, 0, 0, 5]
    assert [p.count for p in chart[30:]] == [1] * 30


def test_sparklines_of_many_series_cost_two_queries(engine):
    from sqlalchemy import event

    names = [f"series-{i}" for i in range(12)]
    _record(engine, *(_sample(-60 * i, float(i), series=name) for name in names for i in range(5)))
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with reading(engine) as s:
        charts = history.sparklines(session=s, series_list=[*names, "absent"], now=NOON + timedelta(seconds=1))
    assert len([one for one in statements if one.startswith("SELECT")]) == 2
    assert set(charts) == {*names, "absent"}
    assert all(len(points) == 48 for points in charts.values())
    assert charts["series-3"][-1].count == 5
    assert all(p.mean is None and p.verdict is Verdict.UNKNOWN for p in charts["absent"])


def test_one_series_reads_as_among_many(engine):
    _record(engine, _sample(0, 1.0), _sample(0, 2.0, series="other"))
    now = NOON + timedelta(minutes=1)
    with reading(engine) as s:
        alone = history.sparkline(session=s, series="cnpg", now=now)
        assert alone == history.sparklines(session=s, series_list=["cnpg", "other"], now=now)["cnpg"]


@pytest.mark.parametrize(("minutes", "points"), [(0, 5), (-1, 5), (5, 0)])
def test_a_chart_without_steps_is_refused(engine, minutes, points):
    with reading(engine) as s, pytest.raises(ValueError, match="at least one step"):
        history.read(session=s, series="x", start=NOON, end=NOON + timedelta(minutes=minutes), points=points)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3599),
            st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False)),
            st.sampled_from(["ok", "warn", "breach"]),
        ),
        max_size=30,
        unique_by=lambda row: row[0],
    ),
    points=st.integers(1, 90),
    rolled_up=st.integers(0, 60),
)
@settings(max_examples=30, deadline=None)
def test_a_chart_counts_every_sample_once_and_never_leaves_its_range(tmp_path_factory, rows, points, rolled_up):
    url = f"sqlite:///{tmp_path_factory.mktemp('h') / 'h.db'}"
    engine = open_engine(url)
    for table in (Sample, Rollup):
        table.__table__.create(engine)
    _record(engine, *(_sample(*row) for row in rows))
    with session(engine) as s:
        history.roll_up(session=s, now=NOON + timedelta(minutes=rolled_up))
    with reading(engine) as s:
        chart = history.read(session=s, series="cnpg", start=NOON, end=NOON + timedelta(hours=1), points=points)
    engine.dispose()
    known = [value for _, value, _ in rows if value is not None]
    assert sum(p.count for p in chart) == len(known)
    assert sum(p.unknown for p in chart) == len(rows) - len(known)
    for point in chart:
        assert (point.mean is None) == (point.count == 0)
        if point.mean is not None:
            assert point.minimum <= point.mean <= point.maximum
        else:
            assert point.verdict is not Verdict.OK
