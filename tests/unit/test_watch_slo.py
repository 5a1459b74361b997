"""From samples to counts to the board of the objectives: what is read, what is kept, what is said first."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from openova_console.handbook.burn import DAY, HOUR, WINDOWS
from openova_console.handbook.slo import Sli, SloEvidence
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.settings.slo import SloMetrics, SloSettings
from openova_console.systems import errors, prometheus
from openova_console.systems.prometheus_query import PART
from openova_console.watch.board import judge
from openova_console.watch.board.slo import SloBoard, SloRow
from openova_console.watch.collectors.slo import SloCollector
from openova_console.watch.slo_history import RANGES, WHATS, points, slo_samples, slo_series
from openova_console.watch.snapshot import CollectorHealth, Snapshot, SnapshotStore
from tests.support.factories import NOW, region, settings, snapshot
from tests.support.slo import BOUNDS, FAST, MONTH, counted, durations, evidence, outcomes, windows

SETTINGS = settings()
REQUESTS, BUCKETS = "http_requests_total", "http_request_duration_seconds_bucket"


def lines(name: str, *, end: datetime = NOW, gap: int = 15, seconds: int = 930, **series) -> list[dict]:
    """A range answer: each series grows by its number per second."""
    times = [end - timedelta(seconds=s) for s in range(seconds, -1, -gap)]
    key = "status" if name == REQUESTS else "le"
    return [
        {
            "metric": {"__name__": name, key: label.lstrip("_")} if label != "_" else {"__name__": name},
            "values": [[t.timestamp(), str(1e6 + rate * (t - times[0]).total_seconds())] for t in times],
        }
        for label, rate in series.items()
    ]


def buckets(**more) -> list[dict]:
    shares = dict(zip(("+Inf" if math.isinf(b) else f"{b:g}" for b in BOUNDS), FAST, strict=True))
    return lines(BUCKETS, **{f"_{bound}": 50 * share for bound, share in shares.items()}, **more)


def parts(window: int, failed: float = 0.0004, *, began: bool = True, label: str = "status") -> list[dict]:
    total = 50.0 * window
    rows = [
        ({"status": "200"} if label else {}, "outcomes", total * (1 - failed)),
        ({label: "502"} if label else {}, "outcomes", total * failed),
        ({"le": "0.5"}, "durations", total * 0.978),
        ({"le": "+Inf"}, "durations", total),
    ]
    found = [{"metric": {**m, PART: f"grown/{kind}/{window}"}, "value": [0, str(v)]} for m, kind, v in rows]
    if began:
        found += [{"metric": {PART: f"began/{kind}/{window}"}, "value": [0, "1"]} for kind in ("outcomes", "durations")]
    return found


class Answers:
    """A Prometheus that gives these answers, and remembers what it was asked."""

    def __init__(self, raw: list[dict], grown: list[dict], **more) -> None:
        self.raw, self.grown, self.more, self.asked, self.broken = raw, grown, more, [], False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = httpx.QueryParams(request.content.decode())["query"]
        self.asked.append(query)
        if query.startswith("label_replace") and self.broken:
            return httpx.Response(503, text="too much")
        kind, rows = ("vector", self.grown) if query.startswith("label_replace") else ("matrix", self.raw)
        rows = [r for r in rows if kind == "matrix" or f'"{r["metric"][PART]}"' in query]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": kind, "result": rows}, **self.more})


async def read(answers: Answers, config: Settings = SETTINGS, times: int = 1) -> SloEvidence:
    store = SnapshotStore()
    collector = SloCollector(config.regions[0], config, store)
    http = httpx.AsyncClient(base_url="http://prometheus.test", transport=httpx.MockTransport(answers))
    collector._prometheus = prometheus.Prometheus(region="Region 1", http=http, max_bytes=1 << 20, deadline_s=2)
    try:
        for _ in range(times):
            await collector.read()
    except errors.Fault:
        if not answers.broken:
            raise
    finally:
        await collector.close()
    assert store.current.traces["slo/region-1"].call
    return store.current.slo["region-1"]


GROWN = [row for window in (*WINDOWS[1:], MONTH) for row in parts(window)]


async def test_one_region_is_counted_over_every_window():
    answers = Answers([*lines(REQUESTS, _200=49.98, _500=0.02), *buckets()], GROWN)
    found = await read(answers)
    assert [q.split("(")[0] for q in answers.asked] == [
        '{__name__=~"http_requests_total|http_request_duration_seconds_bucket"}[930s]',
        "label_replace",
        "label_replace",
    ]
    last = found.outcomes.steps.value[-1]
    assert (last.at, found.outcomes.steps.observed_at) == (NOW, NOW)
    assert (last.counts.total, last.counts.bad) == (pytest.approx(15_000), pytest.approx(6))
    assert len(found.outcomes.steps.value) == 15 and last.at.timestamp() % 30 == 0
    slow = found.durations.steps.value[-1].counts
    assert slow.bad == pytest.approx(15_000 * 0.022) and len(slow.buckets) == len(BOUNDS)
    assert set(found.outcomes.windows) == set(found.durations.windows) == {*WINDOWS, MONTH}
    hour = found.durations.windows[HOUR].value
    assert (hour.total, hour.bad, hour.buckets) == (180_000, pytest.approx(180_000 * 0.022), ())
    assert found.outcomes.windows[DAY].value.bad == pytest.approx(50 * DAY * 0.0004)
    assert all(r.observed_at == NOW for r in found.outcomes.windows.values()), "dated by samples, not by the question"


async def test_windows_of_a_day_and_more_are_read_less_often():
    answers = Answers([*lines(REQUESTS, _200=50), *buckets()], GROWN)
    found = await read(answers, times=3)
    heavy = [q for q in answers.asked if f"[{DAY}s]" in q]
    assert len(answers.asked) == 7 and len(heavy) == 1
    assert found.outcomes.windows[DAY].value is not None


async def test_a_code_that_never_came_is_no_failure_but_a_label_that_is_missing_is_unknown():
    found = await read(Answers([*lines(REQUESTS, _200=50), *buckets()], GROWN))
    assert found.outcomes.steps.value[-1].counts.bad == 0
    bare = await read(Answers([*lines(REQUESTS, _=50), *buckets()], [r for w in WINDOWS[1:] for r in parts(w, label="")]))
    why = "series of http_requests_total have no label 'status': what failed cannot be told"
    assert (bare.outcomes.steps.value, bare.outcomes.steps.error) == (None, why)
    assert bare.outcomes.windows[HOUR].error == why and bare.outcomes.windows[300].error == why


async def test_series_that_are_missing_old_or_too_few_say_so():
    found = await read(Answers([], []))
    assert found.outcomes.steps.error == "http_requests_total has no sample"
    assert found.durations.steps.error == "http_request_duration_seconds_bucket has no sample"
    assert found.outcomes.windows[HOUR].error == "no requests were counted in the last 1 h"
    one = await read(Answers(lines(REQUESTS, _200=50, seconds=0), []))
    assert one.outcomes.steps.error == "http_requests_total has fewer than two samples in 5 min"
    old = await read(Answers(lines(REQUESTS, _200=50, end=NOW - timedelta(seconds=400)), GROWN))
    assert old.outcomes.steps.observed_at == NOW - timedelta(seconds=400)
    assert not old.outcomes.windows[HOUR].fresh(NOW, 180), "growth is as old as its newest sample"


async def test_a_window_longer_than_prometheus_keeps_is_missing():
    young = [row for w in (*WINDOWS[1:], MONTH) for row in parts(w, began=w < 3 * DAY)]
    found = await read(Answers([*lines(REQUESTS, _200=50), *buckets()], young))
    assert found.outcomes.windows[MONTH].error == "Prometheus has no samples from 30 d ago"
    assert found.outcomes.windows[DAY].value is not None


async def test_a_partial_answer_is_not_whole():
    found = await read(Answers([*lines(REQUESTS, _200=50), *buckets()], GROWN, warnings=["store 2 is away"]))
    for reading in (found.outcomes.steps, found.durations.steps, *found.outcomes.windows.values()):
        assert reading.completeness == "partial" and not reading.fresh(NOW, 180)


async def test_the_last_minutes_are_kept_when_the_longer_windows_cannot_be_had():
    answers = Answers([*lines(REQUESTS, _200=50), *buckets()], GROWN)
    answers.broken = True
    found = await read(answers)
    assert found.outcomes.steps.value and found.outcomes.windows[300].value
    assert "overloaded" in found.outcomes.windows[HOUR].error and "overloaded" in found.durations.windows[MONTH].error


async def test_a_histogram_without_the_targets_bucket_or_without_bounds_is_unknown():
    other = settings(slo=SloSettings(latency={"target_s": 0.3, "alert_s": 1}))
    found = await read(Answers([*lines(REQUESTS, _200=50), *buckets()], GROWN), other)
    assert found.durations.steps.error == f"{BUCKETS} has no bucket that ends at 0.3 s"
    odd = await read(Answers([*lines(REQUESTS, _200=50), *lines(BUCKETS, _=5)], GROWN))
    assert odd.durations.steps.error == f"series of {BUCKETS} have no bound in their label 'le'"
    endless = await read(Answers(lines(BUCKETS, **{"_0.5": 3}), []))
    assert endless.durations.steps.error == f"{BUCKETS} has no bucket that ends at infinity"


async def test_a_region_without_prometheus_has_no_collector():
    alone = region("region-1", "primary", prometheus=None)
    with pytest.raises(ValueError, match="no Prometheus"):
        SloCollector(alone, SETTINGS, SnapshotStore())


def board(found: Snapshot, config: Settings = SETTINGS) -> SloBoard:
    return judge(found, config, NOW).slo


def both(one: SloEvidence | None, two: SloEvidence | None = None, **more) -> Snapshot:
    said = {"region-1": one, "region-2": two or evidence()}
    return snapshot(slo={k: v for k, v in said.items() if v is not None}, **more)


def row(found: SloBoard, sli: Sli, region_id: str = "") -> SloRow:
    rows = found.parts if region_id else found.rows
    return next(r for r in rows if r.goal.sli is sli and (r.region.id if r.region else "") == region_id)


def test_all_well():
    found = board(both(evidence()))
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, "All three objectives are met")
    assert (found.alarms, len(found.rows), len(found.parts)) == ((), 3, 6)
    assert found.traces == ("slo/region-1", "slo/region-2")


def test_before_the_first_read_nothing_is_said_in_the_strip():
    found = board(snapshot())
    assert (found.judgement.sentence, found.alarms) == ("Not known: nothing was read yet", ())
    bare = settings(regions=[region(f"region-{n}", role, prometheus=None) for n, role in ((1, "primary"), (2, "dr"))])
    assert board(snapshot(), bare).judgement.sentence == "Not configured: add regions[].prometheus to the settings"


def test_a_region_that_cannot_be_read_is_unknown_together_with_its_reason():
    health = {"slo/region-1": CollectorHealth(60, error="Region 1's Prometheus stopped answering")}
    found = board(both(None, collectors=health))
    assert [r.verdict for r in found.rows] == [Verdict.UNKNOWN] * 3
    assert [(a.title, a.sentence) for a in found.alarms] == [
        ("SLOs", "Not known, Region 1: Region 1's Prometheus stopped answering")
    ]
    assert row(found, Sli.LATENCY, "region-2").verdict is Verdict.OK


def test_one_alarm_for_availability_and_error_rate():
    found = board(both(evidence(0.03), evidence(0.03)))
    assert [(a.title, a.verdict) for a in found.alarms] == [("Availability", Verdict.BREACH)]
    assert found.judgement.sentence.startswith("Availability: 97 % of 20,000 requests")


def test_a_region_that_breaches_alone_is_named():
    quiet = SloEvidence(counted(outcomes(0.03, 1_000)), counted(durations()))
    found = board(both(quiet, SloEvidence(counted(outcomes(0.0004, 90_000)), counted(durations()))))
    assert [(a.title, a.verdict) for a in found.alarms] == [("Availability in Region 1", Verdict.BREACH)]
    assert row(found, Sli.AVAILABILITY).verdict is not Verdict.BREACH


def test_a_burn_that_wakes_somebody_is_an_alarm_though_the_limit_holds():
    burning = windows(counted(outcomes(0.0004)), {6 * HOUR: 0.013, 1800: 0.013})
    found = board(both(replace(evidence(), outcomes=burning), replace(evidence(), outcomes=burning)))
    assert [(a.title, a.verdict) for a in found.alarms] == [("Availability", Verdict.BREACH)]
    assert "wake somebody" in found.alarms[0].sentence
    assert row(found, Sli.AVAILABILITY).standing.judgement.verdict is Verdict.OK


def test_one_region_is_the_whole():
    alone = settings(looks_from="region-1", regions=[region("region-1", "primary")])
    found = board(snapshot(slo={"region-1": evidence()}), alone)
    assert (found.judgement.verdict, found.parts) == (Verdict.OK, ())


def test_history_holds_figures_and_gaps():
    found = board(both(evidence()))
    samples = {s.series: s for s in slo_samples(found, NOW)}
    assert len(samples) == 3 * 3 * len(WHATS)
    burn = samples[slo_series(Sli.AVAILABILITY, "", "burn_1h")]
    assert (burn.value, burn.verdict, burn.observed_at) == (pytest.approx(0.4), "ok", NOW - timedelta(seconds=1))
    assert samples["slo/latency/region-2/value"].value == pytest.approx(0.437, abs=1e-3)
    gone = {s.series: s for s in slo_samples(board(both(None)), NOW)}
    for what in WHATS:
        gap = gone[slo_series(Sli.AVAILABILITY, "", what)]
        assert (gap.value, gap.verdict, gap.observed_at) == (None, "unknown", NOW)
    assert gone["slo/availability/region-2/value"].value == pytest.approx(0.9996)


def test_no_step_of_a_chart_is_shorter_than_the_time_between_two_reads():
    for span in RANGES.values():
        assert 0 < points(span, 60) <= 240
        assert span.total_seconds() / points(span, 60) >= 60
    assert points(timedelta(seconds=1), 60) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"availability": {"target_percent": 99, "alert_percent": 99.5}}, "must be lower"),
        ({"latency": {"target_s": 2}}, "must be longer"),
        ({"error_rate": {"target_percent": 2}}, "must be higher"),
        ({"metrics": {"failed": "5.(."}}, "not a regular expression"),
        ({"window_days": 3}, "greater than or equal to 4"),
        ({"matchers": {"a-b": "c"}}, "match pattern"),
    ],
)
def test_settings_that_contradict_the_handbook_are_mistakes(wrong, words):
    with pytest.raises(ValueError, match=words):
        SloSettings.model_validate(wrong)


def test_the_defaults_are_the_handbooks():
    slo = SloSettings()
    assert (slo.availability.target_percent, slo.availability.alert_percent) == (99.9, 99.5)
    assert (slo.latency.target_s, slo.latency.alert_s, slo.latency.good_percent) == (0.5, 1.0, 95)
    assert (slo.error_rate.target_percent, slo.error_rate.alert_percent) == (0.1, 1.0)
    assert (slo.hold_s, slo.window_s, slo.metrics) == (300, MONTH, SloMetrics())
