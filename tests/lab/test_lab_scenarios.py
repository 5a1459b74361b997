"""Each scenario's effect on the wire, as the console would meet it from either region."""

import asyncio
from typing import Any

import dns.exception
import httpx
import pytest
import redis.exceptions

from openova_console.lab.names import WITNESSES
from openova_console.lab.scenarios import SCENARIOS
from tests.lab.running import R1, R2, Running

NAMES = [
    "healthy",
    "r1_down",
    "partition",
    "r2_isolated",
    "witness_degraded",
    "witness_lies",
    "both_active",
    "lag_breach",
    "wal_receiver_dead",
    "canary_failing",
    "error_budget_burn",
    "budget_over",
    "rotation_overdue",
    "dsr_backlog",
    "alert_storm",
    "slow_api",
]
PROBE = {region: f"q7.probe.{region}.lab.example" for region in (R1, R2)}
CONTROL = "control.lab.example"
POD = '{pod="postgres-1"}'
LAG = f"cnpg_pg_replication_lag{POD}"
RECEIVER = f"cnpg_pg_replication_is_wal_receiver_up{POD}"
FLUSH = f"cnpg_pg_stat_replication_flush_lag_seconds{POD}"
SLOT = f"cnpg_pg_replication_slots_pg_wal_lsn_diff{POD}"
RECOVERY = f"cnpg_pg_replication_in_recovery{POD}"


# A busy machine answers late, so what shall answer gets time; what shall be silent is not waited for that long.
PATIENT, BRIEF, MIXED = 8.0, 0.4, 1.5


async def reaches(here: Running, region: str, service: str, wait: float = PATIENT) -> str:
    """How one endpoint answers: "yes", "refused" or "silent"."""
    try:
        if service == "valkey":
            await asyncio.wait_for(here.info(region, wait=wait), wait)
        else:
            path = {"kubernetes": "/version", "prometheus": "/-/ready", "exporters": "/metrics"}[service]
            async with here.http(f"{region}/{service}", timeout=wait) as client:
                (await client.get(path)).raise_for_status()
    except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
        return "refused"
    except redis.exceptions.TimeoutError:
        return "silent"
    except redis.exceptions.ConnectionError:
        return "refused"
    except (httpx.TimeoutException, TimeoutError):
        return "silent"
    return "yes"


async def reachable(here: Running, region: str, wait: float = PATIENT) -> set[str]:
    """All the ways in which a region's endpoints answer."""
    services = ("kubernetes", "prometheus", "valkey", "exporters")
    return set(await asyncio.gather(*(reaches(here, region, service, wait) for service in services)))


async def outcome(here: Running, witness: str, name: str, wait: float) -> str:
    try:
        answer = await here.ask(witness, name, timeout=wait)
    except dns.exception.Timeout:
        return "silent"
    codes = "".join(f"+{int(option.code)}" for option in answer.extended_errors())
    return ("yes" if answer.answer else str(int(answer.rcode()))) + codes


async def votes(here: Running, name: str, wait: float = PATIENT) -> list[str]:
    return list(await asyncio.gather(*(outcome(here, witness, name, wait) for witness in WITNESSES)))


def documents(here: Running, region: str, kind: str) -> list[dict[str, Any]]:
    return here.lab.regions[region].store.list(kind)


def test_there_are_the_sixteen_and_each_says_what_it_does() -> None:
    assert list(SCENARIOS) == NAMES
    for scenario in SCENARIOS.values():
        assert scenario.sentence.endswith(".") and scenario.expect.endswith(".")
        for looks_from in (R1, R2):
            assert all(fault.kind != "up" for fault in scenario.faults(looks_from).values())


async def test_healthy(here: Running) -> None:
    assert await reachable(here, R1) == await reachable(here, R2) == {"yes"}
    for name in (*PROBE.values(), CONTROL):
        assert await votes(here, name) == ["yes"] * 3
    assert (await here.value(R2, RECEIVER), await here.value(R2, LAG)) == (1, 0)
    assert await here.value(R1, FLUSH) < 1
    assert await here.value(R2, "probe_success") == 1
    assert 0.017 < await here.value(R2, "probe_duration_seconds") < 0.04
    assert (await here.value(R1, "failover_controller_state"), await here.value(R2, "failover_controller_state")) == (
        1,
        0,
    )
    assert 20 <= await here.value(R1, "failover_lease_ttl_seconds") <= 30


async def test_r1_down(here: Running) -> None:
    await here.go("r1_down", 60)
    assert await reachable(here, R1, BRIEF) == {"silent", "refused"}
    assert await reachable(here, R2) == {"yes"}
    assert await votes(here, PROBE[R1], MIXED) == ["2+22", "2+22", "silent"]
    assert await votes(here, PROBE[R2]) == await votes(here, CONTROL) == ["yes"] * 3
    assert (await here.value(R2, RECEIVER), await here.value(R2, LAG)) == (0, 0)
    assert (await here.value(R2, "probe_success"), await here.value(R2, "failover_lease_ttl_seconds")) == (0, 0)
    replica = await here.info(R2)
    assert (replica["master_link_status"], replica["master_last_io_seconds_ago"]) == ("down", -1)
    assert replica["master_link_down_since_seconds"] == 60


async def test_the_lease_of_a_dead_holder_is_not_renewed_that_of_a_partitioned_one_is(here: Running) -> None:
    def renewed() -> str:
        lease = here.lab.regions[R2].store.get("leases.coordination.k8s.io", "failover-controller", "openova-active")
        return lease["spec"]["renewTime"]

    await here.go("partition", 40)
    assert renewed() == "2026-11-23T14:00:40.000000Z"
    assert await here.value(R2, "failover_lease_ttl_seconds") > 15
    await here.go("r1_down", 40)
    assert renewed() == "2026-11-23T14:00:40.000000Z"
    await here.go("healthy", 20)
    assert renewed() == "2026-11-23T14:01:40.000000Z"


async def test_r1_down_seen_from_within_reaches_nothing(from_region_1: Running) -> None:
    await from_region_1.go("r1_down", 10)
    assert "yes" not in await reachable(from_region_1, R1, BRIEF) | await reachable(from_region_1, R2, BRIEF)
    assert await votes(from_region_1, CONTROL, BRIEF) == ["silent"] * 3


async def cut(lab: Running, near: str, far: str) -> None:
    await lab.go("partition", 10)
    assert await reachable(lab, far, BRIEF) == {"silent"}
    assert await reachable(lab, near) == {"yes"}
    for name in (*PROBE.values(), CONTROL):
        assert await votes(lab, name) == ["yes"] * 3
    assert await lab.value(near, "probe_success") == 0


async def test_partition(here: Running) -> None:
    await cut(here, near=R2, far=R1)
    assert await here.value(R2, RECEIVER) == 0


async def test_partition_seen_from_region_1(from_region_1: Running) -> None:
    await cut(from_region_1, near=R1, far=R2)
    assert await from_region_1.value(R1, FLUSH) is None
    assert await from_region_1.value(R1, SLOT) > 1e6


async def test_a_partition_that_heals_leaves_no_gap_in_the_far_regions_history(here: Running) -> None:
    await here.go("partition", 100)
    await here.go("healthy", 20)
    (series,) = await here.query(R1, f"{RECOVERY}[200s]")
    assert len(series["values"]) == 40
    (slot,) = await here.query(R1, f"{SLOT}[119s]")
    assert max(float(v) for _, v in slot["values"]) > 2e7


async def test_an_outage_that_heals_leaves_a_gap(here: Running) -> None:
    await here.go("r1_down", 100)
    await here.go("healthy", 20)
    (series,) = await here.query(R1, f"{RECOVERY}[200s]")
    assert len(series["values"]) == 20
    assert (await here.value(R2, RECEIVER), await here.value(R2, "probe_success")) == (1, 1)


async def test_r2_isolated(here: Running) -> None:
    await here.go("r2_isolated", 10)
    assert await reachable(here, R1, BRIEF) == {"silent"}
    assert await reachable(here, R2) == {"yes"}
    for name in (*PROBE.values(), CONTROL):
        assert await votes(here, name, BRIEF) == ["silent"] * 3
    assert await here.value(R2, RECEIVER) == 0


async def test_r2_isolated_seen_from_region_1(from_region_1: Running) -> None:
    await from_region_1.go("r2_isolated", 10)
    assert await reachable(from_region_1, R2, BRIEF) == {"silent"}
    assert await votes(from_region_1, PROBE[R2], MIXED) == ["2+22", "2+22", "silent"]
    assert await votes(from_region_1, PROBE[R1]) == await votes(from_region_1, CONTROL) == ["yes"] * 3


async def test_witness_degraded(here: Running) -> None:
    await here.go("witness_degraded")
    assert await votes(here, CONTROL, MIXED) == ["2", "silent", "yes"]
    assert await votes(here, PROBE[R1], MIXED) == ["2+22", "silent", "yes"]
    assert await reachable(here, R1) == {"yes"}


async def test_witness_lies(here: Running) -> None:
    await here.go("witness_lies")
    assert await votes(here, PROBE[R1], MIXED) == ["yes+3", "yes", "silent"]
    assert await votes(here, CONTROL) == await votes(here, PROBE[R2]) == ["yes"] * 3
    assert "yes" not in await reachable(here, R1, BRIEF)


async def test_both_active_and_back(here: Running) -> None:
    await here.go("both_active", 15)
    for region in (R1, R2):
        assert await here.value(region, RECOVERY) == 0
        assert await here.value(region, "failover_controller_state") == 1
        assert (await here.info(region))["role"] == "master"
    assert here.lab.state()["postgres_primaries"] == [R1, R2]
    lease = here.lab.regions[R2].store.get("leases.coordination.k8s.io", "failover-controller", "openova-active")
    assert lease["spec"]["holderIdentity"] == R2
    await here.go("healthy", 15)
    assert await here.value(R2, RECOVERY) == 1
    assert here.lab.state()["postgres_primaries"] == [R1]


async def test_lag_breach_passes_thirty_seconds_while_the_links_stay_up(here: Running) -> None:
    await here.go("lag_breach", 4)
    assert 0 < await here.value(R1, FLUSH) <= 16
    await here.lab.advance(11)
    assert await here.value(R1, FLUSH) > 30
    assert await here.value(R1, f"cnpg_pg_stat_replication_flush_diff_bytes{POD}") > 1e6
    assert (await here.value(R2, RECEIVER), await here.value(R2, LAG) > 30) == (1, True)
    for seconds in (0, 600):
        await here.lab.advance(seconds)
        primary, replica = await here.info(R1), await here.info(R2)
        assert primary["slave0"]["state"] == "online" and 30 < primary["slave0"]["lag"] < 60
        assert replica["master_link_status"] == "up" and 30 < replica["master_last_io_seconds_ago"] < 60
        assert primary["master_repl_offset"] - replica["slave_repl_offset"] > 100_000


async def test_wal_receiver_dead_reads_zero_while_the_slot_grows(here: Running) -> None:
    await here.go("wal_receiver_dead", 10)
    early = await here.value(R1, SLOT)
    await here.lab.advance(200)
    assert (await here.value(R2, LAG), await here.value(R2, RECEIVER)) == (0, 0)
    assert await here.value(R1, FLUSH) is None
    assert await here.value(R1, SLOT) > early > 1e5
    assert await here.value(R2, "probe_success") == 1
    assert (await here.info(R2))["master_link_status"] == "up"


async def test_canary_failing(here: Running) -> None:
    await here.go("canary_failing", 20)
    failing = [c["status"]["failedChecks"] for c in documents(here, R1, "canaries.flagger.app")]
    assert max(failing) == 3
    await here.lab.advance(50)
    phases = [c["status"]["phase"] for c in documents(here, R1, "canaries.flagger.app")]
    assert "Failed" in phases
    await here.go("healthy")
    assert "Failed" not in [c["status"]["phase"] for c in documents(here, R1, "canaries.flagger.app")]


async def test_error_budget_burn(here: Running) -> None:
    async def share() -> float:
        good, bad = [
            (await here.query(R1, f'http_requests_total{{status="{status}"}}[60s]'))[0]["values"] for status in ("200", "500")
        ]
        grown = [float(values[-1][1]) - float(values[0][1]) for values in (good, bad)]
        return grown[1] / sum(grown)

    assert await share() < 0.001
    await here.go("error_budget_burn", 70)
    assert 0.02 < await share() < 0.04


async def test_budget_over_adds_nodes_and_healthy_takes_them_away(here: Running) -> None:
    before = {region: len(documents(here, region, "nodes")) for region in (R1, R2)}
    await here.go("budget_over", 5)
    assert {region: len(documents(here, region, "nodes")) for region in (R1, R2)} == {r: n + 4 for r, n in before.items()}
    await here.go("healthy")
    assert {region: len(documents(here, region, "nodes")) for region in (R1, R2)} == before


async def test_rotation_overdue(here: Running) -> None:
    await here.go("rotation_overdue", 3)
    ends = [c["status"]["notAfter"] for c in documents(here, R1, "certificates.cert-manager.io")]
    assert ends and set(ends) == {"2026-12-02T14:00:00Z"}
    rotations = [c for c in documents(here, R1, "cronjobs.batch") if c["metadata"]["name"].startswith("rotate-")]
    assert {c["status"]["lastSuccessfulTime"] for c in rotations} == {"2026-09-09T14:02:00Z"}


async def test_dsr_backlog(here: Running) -> None:
    await here.go("dsr_backlog", 3)
    (cronjob,) = [c for c in documents(here, R1, "cronjobs.batch") if c["metadata"]["name"] == "process-data-requests"]
    assert cronjob["status"]["lastSuccessfulTime"] == "2026-11-17T02:00:00Z"

    def endings() -> list[str]:
        jobs = [j for j in documents(here, R1, "jobs.batch") if j["metadata"]["name"].startswith("process-data-requests-")]
        return [jobs[-1]["status"]["conditions"][-1]["type"], str(len(jobs))]

    assert endings() == ["Failed", "1"]
    await here.go("healthy", 3)
    assert endings() == ["Complete", "1"]


async def test_alert_storm_in_region_1_only(here: Running) -> None:
    def broken(region: str) -> int:
        return sum("unavailableReplicas" in d["status"] for d in documents(here, region, "deployments.apps"))

    assert (broken(R1), broken(R2)) == (0, 0)
    await here.go("alert_storm", 3)
    assert broken(R1) > 0 == broken(R2)
    await here.go("healthy")
    assert broken(R1) == 0


async def test_slow_api(here: Running) -> None:
    await here.go("slow_api")
    assert await reaches(here, R1, "kubernetes", BRIEF) == await reaches(here, R2, "kubernetes", BRIEF) == "silent"
    assert await reaches(here, R1, "prometheus") == await reaches(here, R2, "valkey") == "yes"


@pytest.mark.parametrize("name", NAMES)
async def test_healthy_heals_everything(here: Running, name: str) -> None:
    await here.go(name, 30)
    await here.go("healthy", 60)
    assert await reachable(here, R1) == await reachable(here, R2) == {"yes"}
    assert await votes(here, PROBE[R1]) == ["yes"] * 3
    assert (await here.value(R2, RECEIVER), await here.value(R2, LAG)) == (1, 0)
    assert await here.value(R1, FLUSH) < 1
    assert (await here.info(R2))["master_link_status"] == "up"
    assert here.lab.state()["postgres_primaries"] == [R1]
