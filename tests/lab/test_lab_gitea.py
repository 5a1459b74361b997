"""The lab's Giteas: answers as a real one gave them, and the board's row under each bad case."""

import json
from pathlib import Path

import httpx
import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.watch.collectors.gitea import GiteaCollector
from openova_console.watch.collectors.postgres import GiteaPostgresCollector
from tests.lab import looking
from tests.lab.looking import LEAD_S
from tests.lab.running import R1, R2, Running
from tests.support.bad_cases import proven

CAPTURED = json.loads((Path(__file__).parent / "samples" / "services" / "gitea-reads.json").read_text())
BASE = "/api/v1/repos/acme/platform"


@pytest.fixture
async def lab(tmp_path):
    started = await looking.started(tmp_path)
    yield started
    await started.lab.stop()


async def row(lab: Running) -> Assessment:
    return await looking.row(lab, Service.GITEA, GiteaPostgresCollector, GiteaCollector, rounds=2)


async def ask(lab: Running, path: str, *, region: str = R1, token: str | None = None) -> httpx.Response:
    token = lab.lab.folder.secret(f"{region}-gitea.token") if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=lab.url(f"{region}/gitea"), headers=headers, trust_env=False) as client:
        return await client.get(path)


def contained(mine, real, path: str = "") -> None:
    """Whatever the lab says, the real one says too, in the same type."""
    if isinstance(mine, dict) and isinstance(real, dict):
        for key, value in mine.items():
            assert key in real, f"{path}.{key} is not in the real answer"
            contained(value, real[key], f"{path}.{key}")
    elif isinstance(mine, list) and mine and isinstance(real, list) and real:
        contained(mine[0], real[0], f"{path}[0]")
    elif mine is not None and real is not None:
        assert type(mine) is type(real), path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("repository", BASE),
        ("branch", f"{BASE}/branches/main"),
        ("push mirrors", f"{BASE}/push_mirrors?limit=50"),
        ("no branch", f"{BASE}/branches/none"),
        ("no repository", "/api/v1/repos/acme/none"),
        ("no commit", f"{BASE}/git/commits/{'1' * 40}"),
    ],
)
async def test_answers_are_as_captured(lab, name, path):
    found, real = await ask(lab, path), CAPTURED[name]
    assert found.status_code == real["status"]
    assert found.headers["content-type"].replace(" ", "") == real["headers"]["content-type"]
    contained(found.json(), real["response"])
    if found.status_code != 200:
        assert found.json()["message"] == real["response"]["message"]


async def test_commits_are_counted_as_captured(lab):
    head = (await ask(lab, f"{BASE}/branches/main")).json()["commit"]["id"]
    commit = await ask(lab, f"{BASE}/git/commits/{head}")
    contained(commit.json(), CAPTURED["commit"]["response"])
    parent = commit.json()["parents"][0]["sha"]
    only = await ask(lab, f"{BASE}/commits?sha={head}&not={parent}&limit=50")
    contained(only.json(), CAPTURED["only mine"]["response"])
    assert only.headers["x-total-count"] == CAPTURED["only mine"]["headers"]["x-total-count"] == "1"
    turned = await ask(lab, f"{BASE}/commits?sha={parent}&not={head}&limit=50")
    assert (turned.json(), turned.headers["x-total-count"]) == ([], "0")
    unknown = await ask(lab, f"{BASE}/commits?sha={head}&not={'1' * 40}&limit=50")
    assert (unknown.status_code, unknown.json()["message"]) == (500, CAPTURED["not unknown"]["response"]["message"])


async def test_the_lab_refuses_what_gitea_refuses(lab):
    wrong = await ask(lab, BASE, token="wrong")
    assert (wrong.status_code, wrong.json()["message"]) == (401, CAPTURED["wrong token"]["response"]["message"])
    await lab.lab.set_trouble("gitea_not_admin", True)
    reader = await ask(lab, f"{BASE}/push_mirrors")
    assert (reader.status_code, reader.json()["message"]) == (403, CAPTURED["push mirrors as a reader"]["response"]["message"])


async def test_both_in_step_are_ok(lab):
    await lab.lab.advance(LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is Verdict.OK, found.judgement.sentence
    assert found.transport_up is True
    assert [hop.name for hop in found.hops] == [
        "acme/platform main",
        "acme/shop main",
        "Mirror Region 1 → Region 2",
        "Mirror Region 2 → Region 1",
        "Gitea's Postgres",
    ]


CASES = {
    "gitea_mirror_failing": ("a push mirror fails", Verdict.BREACH, "Region 2 lacks"),
    "gitea_heads_differ": ("heads differ although the mirror reports no error", Verdict.BREACH, "Region 2 lacks"),
    "gitea_diverged": ("both sides have commits of their own", Verdict.BREACH, "neither region knows the other's commit"),
    "gitea_not_admin": ("the console may not list mirrors", Verdict.UNKNOWN, "only to an administrator of acme/platform"),
}


@pytest.mark.parametrize("trouble", CASES)
async def test_bad_case(lab, trouble):
    case, verdict, words = CASES[trouble]
    await lab.lab.set_trouble(trouble, True)
    await lab.lab.advance(LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is verdict, found.judgement.sentence
    assert words in found.judgement.sentence
    proven("Gitea", case, found.judgement, on="lab")


async def test_a_failing_mirror_names_its_error(lab):
    await lab.lab.set_trouble("gitea_mirror_failing", True)
    await lab.lab.advance(LEAD_S)
    mirror = next(hop for hop in (await row(lab)).hops if hop.name == "Mirror Region 1 → Region 2")
    assert mirror.judgement.verdict is Verdict.BREACH
    assert "403" in mirror.judgement.sentence


async def test_gitea_s_own_postgres_without_its_receiver_is_not_ok(lab):
    await lab.go("partition", LEAD_S)
    found = await row(lab)
    database = next(hop for hop in found.hops if hop.name == "Gitea's Postgres")
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert database.judgement.verdict is Verdict.UNKNOWN
    assert found.lag_s is None


async def test_a_dead_primary_is_unknown(lab):
    await lab.go("r1_down", LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert (await ask(lab, BASE, region=R2)).status_code == 200
