"""The objectives on a real Prometheus: the console's arithmetic is PromQL's, its questions are taken, its verdicts hold."""

import math
import os
import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from openova_console.handbook.burn import DAY, HOUR, WINDOWS
from openova_console.handbook.counters import increase, quantile
from openova_console.handbook.slo import SHORT_S, Sli
from openova_console.handbook.words import Verdict
from openova_console.settings import HttpEndpoint, Settings
from openova_console.settings.slo import SloMetrics, SloSettings
from openova_console.systems import errors
from openova_console.systems.prometheus import Window, connect
from openova_console.systems.prometheus_query import Grouped, growth
from openova_console.watch import board
from openova_console.watch.board.slo import SloBoard, SloRow
from openova_console.watch.collectors.slo import SloCollector
from openova_console.watch.snapshot import CollectorHealth, SnapshotStore
from tests.peers.servers.backfill import Counter, backfill
from tests.peers.servers.process import Missing
from tests.peers.servers.prometheus import PrometheusServer
from tests.support import factories
from tests.support.bad_cases import proven
from tests.support.slo import BOUNDS, FAST, SLOW

ON = "Prometheus 2.42"
MONTH = 30 * DAY
REQUESTS, DURATION = "http_requests_total", "http_request_duration_seconds_bucket"


def scrapes(now: float, days: float, offset: float) -> list[float]:
    """Every 15 s over the last 30 hours, before that every 4 minutes; with 40 minutes of silence five hours ago.

    They go on for a quarter of an hour: Prometheus does not look ahead, so they arrive as time passes.
    """
    found, at = [], now - days * DAY + offset
    while at < now + 900:
        if not 4.6 * HOUR < now - at < 5.3 * HOUR:
            found.append(round(at, 3))
        at += 240 if now - at > 30 * HOUR else 15
    return found


def counter(name: str, labels: Mapping[str, str], times: list[float], rate: float, *, seed: object, resets: int = 0) -> Counter:
    """Grows by about `rate` a second, unevenly, and starts anew `resets` times."""
    dice = random.Random(str(seed))
    again = set(dice.sample(times[1:-5], resets))
    value, before, samples = 1000.0 * rate, times[0], []
    for at in times:
        value = dice.random() * rate if at in again else value + (at - before) * rate * (0.5 + dice.random())
        samples.append((at, round(value, 3)))
        before = at
    return Counter(name, labels, samples)


def outcomes(name: str, times: list[float], seed: str, failing: float, rate: float = 20.0) -> list[Counter]:
    pods = ("a", "b")
    return [
        counter(name, {"pod": pod, "status": status}, times, rate * share, seed=(seed, pod, status), resets=resets)
        for pod, resets in zip(pods, (0, 5), strict=True)
        for status, share in (("200", 1 - failing), ("500", failing / 2), ("503", failing / 2))
    ]


def durations(name: str, times: list[float], seed: str, shares: tuple[float, ...] = FAST, rate: float = 20.0) -> list[Counter]:
    """All bounds of a pod grow in step, as those of one histogram do."""
    whole = counter(name, {}, times, rate, seed=(seed, "durations"), resets=2)
    bounds = zip(BOUNDS, shares, strict=True)
    return [
        Counter(
            name,
            {"pod": "a", "le": "+Inf" if math.isinf(le) else f"{le:g}"},
            [(t, round(v * share, 4)) for t, v in whole.samples],
        )
        for le, share in bounds
    ]


def families(now: float, region: str) -> list[Counter]:
    """What the region's users did, and one family of series for each thing that can be wrong with it."""
    times, recent = scrapes(now, 31, 3.217 if region == "region-1" else 9.481), scrapes(now, 2, 1.111)
    flat = [(at, 5000.0) for at in times]
    first = region == "region-1"
    return [
        *outcomes(REQUESTS, times, region, 0.0004),
        *durations(DURATION, times, region),
        *outcomes("failing_requests_total", times, region + "f", 0.03 if first else 0.0004),
        *durations("slow_seconds_bucket", times, region, SLOW if first else FAST),
        Counter("idle_requests_total", {"status": "200"}, flat),
        *outcomes("gone_requests_total", [t for t in times if not first or t < now - 1200], region, 0.0004),
        *outcomes("young_requests_total", recent if first else times, region, 0.0004),
        Counter("unlabelled_requests_total", {}, [(at, float(n)) for n, at in enumerate(times)]),
        Counter("odd_requests_total", {"status": "200"}, [(at, math.nan) for at in times]),
        *([] if first else outcomes("absent_requests_total", times, region, 0.0004)),
        *[c for c in durations("coarse_seconds_bucket", times, region) if c.labels["le"] != "0.5"],
    ]


class Servers:
    """A real Prometheus for each region, filled with a month."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time()
        self._http = httpx.Client(trust_env=False)
        self.servers = {name: PrometheusServer(folder, f"slo-{name}", {}, keep="40d") for name in ("region-1", "region-2")}

    def start(self) -> "Servers":
        for name, server in self.servers.items():
            backfill(families(self.now, name), server.data)
            server.start()
        return self

    def stop(self) -> None:
        self._http.close()
        for server in self.servers.values():
            server.stop()

    def settings(self, **metrics: str) -> Settings:
        """A console of these two regions; `metrics` are other names to count by."""
        regions = [
            factories.region(name, role, prometheus=HttpEndpoint(url=self.servers[name].url))
            for name, role in (("region-1", "primary"), ("region-2", "dr"))
        ]
        return factories.settings(regions=regions, slo=SloSettings(metrics=SloMetrics(**metrics)))

    def ask(self, region: str, query: str, at: float) -> list[dict]:
        url = f"{self.servers[region].url}/api/v1/query"
        answer = self._http.post(url, data={"query": query, "time": f"{at:.3f}"})
        assert answer.status_code == 200, answer.text
        result: list[dict] = answer.json()["data"]["result"]
        return result

    def values(self, region: str, query: str, at: float, by: str) -> dict[str, float]:
        """An instant answer by one of its labels."""
        return {row["metric"].get(by, ""): float(row["value"][1]) for row in self.ask(region, query, at)}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    try:
        running = Servers(tmp_path_factory.mktemp("slo")).start()
    except Missing as missing:
        if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
            pytest.fail(f"a peer is missing: {missing}", pytrace=False)
        pytest.skip(f"a peer is missing: {missing}")
    yield running
    running.stop()


def instants(now: float, window: int, count: int) -> list[float]:
    """Instants of any kind: with resets, gaps and sparse stretches within the window."""
    dice = random.Random(window)
    near = [now - dice.random() * 20 * HOUR for _ in range(count)]
    odd = [now, now - 4.5 * HOUR, now - 5.0 * HOUR, now - 5.4 * HOUR, now - 29.9 * HOUR, now - 20 * DAY]
    return [round(at, 3) for at in (*odd, *near)]


@pytest.mark.parametrize("window", [60, 300, 1800, HOUR, 6 * HOUR])
def test_growth_of_the_same_samples_is_promqls(servers: Servers, window: int):
    compared = 0
    for at in instants(servers.now, window, 12):
        for region in servers.servers:
            raw = servers.ask(region, f"{REQUESTS}[{window}s]", at)
            grown = {
                tuple(sorted(r["metric"].items())): float(r["value"][1])
                for r in servers.ask(region, f"increase({REQUESTS}[{window}s])", at)
            }
            rates = {
                tuple(sorted(r["metric"].items())): float(r["value"][1])
                for r in servers.ask(region, f"rate({REQUESTS}[{window}s])", at)
            }
            for row in raw:
                key = tuple(sorted((k, v) for k, v in row["metric"].items() if k != "__name__"))
                mine = increase([(t, float(v)) for t, v in row["values"]], at - window, at)
                assert (mine is None) is (key not in grown), (at, key)
                if mine is not None:
                    assert mine == pytest.approx(grown[key], rel=1e-6, abs=1e-6)
                    assert mine / window == pytest.approx(rates[key], rel=1e-6, abs=1e-6)
                    compared += 1
    assert compared > 50


@pytest.mark.parametrize("metric", [DURATION, "slow_seconds_bucket"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 0.9999])
def test_quantiles_of_the_same_buckets_are_promqls(servers: Servers, metric: str, share: float):
    for at in instants(servers.now, 300, 8)[:12]:
        buckets = servers.values("region-1", f"sum by (le) (increase({metric}[1800s]))", at, "le")
        (expected,) = servers.values(
            "region-1", f"histogram_quantile({share}, sum by (le) (increase({metric}[1800s])))", at, "x"
        ).values()
        mine = quantile(share, [(float(le), count) for le, count in buckets.items()])
        assert mine == pytest.approx(expected, rel=1e-6) if mine is not None else math.isnan(expected)


async def test_the_consoles_own_question_is_taken_and_answered_as_it_means(servers: Servers):
    settings = servers.settings()
    where = settings.regions[0]
    api = connect(where.prometheus, region=where.display, network=settings.network)
    counters = (
        Grouped("outcomes", REQUESTS, "status", {"pod": "b"}),
        Grouped("durations", DURATION, "le", {}, "(0\\.5(\\.0)?|\\+Inf)"),
    )
    found = await growth(api, counters, (*WINDOWS, MONTH, 60 * DAY))
    await api.aclose()
    at = found.exchange.answered_at.timestamp()
    for window in (*WINDOWS, MONTH):
        expected = servers.values("region-1", f'sum by (status) (increase({REQUESTS}{{pod="b"}}[{window}s]))', at, "status")
        assert dict(found.found["outcomes", window].by) == pytest.approx(expected, rel=0.02)
        assert set(found.found["durations", window].by) == {"0.5", "+Inf"}
        assert found.found["outcomes", window].covered, window
    assert not found.found["outcomes", 60 * DAY].covered, "there are no samples from sixty days ago"
    assert found.warnings == ()


async def look(settings: Settings, at: datetime | None = None) -> tuple[SloBoard, SnapshotStore]:
    store = SnapshotStore()
    for region in settings.regions:
        collector = SloCollector(region, settings, store)
        try:
            await collector.read()
        except errors.Fault as fault:
            store.put("collectors", collector.name, CollectorHealth(collector.cadence_s, error=fault.sentence))
        finally:
            await collector.close()
    return board.judge(store.current, settings, at or datetime.now(UTC)).slo, store


def row(found: SloBoard, sli: Sli, region: str = "") -> SloRow:
    rows = found.parts if region else found.rows
    return next(r for r in rows if r.goal.sli is sli and (r.region.id if r.region else "") == region)


async def test_a_month_that_is_well(servers: Servers):
    found, store = await look(servers.settings())
    assert [(r.verdict, r.standing.judgement.sentence) for r in found.rows if r.verdict is not Verdict.OK] == []
    assert row(found, Sli.AVAILABILITY).spending.left == pytest.approx(0.6, abs=0.05)
    for region, evidence in store.current.slo.items():
        for step in evidence.outcomes.steps.value[-10:]:
            at = step.at.timestamp()
            expected = servers.values(region, f"sum by (status) (increase({REQUESTS}[{SHORT_S}s]))", at, "status")
            assert step.counts.total == pytest.approx(sum(expected.values()), rel=1e-6)
            assert step.counts.bad == pytest.approx(expected["500"] + expected["503"], rel=1e-6)
        for step in evidence.durations.steps.value[-10:]:
            query = f"histogram_quantile(0.95, sum by (le) (increase({DURATION}[{SHORT_S}s])))"
            (expected,) = servers.values(region, query, step.at.timestamp(), "x").values()
            assert quantile(0.95, step.counts.buckets) == pytest.approx(expected, rel=1e-6)


CASES = {
    "three of a hundred requests fail in region 1": ("requests", "failing_requests_total", Sli.AVAILABILITY, Verdict.BREACH),
    "three of ten requests are slow in region 1": ("durations", "slow_seconds_bucket", Sli.LATENCY, Verdict.BREACH),
    "no traffic": ("requests", "idle_requests_total", Sli.AVAILABILITY, Verdict.UNKNOWN),
    "region 1's series ended 20 minutes ago": ("requests", "gone_requests_total", Sli.AVAILABILITY, Verdict.UNKNOWN),
    "region 1 never had the series": ("requests", "absent_requests_total", Sli.ERROR_RATE, Verdict.UNKNOWN),
    "the series lack the outcome's label": ("requests", "unlabelled_requests_total", Sli.ERROR_RATE, Verdict.UNKNOWN),
    "samples are NaN": ("requests", "odd_requests_total", Sli.AVAILABILITY, Verdict.UNKNOWN),
    "no bucket ends at the target": ("durations", "coarse_seconds_bucket", Sli.LATENCY, Verdict.UNKNOWN),
}


@pytest.mark.parametrize("case", CASES)
async def test_each_bad_case_has_its_verdict(servers: Servers, case: str):
    kind, name, sli, verdict = CASES[case]
    found, _ = await look(servers.settings(**{kind: name}))
    judgement = row(found, sli).standing.judgement
    assert judgement.verdict is verdict, judgement.sentence
    proven(f"SLO: {sli.value}", case, judgement, on=ON)
    if verdict is Verdict.UNKNOWN:
        assert row(found, sli).standing.value is None


async def test_a_burn_that_lasts_is_a_breach_of_the_burn_rules(servers: Servers):
    found, _ = await look(servers.settings(requests="failing_requests_total"))
    spending = row(found, Sli.AVAILABILITY, "region-1").spending
    assert spending.burns[HOUR].rate == pytest.approx(30, rel=0.2)
    assert spending.lasts == "spent" and spending.left < 0
    proven("SLO: burn rate", "three of a hundred requests fail in region 1", spending.judgement, on=ON)
    assert row(found, Sli.AVAILABILITY, "region-2").spending.judgement.verdict is Verdict.OK


async def test_a_window_that_reaches_back_before_the_first_sample_is_not_known(servers: Servers):
    found, _ = await look(servers.settings(requests="young_requests_total"))
    spending = row(found, Sli.AVAILABILITY).spending
    assert (spending.left, spending.why) == (None, "Region 1: Prometheus has no samples from 30 d ago")
    assert spending.burns[3 * DAY].rate is None and spending.burns[DAY].rate is not None


async def test_samples_grow_old_by_themselves(servers: Servers):
    _, store = await look(servers.settings())
    late = board.judge(store.current, servers.settings(), datetime.now(UTC) + timedelta(minutes=10)).slo
    assert {r.verdict for r in (*late.rows, *late.parts)} == {Verdict.UNKNOWN}
    early = board.judge(store.current, servers.settings(), datetime.now(UTC) - timedelta(minutes=10)).slo
    assert "a clock is wrong" in row(early, Sli.LATENCY).standing.judgement.sentence


async def test_a_prometheus_that_is_gone_or_frozen_is_unknown_together(servers: Servers):
    settings = servers.settings()
    settings = settings.model_copy(update={"cadence": settings.cadence.model_copy(update={"timeout_s": 1.0})})
    process = servers.servers["region-1"].process
    process.freeze()
    try:
        found, store = await look(settings)
    finally:
        process.thaw()
    assert set(store.current.slo) == {"region-2"}
    judgement = row(found, Sli.AVAILABILITY).standing.judgement
    proven("SLO: availability", "region 1's Prometheus is frozen", judgement, on=ON)
    assert judgement.sentence == "Not known, Region 1: Region 1's Prometheus did not answer within 1 s"
    assert row(found, Sli.AVAILABILITY, "region-2").standing.judgement.verdict is Verdict.OK


async def test_the_window_of_raw_samples_is_small_enough_for_every_minute(servers: Servers):
    settings = servers.settings()
    where = settings.regions[0]
    api = connect(where.prometheus, region=where.display, network=settings.network)
    began = time.monotonic()
    window: Window = await api.window([REQUESTS, DURATION], seconds=930)
    await api.aclose()
    assert len(window.series) == 6 + len(BOUNDS) and time.monotonic() - began < 1
