"""The lab's Harbors: bodies as the API documents them, refusals, and the board's row under each bad case."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.lab.faults import Fault
from openova_console.lab.services.harbor import USER
from openova_console.lab.world import World
from openova_console.watch.collectors.harbor import HarborCollector
from tests.lab.lab_time import LabTime
from tests.lab.running import R1, R2, START, Running
from tests.support.bad_cases import proven

API = "/api/v2.0"
RUNS = f"{API}/replication/executions"
# Fields of Harbor's swagger (v2.15), by definition, with the type of each.
DOCUMENTED = {
    "health": {"status": str, "components": list},
    "registries": {"id": int, "name": str, "url": str, "type": str, "status": str, "creation_time": str, "update_time": str},
    "replication/policies": {
        "id": int,
        "name": str,
        "src_registry": dict,
        "dest_registry": dict,
        "trigger": dict,
        "filters": list,
        "replicate_deletion": bool,
        "override": bool,
        "enabled": bool,
        "speed": int,
        "copy_by_chunk": bool,
        "creation_time": str,
        "update_time": str,
    },
    "replication/executions": {
        "id": int,
        "policy_id": int,
        "status": str,
        "status_text": str,
        "trigger": str,
        "start_time": str,
        "end_time": str,
        "total": int,
        "failed": int,
        "succeed": int,
        "in_progress": int,
        "stopped": int,
    },
}


@pytest_asyncio.fixture
async def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LabTime]:
    async with LabTime(tmp_path / "lab", monkeypatch, Service.HARBOR, HarborCollector) as one:
        yield one


async def ask(here: Running, path: str, *, region: str = R1, password: str | None = None, **params: str) -> httpx.Response:
    password = here.lab.folder.secret(f"{region}-harbor.password") if password is None else password
    auth = (USER, password) if password else None
    async with httpx.AsyncClient(base_url=here.url(f"{region}/harbor"), auth=auth, trust_env=False) as client:
        return await client.get(path, params=params)


@pytest.mark.parametrize("what", DOCUMENTED)
async def test_bodies_have_the_documented_fields(here: Running, what: str):
    body = (await ask(here, f"{API}/{what}")).json()
    for row in body if isinstance(body, list) else [body]:
        assert {name: type(value) for name, value in row.items()} == {n: DOCUMENTED[what][n] for n in row}


async def test_pages_and_filters(here: Running):
    first = await ask(here, RUNS, policy_id="1", sort="-start_time", page_size="5")
    assert len(first.json()) == 5 and int(first.headers["X-Total-Count"]) == 60
    second = await ask(here, RUNS, policy_id="1", sort="-start_time", page_size="5", page="2")
    stamps = [row["start_time"] for row in first.json() + second.json()]
    assert stamps == sorted(stamps, reverse=True)
    assert (await ask(here, RUNS, policy_id="1", status="Failed")).json() == []
    assert (await ask(here, RUNS, policy_id="7")).json() == []
    for bad in ({"page_size": "101"}, {"page": "0"}, {"page": "x"}):
        refused = await ask(here, RUNS, **bad)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "UNPROCESSABLE_ENTITY")


async def test_only_health_is_told_to_anybody(here: Running):
    assert (await ask(here, f"{API}/health", password="")).status_code == 200
    for password in ("", "wrong", here.lab.folder.secret(f"{R2}-harbor.password")):
        refused = await ask(here, RUNS, password=password)
        assert refused.status_code == 401
        assert refused.json() == {"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized"}]}
    missing = await ask(here, f"{API}/nowhere")
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "NOT_FOUND")


async def test_region_2_has_no_policy_of_its_own(here: Running):
    assert (await ask(here, f"{API}/replication/policies", region=R2)).json() == []


def test_a_run_never_changes_once_it_has_ended():
    world, t0 = World(7), START.timestamp()
    known: dict[int, tuple[str, float]] = {}
    for second in range(0, 3000, 7):
        t = t0 + second
        if second == 700:
            world.change(t, link_up=False)
        if second == 1400:
            world.change(t, link_up=True)
        for run in world.harbor.runs(world.timeline, t):
            if run.ended is not None:
                assert known.setdefault(run.id, (run.status, run.ended)) == (run.status, run.ended)
    assert {"Failed", "Succeed"} == {status for status, _ in known.values()}


async def test_in_step(look: LabTime):
    found = await look.look(5)
    assert (found.judgement.verdict, found.lag_s, found.transport_up) == (Verdict.OK, 0.0, True)
    assert found.judgement.sentence.startswith("Every push was copied; the last one ")


@pytest.mark.parametrize(
    ("trouble", "case", "verdict"),
    [
        ("harbor_run_failed", "the newest run failed", Verdict.WARN),
        ("harbor_run_stuck", "a run never ends", Verdict.BREACH),
        ("harbor_never_ran", "the policy has never run", Verdict.UNKNOWN),
        ("harbor_policy_off", "the policy is switched off", Verdict.BREACH),
        ("harbor_registry_unhealthy", "the other registry is unhealthy", Verdict.BREACH),
        ("harbor_unhealthy", "region 2's Harbor is unhealthy", Verdict.BREACH),
    ],
)
async def test_each_trouble_is_seen_and_forgotten(look: LabTime, trouble: str, case: str, verdict: Verdict):
    await look.look(5)
    await look.here.lab.set_trouble(trouble, True)
    found = await look.look(5)
    proven("Harbor", case, found.judgement, on="lab")
    assert found.judgement.verdict is verdict
    await look.here.lab.set_trouble(trouble, False)
    assert (await look.look(5)).judgement.verdict is Verdict.OK


async def test_a_push_during_a_cut_is_missed_until_a_full_run(look: LabTime):
    await look.here.lab.switch("partition")
    for endpoint in (f"{R1}/harbor", f"{R2}/harbor"):
        await look.here.lab.set_fault(endpoint, Fault())
    found = await look.look(10)
    proven("Harbor", "the link is cut: the registry is not reached", found.judgement, on="lab")
    assert (found.judgement.verdict, found.transport_up) == (Verdict.BREACH, False)
    await look.here.lab.advance(900)
    await look.here.lab.switch("healthy")
    found = await look.look(10)
    assert found.judgement.verdict in (Verdict.WARN, Verdict.BREACH) and "no full run has made up" in found.judgement.sentence
    assert (await look.look(30)).judgement.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("endpoint", "fault", "case"),
    [
        (f"{R1}/harbor", "refuse", "region 1's Harbor is gone"),
        (f"{R2}/harbor", "freeze", "region 2's Harbor does not answer"),
        (f"{R1}/harbor", "garbage:wrong_type", "values of another type"),
        (f"{R1}/harbor", "garbage:html", "a sign-in page instead of data"),
    ],
)
async def test_an_end_that_cannot_be_read(look: LabTime, endpoint: str, fault: str, case: str):
    await look.look(5)
    await look.here.lab.set_fault(endpoint, Fault.parse(fault))
    found = await look.look(30, every_s=30)
    proven("Harbor", case, found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.UNKNOWN and look.faults


async def test_no_power(look: LabTime):
    await look.look(5)
    await look.here.lab.switch("r1_down")
    found = await look.look(30, every_s=10)
    proven("Harbor", "region 1 has no power", found.judgement, on="lab")
    assert found.judgement.verdict is Verdict.UNKNOWN
