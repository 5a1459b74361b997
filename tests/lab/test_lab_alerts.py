"""The lab's Alertmanagers: bodies and refusals as captured from 0.25, alerts that follow what is wrong, bad cases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.alerts import AlertEvidence, Severity
from openova_console.handbook.words import Verdict
from openova_console.lab.alerts import FLOOD, fingerprint
from openova_console.lab.clock import Clock
from openova_console.systems.errors import Fault
from openova_console.watch.board.alerts import AlertsBoard, alerts_board
from openova_console.watch.collectors.alerts import AlertCollector
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running, running
from tests.support.bad_cases import proven

PEER = "/peer-1/api/v2"
CAPTURED = {
    "annotations": dict,
    "endsAt": str,
    "fingerprint": str,
    "receivers": list,
    "startsAt": str,
    "status": dict,
    "updatedAt": str,
    "generatorURL": str,
    "labels": dict,
}
"""Keys of an alert of 0.25 in its order, with their types."""


@pytest_asyncio.fixture
async def now(tmp_path: Path) -> AsyncIterator[Running]:
    """A lab whose clock, moved by hand, begins now: what it says has the console's time."""
    one = await running(tmp_path / "lab", clock=Clock(utc_now() - timedelta(seconds=200)))
    yield one
    await one.lab.stop()


def client(here: Running, region: str = R1):
    return here.http(f"{region}/alertmanager", token=here.lab.folder.secret(f"{region}-alertmanager.token"))


async def look(here: Running) -> tuple[AlertsBoard, SnapshotStore]:
    """What the console says at the lab's time, read with the settings that the lab writes for it."""
    settings = console_settings.load(here.path / "console.yaml")
    store = SnapshotStore()
    for region in settings.regions:
        collector = AlertCollector(region, settings, store)
        try:
            await collector.read()
        except Fault:
            assert store.current.alerts[region.id].observed_at is None
        finally:
            await collector.close()
    # Answers are dated by the console's clock, alerts by the lab's.
    await here.lab.advance(max(0.0, (utc_now() - here.lab.clock.now()).total_seconds()))
    return alerts_board(store.current, settings, (), utc_now()), store


async def test_an_alert_has_the_captured_shape_and_prometheus_own_fingerprint(here: Running) -> None:
    await here.go("error_budget_burn", 30)
    async with client(here) as http:
        rows = (await http.get(f"{PEER}/alerts")).json()
    for row in rows:
        assert {key: type(value) for key, value in row.items()} == CAPTURED and list(row) == list(CAPTURED)
        assert set(row["status"]) == {"inhibitedBy", "silencedBy", "state"}
        assert fingerprint(tuple(sorted(row["labels"].items()))) == row["fingerprint"]
    assert [row["fingerprint"] for row in rows] == sorted(row["fingerprint"] for row in rows)


def test_the_fingerprint_is_the_one_that_a_real_alertmanager_gave() -> None:
    real = {"alertname": "HighMemoryUsage", "namespace": "demo", "pod": "api-0", "severity": "critical"}
    assert fingerprint(tuple(sorted(real.items()))) == "00b40919e7479150"
    assert fingerprint((("alertname", "Watchdog"), ("severity", "none"))) == "448881ef475b9b26"


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (f"{PEER}/nope", 404, '{"code":404,"message":"path /api/v2/nope was not found"}'),
        (f"{PEER}/alerts?filter=a%7B", 400, '"bad matcher format: a{"'),
        (
            f"{PEER}/alerts?receiver=%5B",
            400,
            '"failed to parse receiver param: error parsing regexp: missing closing ]: `[)$`"',
        ),
        ("/nope", 404, "404 page not found"),
    ],
)
async def test_refusals_are_in_alertmanagers_words(here: Running, path: str, status: int, body: str) -> None:
    async with client(here) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.text.strip()) == (status, body)


async def test_reading_only_and_with_the_token_only(here: Running) -> None:
    async with client(here) as http:
        refused = await http.delete(f"{PEER}/alerts")
    assert (refused.status_code, refused.json()["code"]) == (405, 405)
    async with here.http(f"{R1}/alertmanager", token="wrong") as http:
        assert (await http.get(f"{PEER}/alerts")).status_code == 401


async def test_filters_and_groups(here: Running) -> None:
    await here.go("alert_storm", 60)
    async with client(here) as http:
        rows = (await http.get(f"{PEER}/alerts", params={"inhibited": "false", "filter": 'alertname=~"High.*"'})).json()
        quiet = (await http.get(f"{PEER}/alerts", params={"active": "perhaps", "receiver": "gitea-.*"})).json()
        groups = (await http.get(f"{PEER}/alerts/groups")).json()
    assert {row["labels"]["alertname"] for row in rows} == {"HighErrorRate"}
    assert {row["status"]["state"] for row in quiet} == {"suppressed"}
    assert groups[0]["labels"] == {"alertname": "Watchdog"} and groups[0]["receiver"] == {"name": "watchdog"}
    assert all(set(group["labels"]) <= {"alertname", "namespace"} for group in groups)


@pytest.mark.parametrize(
    ("scenario", "region", "names"),
    [
        ("healthy", R1, set()),
        ("r1_down", R2, {"ServiceDown", "GslbEndpointDown"}),
        ("partition", R2, {"ServiceDown"}),
        ("both_active", R2, {"FailoverBothRegionsActive"}),
        ("lag_breach", R2, {"CNPGClusterHighReplicationLag", "ValkeyReplicationLag"}),
        ("wal_receiver_dead", R1, {"CNPGClusterHACritical"}),
        ("canary_failing", R1, {"HighErrorRate"}),
        ("error_budget_burn", R1, {"HighErrorRate", "ErrorBudgetBurn"}),
        ("budget_over", R1, {"BudgetExceeded"}),
        ("rotation_overdue", R1, {"CertificateExpiringSoon"}),
        ("dsr_backlog", R1, {"KubeJobFailed"}),
        ("alert_storm", R1, {"HighErrorRate", "PodCrashLoopBackOff"}),
    ],
)
async def test_alerts_follow_what_is_wrong(here: Running, scenario: str, region: str, names: set[str]) -> None:
    await here.go(scenario, 45)
    async with client(here, region) as http:
        rows = (await http.get(f"{PEER}/alerts")).json()
    firing = {row["labels"]["alertname"] for row in rows if row["status"]["state"] == "active"}
    assert firing == names | {"Watchdog"}
    if scenario == "alert_storm":
        assert len(rows) > 200
    await here.go("healthy", 30)
    async with client(here, region) as http:
        rows = (await http.get(f"{PEER}/alerts")).json()
    assert {r["labels"]["alertname"] for r in rows if r["status"]["state"] == "active"} == {"Watchdog"}


async def test_an_alert_keeps_its_start_while_other_things_change(here: Running) -> None:
    await here.go("lag_breach", 30)

    async def start() -> str:
        async with client(here, R2) as http:
            rows = (await http.get(f"{PEER}/alerts", params={"filter": "alertname=ValkeyReplicationLag"})).json()
        return str(rows[0]["startsAt"])

    before = await start()
    await here.lab.set_trouble("watchdog_missing", True)
    await here.lab.advance(30)
    assert await start() == before


async def test_a_healthy_platform_is_green(now: Running) -> None:
    board, store = await look(now)
    assert board.judgement.verdict is Verdict.OK, board.judgement.sentence
    assert not board.alarms
    assert store.current.alerts[R2].suppressed == {Severity.WARNING: 1}
    assert [p.cluster for p in store.current.alerts[R1].peers] == [2, 2]


async def bad(here: Running, trouble: str) -> tuple[AlertsBoard, AlertEvidence]:
    await here.lab.set_trouble(trouble, True)
    await here.lab.advance(10)
    board, store = await look(here)
    return board, store.current.alerts[R1]


async def test_without_its_watchdog_alerting_is_silent(now: Running) -> None:
    board, _ = await bad(now, "watchdog_missing")
    assert board.judgement.verdict is Verdict.BREACH
    assert board.alarms[0].title == "Region 1's alerting is silent"
    proven("Alerts", "the Watchdog does not fire", board.judgement, on="lab")


async def test_a_peer_that_is_down_leaves_the_rest_in_doubt(now: Running) -> None:
    board, said = await bad(now, "alertmanager_peer_down")
    assert board.judgement.verdict is Verdict.UNKNOWN
    assert [bool(peer.error) for peer in said.peers] == [False, True]
    proven("Alerts", "one of two Alertmanagers is gone", board.judgement, on="lab")


async def test_ten_thousand_alerts_are_read_counted_and_grouped(now: Running) -> None:
    board, said = await bad(now, "alert_flood")
    assert len(said.alerts) == FLOOD
    assert said.firing == {Severity.CRITICAL: 1000, Severity.WARNING: 6000, Severity.INFO: 2000, Severity.NONE: 1000}
    assert len(board.newest) == 6 and board.groups == 200
    proven("Alerts", "ten thousand alerts fire", board.judgement, on="lab")


async def test_a_region_that_is_down_is_never_without_alerts(now: Running) -> None:
    await now.go("r1_down", 20)
    board, _ = await look(now)
    row = board.rows[0]
    assert row.said.judgement.verdict is Verdict.UNKNOWN
    assert "no alert" not in row.said.judgement.sentence
    assert {alarm.title for alarm in board.alarms} == {"Alerts of Region 1", "1 critical alert in Region 2"}
    proven("Alerts", "a region is down", row.said.judgement, on="lab")


async def test_a_storm_is_told_in_one_line(now: Running) -> None:
    await now.go("alert_storm", 20)
    board, _ = await look(now)
    assert board.judgement.verdict is Verdict.BREACH
    assert len(board.alarms) == 1 and "critical alerts in Region 1" in board.alarms[0].title
    proven("Alerts", "a release sets off hundreds of alerts", board.judgement, on="lab")
