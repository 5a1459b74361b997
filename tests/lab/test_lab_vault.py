"""The lab's vaults: answers as captured from a real one, and the board's row under each bad case."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from openova_console import settings as console_settings
from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.lab.clock import Clock
from openova_console.systems.errors import Fault
from openova_console.watch.board import judge
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.collectors.vault import VaultCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running, running
from tests.support.bad_cases import proven

CAPTURED = Path(__file__).parent / "samples" / "services" / "vault-kv2.txt"
LEAD_S = 900
"""The lab's clock starts this much before the machine's, so that a test can let time pass up to now."""


@pytest.fixture
async def lab(tmp_path):
    started = await running(tmp_path, clock=Clock(datetime.now(UTC) - timedelta(seconds=LEAD_S)))
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
    """The board's row after one read of everything that it rests on, over sockets."""
    settings = console_settings.load(lab.path / "console.yaml")
    store = SnapshotStore()
    kubernetes = [KubernetesCollector(r, settings, store) for r in settings.regions]
    vaults = [VaultCollector(r, settings, store) for r in settings.regions]
    try:
        for collector in kubernetes:
            await quietly(collector)
        await until_pushed(store)
        for collector in vaults:
            await quietly(collector)
        found = judge(store.current, settings, datetime.now(UTC))
    finally:
        for collector in (*kubernetes, *vaults):
            await collector.close()
    return next(r for r in found.replication if r.promise.service is Service.VAULT).assessment


async def quietly(collector) -> None:
    try:
        await collector.read()
    except Fault:
        return


async def until_pushed(store: SnapshotStore) -> None:
    """Until the PushSecrets of every region that answers were read."""
    arrived = asyncio.Event()

    def look() -> None:
        up = [name for name, facts in store.current.regions.items() if facts.evidence.api.value]
        if all((part := store.current.kube.get((name, "push_secrets"))) and part.value is not None for name in up):
            arrived.set()

    store.listen(look)
    look()
    await asyncio.wait_for(arrived.wait(), 10)


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
