"""The lab's vaults: answers as captured from a real one, and the board's row under each bad case."""

import json
from pathlib import Path

import httpx
import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.watch.collectors.vault import VaultCollector
from tests.lab import looking
from tests.lab.looking import LEAD_S
from tests.lab.running import R1, R2, Running
from tests.support.bad_cases import proven

CAPTURED = Path(__file__).parent / "samples" / "services" / "vault-kv2.txt"


@pytest.fixture
async def lab(tmp_path):
    started = await looking.started(tmp_path)
    yield started
    await started.lab.stop()


def captured(heading: str) -> tuple[dict, int]:
    """One captured body and its status."""
    part = CAPTURED.read_text().split(f"## {heading}", 1)[1].split("##", 1)[0]
    lines = [line for line in part.splitlines()[1:] if line.strip()]
    return json.loads(lines[0]), int(lines[1])


def shaped(document):
    """Names in order and types, without the values."""
    if isinstance(document, dict):
        return {key: shaped(value) for key, value in document.items()}
    return type(document).__name__


async def ask(lab: Running, region: str, path: str, token: str | None = None) -> httpx.Response:
    token = lab.lab.folder.secret(f"{region}-vault.token") if token is None else token
    async with httpx.AsyncClient(base_url=lab.url(f"{region}/vault"), trust_env=False) as client:
        return await client.get(path, headers={"X-Vault-Token": token})


async def row(lab: Running) -> Assessment:
    return await looking.row(lab, Service.VAULT, VaultCollector)


async def test_health_and_metadata_are_as_captured(lab):
    health = await ask(lab, R1, "/v1/sys/health")
    body, status = captured("GET sys/health")
    assert (health.status_code, shaped(health.json()), list(health.json())) == (status, shaped(body), list(body))
    found = await ask(lab, R1, "/v1/secret/metadata/dns/api-token")
    body, status = captured("GET secret/metadata/db")
    assert (found.status_code, list(found.json())) == (status, list(body))
    assert list(found.json()["data"]) == list(body["data"])
    version = next(iter(found.json()["data"]["versions"].values()))
    assert shaped(version) == shaped(body["data"]["versions"]["1"])
    assert isinstance(found.json()["data"]["custom_metadata"], dict)


async def test_the_lab_refuses_what_a_vault_refuses(lab):
    wrong = await ask(lab, R1, "/v1/secret/metadata/dns/api-token", token="wrong")
    body, status = captured("wrong token")
    assert (wrong.status_code, wrong.json()) == (status, body)
    data = await ask(lab, R1, "/v1/secret/data/dns/api-token")
    assert data.status_code == 403
    assert data.json() == {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
    nowhere = await ask(lab, R1, "/v1/secret/metadata/none")
    body, status = captured("GET secret/data/none")
    assert (nowhere.status_code, nowhere.json()) == (status, body)


async def test_a_sealed_vault_is_as_captured(lab):
    await lab.lab.set_trouble("vault_sealed", True)
    part = CAPTURED.read_text().split("## PUT sys/seal", 1)[1]
    body = json.loads(part.split("## GET sys/health")[1].splitlines()[1])
    health = await ask(lab, R2, "/v1/sys/health")
    assert (health.status_code, shaped(health.json())) == (503, shaped(body))
    assert (await ask(lab, R2, "/v1/sys/health?sealedcode=200")).status_code == 200
    refused = await ask(lab, R2, "/v1/secret/metadata/dns/api-token")
    assert (refused.status_code, refused.json()) == (503, {"errors": ["Vault is sealed"]})


async def test_both_vaults_in_step_are_ok(lab):
    await lab.lab.advance(LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is Verdict.OK, found.judgement.sentence
    assert found.judgement.sentence == "All 6 secrets are the same in both vaults, by rotation id and fingerprint"
    assert (found.lag_s, found.transport_up) == (0.0, True)
    assert [hop.name for hop in found.hops] == [
        "Region 1's vault",
        "Region 2's vault",
        "Region 1 → vault-region-1",
        "Region 1 → vault-region-2",
        "Region 2 → vault-region-1",
        "Region 2 → vault-region-2",
        "Same in both vaults",
    ]


CASES = {
    "vault_sealed": ("the DR region's vault is sealed", Verdict.BREACH, "Region 2's vault is sealed"),
    "vault_standby_drifted": ("a rotation reached one vault only", Verdict.BREACH, "auth/jwt-signing-keys differs"),
    "vault_no_fingerprint": ("no fingerprint in one vault", Verdict.UNKNOWN, "Equality unproven"),
    "vault_forbidden": ("the console may not read metadata", Verdict.UNKNOWN, "its policy lacks read there"),
    "push_secret_errored": ("a PushSecret is Errored", Verdict.UNKNOWN, "databases/push-postgres-app is Errored"),
    "push_secret_unsynced": ("Ready, but one store is not synced", Verdict.BREACH, "has not reached vault-region-2"),
}


@pytest.mark.parametrize("trouble", CASES)
async def test_bad_case(lab, trouble):
    case, verdict, words = CASES[trouble]
    await lab.lab.set_trouble(trouble, True)
    await lab.lab.advance(LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is verdict, found.judgement.sentence
    assert words in found.judgement.sentence
    proven("Vault", case, found.judgement, on="lab")


async def test_a_drifted_secret_says_since_when(lab):
    await lab.lab.advance(300)
    await lab.lab.set_trouble("vault_standby_drifted", True)
    await lab.lab.advance(LEAD_S - 300)
    found = await row(lab)
    assert found.lag_s == pytest.approx(600, abs=15)


@pytest.mark.parametrize("scenario", ["r1_down", "partition"])
async def test_without_the_peer_nothing_is_ok(lab, scenario):
    await lab.go(scenario, LEAD_S)
    found = await row(lab)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence.startswith("Not known, Region 1's vault: ")
    waiting = next(hop for hop in found.hops if hop.name == "Region 2 → vault-region-1")
    assert "as expected" in waiting.judgement.sentence
    assert found.lag_s is None
