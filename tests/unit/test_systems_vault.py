"""Vault's adapter against captured bodies, every status of `sys/health`, and garbage. No call ever asks for a value."""

import asyncio
import json
from pathlib import Path

import pytest

from openova_console.handbook.vault import VaultState
from openova_console.settings import HttpEndpoint
from openova_console.settings.vault import VaultSettings
from openova_console.systems import errors, external_secrets, vault
from openova_console.systems.durations import go_duration
from tests.support import misbehaving as support
from tests.unit.test_systems_garbage import HTTP_GARBAGE

CAPTURED = (Path(__file__).parents[1] / "lab" / "samples" / "services" / "vault-kv2.txt").read_text()
HEALTH = {
    "initialized": True,
    "sealed": False,
    "standby": False,
    "performance_standby": False,
    "replication_dr_mode": "disabled",
    "version": "1.14.1",
}


def captured(heading: str) -> bytes:
    return CAPTURED.split(f"## {heading}", 1)[1].splitlines()[1].encode()


def api(port: int, **kw: object) -> vault.Vault:
    settings = kw.pop("settings", VaultSettings())
    endpoint = HttpEndpoint(url=f"http://127.0.0.1:{port}", **kw)
    return vault.connect(endpoint, region="Region 1", settings=settings, network=support.NETWORK, deadline_s=0.6)


async def ask(raw: bytes, what: str = "health", key: str = "db", **kw: object):
    async with support.tcp(support.answering(raw)) as port:
        client = api(port, **kw)
        try:
            return await (client.health() if what == "health" else client.mark(key))
        finally:
            await client.aclose()


STATES = {
    "200 OK": VaultState.ACTIVE,
    "429 Too Many Requests": VaultState.STANDBY,
    "472 DR Secondary": VaultState.DR_SECONDARY,
    "473 Performance Standby": VaultState.PERFORMANCE_STANDBY,
    "474 Standby": VaultState.CUT_STANDBY,
    "501 Not Implemented": VaultState.UNINITIALISED,
    "503 Service Unavailable": VaultState.SEALED,
    "530 Removed": VaultState.REMOVED,
}


@pytest.mark.parametrize("status", STATES)
async def test_every_status_of_a_server_that_does_not_heed_the_wishes(status):
    found = await ask(support.http_bytes(json.dumps(HEALTH).encode(), status))
    assert (found.state, found.version) == (STATES[status], "1.14.1")


BODIES = {
    "active": ({}, VaultState.ACTIVE),
    "standby": ({"standby": True}, VaultState.STANDBY),
    "performance": ({"standby": True, "performance_standby": True}, VaultState.PERFORMANCE_STANDBY),
    "DR secondary": ({"standby": True, "replication_dr_mode": "secondary"}, VaultState.DR_SECONDARY),
    "cut standby": ({"standby": True, "ha_connection_healthy": False}, VaultState.CUT_STANDBY),
    "uninitialised": ({"initialized": False, "sealed": True, "standby": True}, VaultState.UNINITIALISED),
    "sealed": ({"sealed": True, "standby": True}, VaultState.SEALED),
    "removed": ({"removed_from_cluster": True, "sealed": True, "standby": True}, VaultState.REMOVED),
}


@pytest.mark.parametrize("case", BODIES)
async def test_every_state_in_a_200(case):
    change, state = BODIES[case]
    assert (await ask(support.http_bytes(json.dumps(HEALTH | change).encode()))).state is state


async def test_a_dr_secondary_that_says_429_is_told_by_its_body():
    body = json.dumps(HEALTH | {"standby": True, "replication_dr_mode": "secondary"}).encode()
    assert (await ask(support.http_bytes(body, "429 Standby"))).state is VaultState.DR_SECONDARY


async def test_captured_bodies():
    healthy = await ask(support.http_bytes(captured("GET sys/health")))
    assert healthy.state is VaultState.ACTIVE
    mark, _ = await ask(support.http_bytes(captured("GET secret/metadata/db")), "mark")
    assert (mark.exists, mark.proves, len(mark.written)) == (True, False, 2)
    assert mark.written[-1].isoformat() == "2026-11-23T08:17:38.098680+00:00"
    gone, _ = await ask(support.http_bytes(captured("GET secret/data/none"), "404 Not Found"), "mark")
    assert gone.exists is False
    with pytest.raises(errors.Refused, match=r"read secret/metadata/\* \(403\): its token is not accepted, or its policy"):
        await ask(support.http_bytes(captured("wrong token"), "403 Forbidden"), "mark")
    with pytest.raises(errors.Overloaded):
        await ask(support.http_bytes(b'{"errors":["Vault is sealed"]}', "503 Sealed"), "mark")


def metadata(**data: object) -> bytes:
    version = {"created_time": "2026-11-23T08:17:38Z", "deletion_time": "", "destroyed": False}
    return json.dumps({"data": {"current_version": 1, "versions": {"1": version}, **data}}).encode()


async def test_marks_are_read_and_the_rest_of_the_metadata_is_not_kept():
    custom = {"rotation_id": "db-7", "fingerprint": "f" * 64, "note": "hunter2-in-a-note"}
    mark, shown = await ask(support.http_bytes(metadata(custom_metadata=custom)), "mark")
    assert (mark.rotation_id, mark.fingerprint, mark.proves) == ("db-7", "f" * 64, True)
    assert "hunter2" not in shown.answer and "f" * 64 not in shown.answer
    assert "db-7" in shown.answer
    names = VaultSettings(rotation_id_key="note", fingerprint_key="rotation_id")
    other, _ = await ask(support.http_bytes(metadata(custom_metadata=custom)), "mark", settings=names)
    assert other.rotation_id == "hunter2-in-a-note"


@pytest.mark.parametrize("change", [{"deletion_time": "2026-11-23T09:00:00Z"}, {"destroyed": True}])
async def test_a_deleted_newest_version_is_no_secret(change):
    version = {"created_time": "2026-11-23T08:17:38Z", "deletion_time": "", "destroyed": False} | change
    mark, _ = await ask(support.http_bytes(metadata(versions={"1": version})), "mark")
    assert mark.exists is False


async def test_a_mount_that_is_not_there_is_not_an_absent_secret():
    body = b'{"errors":["no handler for route \\"secret/metadata/db\\". route entry not found."]}'
    with pytest.raises(errors.NotInstalled, match="no KV v2 engine at secret"):
        await ask(support.http_bytes(body, "404 Not Found"), "mark")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("db", "/v1/secret/metadata/db"),
        ("/a/b c", "/v1/secret/metadata/a/b%20c"),
        ("secret/a", "/v1/secret/metadata/a"),
        ("secret/data/a", "/v1/secret/metadata/a"),
        ("data/a", "/v1/secret/metadata/data/a"),
    ],
)
async def test_only_metadata_is_asked_for_with_the_token_of_the_moment(tmp_path, key, path):
    asked: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(support.http_bytes(metadata()))
        await writer.drain()

    token = tmp_path / "token"
    token.write_text("first-token\n")
    async with support.tcp(handle) as port:
        client = api(port, token_file=token, settings=VaultSettings(namespace="acme"))
        await client.mark(key)
        token.unlink()
        token.write_text("second-token\n")
        await client.mark(key)
        await client.aclose()
    assert asked[0].startswith(f"GET {path} HTTP/1.1\r\n")
    lines = [line for question in asked for line in question.splitlines()]
    assert [line for line in lines if line.lower().startswith("x-vault-token")] == [
        "X-Vault-Token: first-token",
        "X-Vault-Token: second-token",
    ]
    assert "X-Vault-Namespace: acme" in lines and not any(line.startswith("Authorization") for line in lines)


async def test_a_refused_token_is_not_tried_on_every_secret():
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.write(support.http_bytes(b'{"errors":["permission denied"]}', "403 Forbidden"))
        await writer.drain()

    async with support.tcp(handle) as port:
        client = api(port)
        found = await client.marks([f"key-{n}" for n in range(60)])
        await client.aclose()
    assert len(found) == 60 and asked <= 8
    assert all(isinstance(marked.fault, errors.Refused) for marked in found.values())


@pytest.mark.parametrize("what", ["health", "mark"])
@pytest.mark.parametrize("case", HTTP_GARBAGE)
async def test_garbage(case, what):
    raw, wanted, words = HTTP_GARBAGE[case]
    with pytest.raises(wanted) as caught:
        await ask(raw, what)
    assert caught.value.sentence.startswith("Region 1's Vault")
    assert words in caught.value.sentence or (case, what) == ("403", "mark")
    assert "stack trace" not in caught.value.sentence


PUSH = {
    "metadata": {"namespace": "databases", "name": "push-app"},
    "spec": {
        "refreshInterval": "30m0s",
        "secretStoreRefs": [{"kind": "ClusterSecretStore", "name": "vault-a"}, {"labelSelector": {"matchLabels": {}}}],
        "data": [{"match": {"secretKey": "x", "remoteRef": {"remoteKey": "databases/app", "property": "x"}}}],
    },
    "status": {
        "refreshTime": "2026-11-25T04:00:00Z",
        "syncedPushSecrets": {
            "ClusterSecretStore/vault-a": {"databases/app/x": {"match": {"remoteRef": {"remoteKey": "databases/app"}}}}
        },
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "Errored",
                "message": "set secret failed: could not write remote ref x to target secretstore vault-a: 403",
                "lastTransitionTime": "2026-11-25T03:00:00Z",
            }
        ],
    },
}


def test_a_push_secret():
    (found,) = external_secrets.push_secrets([PUSH], source="test")
    assert (found.title, found.stores, found.by_label, found.keys) == (
        "databases/push-app",
        ("vault-a",),
        True,
        ("databases/app",),
    )
    assert (found.ready, found.reason, found.failing_stores, found.interval_s) == (False, "Errored", ("vault-a",), 1800)
    assert found.synced == {"vault-a": frozenset({"databases/app"})}
    bare = external_secrets.push_secret({"metadata": {"name": "x"}}, source="test")
    assert (bare.ready, bare.keys, bare.synced, bare.interval_s) == (None, (), {}, 3600)
    unready = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert external_secrets.push_secret({"metadata": {"name": "x"}, **unready}, source="test").ready is None


def test_a_push_secret_that_writes_by_rule_has_the_keys_of_its_status():
    by_rule = PUSH | {"spec": PUSH["spec"] | {"data": []}}
    assert external_secrets.push_secret(by_rule, source="test").keys == ("databases/app",)


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": {}},
        {"metadata": {"name": "x"}, "spec": {"data": ["x"]}},
        {"metadata": {"name": "x"}, "spec": {"data": [{"match": {}}]}},
        {"metadata": {"name": "x"}, "spec": {"secretStoreRefs": "x"}},
        {"metadata": {"name": "x"}, "status": {"syncedPushSecrets": {"a": "x"}}},
        {"metadata": {"name": "x"}, "status": {"syncedPushSecrets": {"a": {"k": {"match": 3}}}}},
    ],
)
def test_a_broken_push_secret_is_malformed(broken):
    with pytest.raises(errors.Malformed):
        external_secrets.push_secret(broken, source="test")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h0m0s", 3600),
        ("90s", 90),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("0", 0),
        ("0s", 0),
        ("", None),
        ("1d", None),
        ("x1s", None),
    ],
)
def test_durations_as_go_writes_them(text, seconds):
    assert go_duration(text) == seconds
