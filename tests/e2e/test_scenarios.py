"""Each scenario changes the overview as it should, seen in a browser that stays open; and heals."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.running import RunningConsole, RunningLab

Visit = Callable[..., Page]
SEEN_WITHIN_MS = 30_000

EXPECTED = {
    "r1_down": [("Region 1 is down", "agree that Region 1 is unreachable")],
    "partition": [("Region 1 is cut off from here, but witnesses reach it", "Region 1 does not answer")],
    "r2_isolated": [("Region 2 may be cut off", "No witness answers"), ("Region 1 does not answer", "")],
    "both_active": [("Both regions are active", "Both regions accept writes")],
    "lag_breach": [("CNPG (Postgres) replication", "Behind by")],
    "wal_receiver_dead": [("CNPG (Postgres) replication", "WAL receiver")],
    "witness_lies": [("Witnesses of Region 1", "No quorum about Region 1")],
    "slow_api": [("does not answer", "")],
}


CALM = "Both regions are healthy"


def test_each_scenario_changes_the_overview_and_healing_calms_it(visit: Visit, healthy: None, running_lab: RunningLab) -> None:
    page = visit("/")
    strip = page.locator(".strip:not(.lost)")
    expect(strip).to_contain_text(CALM, timeout=60_000)
    for scenario, lines in EXPECTED.items():
        running_lab.scenario(scenario)
        for title, sentence in lines:
            expect(strip, scenario).to_contain_text(title, timeout=SEEN_WITHIN_MS)
            expect(strip, scenario).to_contain_text(sentence, timeout=SEEN_WITHIN_MS)
        if scenario != "r1_down":
            expect(strip, scenario).not_to_contain_text("Region 1 is down", timeout=SEEN_WITHIN_MS)
        if scenario == "wal_receiver_dead":
            row = page.locator("tr", has_text="CNPG (Postgres)")
            expect(row.locator(".state")).to_have_text(re.compile("Breach|Unknown"))
    running_lab.scenario("healthy")
    expect(strip).to_contain_text(CALM, timeout=90_000)


def test_garbage_makes_that_reading_unknown_and_nothing_else(visit: Visit, healthy: None, running_lab: RunningLab) -> None:
    page = visit("/")
    running_lab.fault("region-2/prometheus", "garbage:html")
    row = page.locator("tr", has_text="CNPG (Postgres)")
    expect(row.locator(".state")).to_have_text("Unknown", timeout=SEEN_WITHIN_MS)
    expect(page.locator("tr", has_text="Valkey").locator(".state")).to_have_text("OK")
    page.goto(page.url + "sources")
    expect(page.locator("tr", has=page.get_by_text("postgres/region-2", exact=True)).locator(".why")).to_contain_text(
        "Region 2's Prometheus"
    )
    running_lab.fault("region-2/prometheus", "up")


def test_killing_the_lab_turns_every_tile_unknown_and_restarting_heals(
    visit: Visit, healthy: None, running_lab: RunningLab, running_console: RunningConsole
) -> None:
    page = visit("/")
    expect(page.locator(".strip:not(.lost)")).to_contain_text(CALM, timeout=60_000)
    running_lab.stop()
    for name in ("Region 1", "Region 2"):
        expect(page.get_by_role("region", name=name).locator(".headline .unknown")).to_be_visible(timeout=SEEN_WITHIN_MS)
    for title in ("CNPG (Postgres)", "Valkey"):
        expect(page.locator("tr", has_text=title).locator(".state")).to_have_text("Unknown", timeout=SEEN_WITHIN_MS)
    expect(page.locator(".state.ok")).to_have_count(0, timeout=SEEN_WITHIN_MS)
    running_lab.start()
    expect(page.locator(".strip:not(.lost)")).to_contain_text(CALM, timeout=60_000)
