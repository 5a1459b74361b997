"""What the vault's collector puts into the snapshot: which secrets it asks for, and what it says of those that it could not."""

import asyncio
import json

import pytest

from openova_console.handbook.push_secrets import PushSecret
from openova_console.handbook.vault import VaultEvidence, VaultState
from openova_console.handbook.words import Verdict
from openova_console.settings import HttpEndpoint, ReplicationSettings
from openova_console.settings.vault import VaultSettings
from openova_console.systems.errors import Overloaded, Refused
from openova_console.watch.board import judge
from openova_console.watch.collectors.vault import VaultCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.support import factories
from tests.support import misbehaving as support

HEALTH = {"initialized": True, "sealed": False, "standby": False, "version": "1.14.1"}
VERSION = {"created_time": "2026-11-23T08:17:38Z", "deletion_time": "", "destroyed": False}


def secret(**custom: str) -> dict:
    return {"data": {"current_version": 1, "versions": {"1": VERSION}, "custom_metadata": custom}}


def pushes(*keys: str) -> tuple[PushSecret, ...]:
    return (PushSecret("ns", "push", ("a", "b"), False, keys, {}, True, "Synced", (), None, None, 3600),)


class FakeVault:
    """Answers by path; remembers what was asked."""

    def __init__(self, **answers: tuple[str, object]) -> None:
        self.answers, self.asked = answers, []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1].partition("?")[0]
        self.asked.append(path)
        status, body = self.answers.get(path.rpartition("/")[2], ("404 Not Found", {"errors": []}))
        writer.write(support.http_bytes(json.dumps(body).encode(), status))
        await writer.drain()


async def collected(fake: FakeVault, *keys: str, **options: int) -> tuple[VaultEvidence, SnapshotStore, Exception | None]:
    config = factories.settings(replication=ReplicationSettings(vault=VaultSettings(**options)))
    store, raised = SnapshotStore(), None
    store.put("kube", ("region-1", "push_secrets"), factories.reading(pushes(*keys)))
    async with support.tcp(fake) as port:
        region = config.regions[0].model_copy(update={"vault": HttpEndpoint(url=f"http://127.0.0.1:{port}")})
        collector = VaultCollector(region, config, store)
        try:
            await collector.read()
        except (Refused, Overloaded) as fault:
            raised = fault
        await collector.close()
    return store.current.vault["region-1"], store, raised


async def test_every_pushed_key_of_either_region_is_read():
    fake = FakeVault(health=("200 OK", HEALTH), one=("200 OK", secret(rotation_id="r", fingerprint="f")))
    found, store, raised = await collected(fake, "one", "two")
    assert raised is None and found.state.value is VaultState.ACTIVE
    assert found.secrets["one"].value.proves and found.secrets["two"].value.exists is False
    assert sorted(fake.asked) == ["/v1/secret/metadata/one", "/v1/secret/metadata/two", "/v1/sys/health"]
    assert set(store.current.traces) == {"vault/region-1", "vault-secrets/region-1"}
    assert "not shown" in store.current.traces["vault-secrets/region-1"].answer


async def test_a_sealed_vault_is_asked_for_nothing_more():
    fake = FakeVault(health=("503 Sealed", HEALTH | {"sealed": True, "standby": True}))
    found, _, _ = await collected(fake, "one")
    assert fake.asked == ["/v1/sys/health"]
    assert found.secrets["one"].error == "it is sealed"


async def test_a_refusal_is_kept_and_raised():
    fake = FakeVault(health=("200 OK", HEALTH), one=("403 Forbidden", {"errors": ["permission denied"]}))
    found, store, raised = await collected(fake, "one")
    assert isinstance(raised, Refused) and "its policy lacks read" in found.secrets["one"].error
    assert "vault-secrets/region-1" in store.current.traces


async def test_more_secrets_than_are_compared_are_named():
    fake = FakeVault(health=("200 OK", HEALTH))
    found, _, _ = await collected(fake, "a", "b", "c", max_secrets=2)
    assert found.secrets["c"].error == "only 2 secrets are compared"
    assert found.secrets["a"].value.exists is False


@pytest.mark.parametrize("one_only", [True, False])
def test_the_row_without_both_vaults_is_not_configured(one_only):
    config = factories.settings()
    if one_only:
        first = config.regions[0].model_copy(update={"vault": HttpEndpoint(url="http://127.0.0.1:1")})
        config = config.model_copy(update={"regions": (first, config.regions[1])})
    row = next(r for r in judge(SnapshotStore().current, config, factories.NOW).replication if r.promise.title == "Vault")
    assert (row.measured, row.assessment.judgement.verdict) == (False, Verdict.UNKNOWN)
    assert "regions[].vault" in row.assessment.judgement.sentence


def test_a_region_without_a_vault_has_no_collector():
    config = factories.settings()
    with pytest.raises(ValueError, match="has no vault"):
        VaultCollector(config.regions[0], config, SnapshotStore())
