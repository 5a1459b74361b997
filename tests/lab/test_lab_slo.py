"""The objectives in the lab: read over the wire with the console's own collectors, judged with its own board."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.counters import increase
from openova_console.handbook.slo import Sli
from openova_console.handbook.words import Judgement, Verdict
from openova_console.lab.troubles import TROUBLES
from openova_console.settings import Settings
from openova_console.systems import prometheus
from openova_console.systems.errors import Fault
from openova_console.systems.prometheus_query import Grouped, growth
from openova_console.watch import board
from openova_console.watch.board.slo import SloBoard, SloRow
from openova_console.watch.collectors.slo import SloCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running
from tests.support.bad_cases import proven


@dataclass
class Eyes:
    """The console's way to look at the lab's objectives, at the lab's time."""

    here: Running
    settings: Settings
    store: SnapshotStore
    collectors: list[SloCollector]

    async def look(self) -> SloBoard:
        for collector in self.collectors:
            try:
                await collector.read()
            except Fault:
                continue
        return self.judged()

    def judged(self) -> SloBoard:
        return board.judge(self.store.current, self.settings, self.here.lab.clock.now()).slo


def row(found: SloBoard, sli: Sli, region: str = "") -> SloRow:
    rows = found.parts if region else found.rows
    return next(r for r in rows if r.goal.sli is sli and (r.region.id if r.region else "") == region)


@pytest_asyncio.fixture
async def eyes(here: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Eyes]:
    monkeypatch.setattr("openova_console.watch.collectors.slo.utc_now", here.lab.clock.now)
    loaded = console_settings.load(here.path / "console.yaml")
    # A region that hangs is given up on at once: this is about what is then said, not about how long it takes.
    settings = loaded.model_copy(
        update={
            "cadence": loaded.cadence.model_copy(update={"timeout_s": 1.0}),
            "slo": loaded.slo.model_copy(update={"long_every_s": 1.0}),
        }
    )
    store = SnapshotStore()
    found = Eyes(here, settings, store, [SloCollector(region, settings, store) for region in settings.regions])
    yield found
    for collector in found.collectors:
        await collector.close()


async def test_healthy_is_ok_for_each_region_and_together(eyes: Eyes) -> None:
    found = await eyes.look()
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, "All three objectives are met")
    assert found.alarms == ()
    assert [r.verdict for r in (*found.rows, *found.parts)] == [Verdict.OK] * 9
    whole = row(found, Sli.AVAILABILITY)
    assert whole.standing.value == pytest.approx(0.9996, abs=1e-4)
    assert whole.spending.left == pytest.approx(0.6, abs=0.01)
    each = [row(found, Sli.AVAILABILITY, region).standing.requests for region in (R1, R2)]
    assert each[0] > each[1] > 0
    assert set(found.traces) <= set(eyes.store.current.traces)


async def test_the_burn_is_seen_by_both_rules_each_in_its_time(eyes: Eyes) -> None:
    await eyes.here.go("error_budget_burn", 90)
    found = await eyes.look()
    assert row(found, Sli.AVAILABILITY).standing.judgement.verdict is Verdict.WARN
    await eyes.here.lab.advance(600)
    found = await eyes.look()
    for sli in (Sli.AVAILABILITY, Sli.ERROR_RATE):
        proven(f"SLO: {sli.value}", "three of a hundred requests fail", row(found, sli).standing.judgement, on="lab")
        assert row(found, sli).standing.judgement.verdict is Verdict.BREACH
    assert [a.title for a in found.alarms] == ["Availability"], "one alarm speaks for both, and for both regions"
    assert row(found, Sli.AVAILABILITY).spending.burns[300].rate == pytest.approx(30, rel=0.02)
    await eyes.here.lab.advance(1800)
    found = await eyes.look()
    judgement = row(found, Sli.AVAILABILITY).spending.judgement
    proven("SLO: burn rate", "three of a hundred requests fail for 40 minutes", judgement, on="lab")
    assert judgement.verdict is Verdict.BREACH and judgement.sentence.startswith("Burns 2")
    assert row(found, Sli.LATENCY).verdict is Verdict.OK
    assert 0 < (row(found, Sli.AVAILABILITY).spending.lasts_s or 0) < 86400


async def test_a_region_that_vanished_makes_the_whole_unknown(eyes: Eyes) -> None:
    await eyes.look()
    await eyes.here.go("r1_down", 200)
    found = await eyes.look()
    for sli in Sli:
        whole, gone = row(found, sli), row(found, sli, R1)
        assert whole.standing.judgement.verdict is gone.standing.judgement.verdict is Verdict.UNKNOWN
        assert whole.standing.value is None and "Region 1" in whole.standing.judgement.sentence
        assert row(found, sli, R2).standing.judgement.verdict is Verdict.OK
        proven(f"SLO: {sli.value}", "region 1 is down", whole.standing.judgement, on="lab")
    assert [(a.title, a.verdict) for a in found.alarms] == [("SLOs", Verdict.UNKNOWN)]


CASES: dict[str, tuple[Sli, Verdict, str]] = {
    "slo_no_traffic": (Sli.AVAILABILITY, Verdict.UNKNOWN, "No requests in the last 5 min"),
    "slo_latency_high": (Sli.LATENCY, Verdict.BREACH, "95 of 100 requests took less than 1.9 s"),
    "slo_series_gone": (Sli.ERROR_RATE, Verdict.UNKNOWN, "Not known, Region 1: the last sample is"),
}


@pytest.mark.parametrize("trouble", CASES)
async def test_each_trouble_has_its_verdict(eyes: Eyes, trouble: str) -> None:
    sli, verdict, words = CASES[trouble]
    await eyes.here.lab.set_trouble(trouble, True)
    await eyes.here.lab.advance(700)
    judgement: Judgement = row(await eyes.look(), sli).standing.judgement
    proven(f"SLO: {sli.value}", TROUBLES[trouble].sentence.rstrip("."), judgement, on="lab")
    assert judgement.verdict is verdict and judgement.sentence.startswith(words)


async def test_counters_that_begin_anew_change_nothing(eyes: Eyes) -> None:
    before = row(await eyes.look(), Sli.AVAILABILITY)
    await eyes.here.lab.set_trouble("slo_counter_reset", True)
    await eyes.here.lab.advance(60)
    found = await eyes.look()
    after = row(found, Sli.AVAILABILITY)
    assert found.judgement.verdict is Verdict.OK
    assert after.standing.requests == pytest.approx(before.standing.requests, rel=0.1)
    assert after.spending.left == pytest.approx(before.spending.left, abs=1e-3)


async def test_partial_answers_are_unknown(eyes: Eyes) -> None:
    await eyes.look()
    current = eyes.store.current.slo[R2]
    partial = replace(current.outcomes, steps=replace(current.outcomes.steps, completeness="partial", error="not whole"))
    eyes.store.put("slo", R2, replace(current, outcomes=partial))
    assert row(eyes.judged(), Sli.AVAILABILITY).standing.judgement.sentence == "Not known, Region 2: not whole"


SELECTORS: dict[str, Callable[[Running], str]] = {
    "calm": lambda here: "",
    "after a restart": lambda here: "slo_counter_reset",
    "after silence": lambda here: "slo_no_traffic",
}


@pytest.mark.parametrize("case", SELECTORS)
async def test_the_labs_own_increase_is_that_of_its_samples(eyes: Eyes, case: str) -> None:
    """What is computed from a stretch's ends equals what PromQL makes of every sample."""
    trouble = SELECTORS[case](eyes.here)
    if trouble:
        await eyes.here.lab.set_trouble(trouble, True)
        await eyes.here.lab.advance(333)
    region = eyes.settings.regions[0]
    api = prometheus.connect(region.prometheus, region=region.display, network=eyes.settings.network)
    counters = (
        Grouped("outcomes", "http_requests_total", "status", {}),
        Grouped("took", "http_request_duration_seconds_bucket", "le", {}),
    )
    raw = await api.window([c.metric for c in counters], seconds=600)
    grown = await growth(api, counters, (600,))
    await api.aclose()
    now = eyes.here.lab.clock.unix()
    for counter in counters:
        expected = {
            s.labels[counter.by]: increase([(p.at.timestamp(), p.value) for p in s.points], now - 600, now)
            for s in raw.named(counter.metric)
        }
        assert dict(grown.found[counter.name, 600].by) == pytest.approx(expected, rel=1e-9)
        assert grown.found[counter.name, 600].covered


@pytest.mark.parametrize(
    "query",
    [
        "sum by (status) (increase(http_requests_total[5m]))",
        'label_replace(sum by (status) (rate(up[60s])), "a", "b", "", "")',
        'label_replace(sum by (status) (increase(up)), "a", "b", "", "")',
        'label_replace(count(up[60s] offset 60s), "a", "b", "", "")',
        'label_replace(count(up offset 60s), "a", "b", "", "") or up',
        "up or up",
    ],
)
async def test_no_other_expression_is_answered(here: Running, query: str) -> None:
    async with here.http(f"{R2}/prometheus") as client:
        answer = await client.post("/api/v1/query", data={"query": query})
    assert answer.status_code == 422 and "the lab answers one selector" in answer.json()["error"]


async def test_of_equal_labels_the_left_one_counts(here: Running) -> None:
    part = 'label_replace(count(up offset {}s), "a", "b", "", "")'
    (found,) = await here.query(R2, " or ".join(part.format(n) for n in (60, 30)))
    assert found["metric"] == {"a": "b"}
