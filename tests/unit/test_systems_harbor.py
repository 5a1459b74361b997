"""Harbor's documented bodies (swagger of v2.15), its pages, and whatever is no answer of Harbor's."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from openova_console.settings import BasicEndpoint
from openova_console.systems import errors
from openova_console.systems.harbor import Harbor
from tests.support import misbehaving as support
from tests.unit.test_systems_garbage import HTTP_GARBAGE

NAME = "cross-region-replication"
HEALTH = {"status": "healthy", "components": [{"name": "core", "status": "healthy"}, {"name": "redis", "status": "healthy"}]}
REGISTRY = {"id": 4, "name": "harbor-region2", "url": "https://harbor.region2.example", "type": "harbor", "status": "healthy"}
LOCAL = {"id": 0, "name": "Local", "url": "http://core:8080", "type": "harbor", "status": "healthy"}
POLICY = {
    "id": 1,
    "name": NAME,
    "src_registry": LOCAL,
    "dest_registry": {**REGISTRY, "credential": {"type": "basic", "access_key": "robot$r", "access_secret": "hunter2hunter2"}},
    "trigger": {"type": "event_based", "trigger_settings": {"cron": ""}},
    "filters": [{"type": "name", "value": "**"}],
    "replicate_deletion": True,
    "enabled": True,
}
EXECUTION = {
    "id": 17,
    "policy_id": 1,
    "status": "Succeed",
    "status_text": "",
    "trigger": "event_based",
    "start_time": "2026-02-11T09:30:00.000Z",
    "end_time": "2026-02-11T09:30:12.000Z",
    "total": 3,
    "failed": 0,
    "succeed": 3,
    "in_progress": 0,
    "stopped": 0,
}
RUNNING = EXECUTION | {
    "id": 18,
    "status": "InProgress",
    "start_time": "2026-02-11T10:00:00.000Z",
    "end_time": "0001-01-01T00:00:00.000Z",
    "succeed": 1,
    "in_progress": 2,
}


def serving(executions=(EXECUTION,), *, health=HEALTH, policies=(POLICY,), registries=(REGISTRY,), total=None, asked=None):
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if asked is not None:
            asked.append(head)
        path = head.split(" ")[1]
        found = executions
        if "status=Succeed" in path:
            found = [e for e in executions if e["status"] == "Succeed"]
        elif total is not None:
            found = executions[:1]
        body = {"health": health, "registries": registries, "policies": policies, "executions": found}
        name = path.split("?")[0].rpartition("/")[2]
        extra = f"X-Total-Count: {len(executions) if total is None else total}\r\n"
        writer.write(support.http_bytes(json.dumps(body[name]).encode(), extra=extra))
        await writer.drain()

    return handle


@pytest.fixture
def password(tmp_path):
    (tmp_path / "password").write_text("robot-secret\n")
    return tmp_path / "password"


async def read(handler, password, *, wanted=(NAME,)):
    async with support.tcp(handler) as port:
        return await ask(port, password, wanted)


async def ask(port: int, password, wanted=(NAME,)):
    endpoint = BasicEndpoint(url=f"http://127.0.0.1:{port}", username="robot$console", password_file=password)
    harbor = Harbor(endpoint, region="Region 1", network=support.NETWORK, deadline_s=5)
    try:
        return await harbor.replications(wanted)
    finally:
        await harbor.aclose()


async def test_the_documented_bodies(password):
    found = await read(serving((RUNNING, EXECUTION)), password)
    (policy,) = found.policies
    assert (policy.enabled, policy.trigger, policy.direction) == (True, "event_based", "push")
    assert (policy.registry, policy.registry_status, policy.runs_total) == ("harbor-region2", "healthy", 2)
    newest, before = policy.runs
    assert (newest.status, newest.ended_at, newest.in_progress, newest.whole) == ("InProgress", None, 2, False)
    assert (before.whole, before.ended_at) == (True, datetime(2026, 2, 11, 9, 30, 12, tzinfo=UTC))
    assert policy.last_whole == before and found.unhealthy == ()


async def test_what_is_left_out_is_false_and_a_missing_end_is_a_run_under_way(password):
    switched_off = {k: v for k, v in POLICY.items() if k not in ("enabled", "trigger")}
    endless = {k: v for k, v in RUNNING.items() if k != "end_time"}
    (policy,) = (await read(serving((endless,), policies=(switched_off,)), password)).policies
    assert (policy.enabled, policy.trigger, policy.runs[0].ended_at) == (False, "manual", None)


async def test_a_pull_policy_names_its_source(password):
    pulls = POLICY | {"src_registry": REGISTRY | {"id": 9, "name": "harbor-region1"}, "dest_registry": LOCAL}
    (policy,) = (await read(serving(policies=(pulls,)), password)).policies
    assert (policy.direction, policy.registry, policy.registry_status) == ("pull", "harbor-region1", "")


async def test_other_policies_are_not_read(password):
    asked: list[str] = []
    found = await read(serving(policies=(POLICY | {"name": "other"},), asked=asked), password)
    assert found.policies == () and not any("/executions" in head for head in asked)


async def test_a_success_older_than_the_page_is_asked_for(password):
    asked: list[str] = []
    (policy,) = (await read(serving((RUNNING, EXECUTION), total=230, asked=asked), password)).policies
    assert (len(policy.runs), policy.runs_total) == (1, 230)
    assert policy.last_whole is not None and policy.last_whole.id == 17
    assert any("status=Succeed" in head and "sort=-start_time" in head for head in asked)


async def test_success_that_left_something_behind_is_not_whole(password):
    for change in ({"failed": 1, "succeed": 2}, {"succeed": 2}, {"stopped": 1, "succeed": 2}):
        (policy,) = (await read(serving((EXECUTION | change,)), password)).policies
        assert policy.last_whole is None


async def test_unhealthy_components_are_named(password):
    sick = {
        "status": "unhealthy",
        "components": [{"name": "redis", "status": "unhealthy", "error": "x"}, *HEALTH["components"][:1]],
    }
    assert (await read(serving(health=sick), password)).unhealthy == ("redis",)
    assert (await read(serving(health={"status": "unhealthy"}), password)).unhealthy == ("in state unhealthy",)


async def test_the_password_is_sent_read_again_and_never_shown(password):
    asked: list[str] = []
    async with support.tcp(serving(asked=asked)) as port:
        endpoint = BasicEndpoint(url=f"http://127.0.0.1:{port}", username="robot$console", password_file=password)
        harbor = Harbor(endpoint, region="Region 1", network=support.NETWORK, deadline_s=5)
        found = await harbor.replications((NAME,))
        password.write_text("another-secret\n")
        await harbor.replications((NAME,))
        await harbor.aclose()
    assert "Basic cm9ib3QkY29uc29sZTpyb2JvdC1zZWNyZXQ=" in asked[0]
    assert "Basic cm9ib3QkY29uc29sZTphbm90aGVyLXNlY3JldA==" in asked[-1]
    shown = found.exchange.call + found.exchange.answer
    assert "secret" not in shown.replace("access_secret", "") and "hunter2" not in shown
    assert "/api/v2.0/replication/executions" in found.exchange.call


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"executions": (EXECUTION | {"start_time": "soon"},)}, "start_time"),
        ({"executions": ({k: v for k, v in EXECUTION.items() if k != "start_time"},)}, "start_time"),
        ({"executions": (EXECUTION | {"total": "3"},)}, "total"),
        ({"executions": ({k: v for k, v in EXECUTION.items() if k != "status"},)}, "status"),
        ({"executions": ("x",)}, "items[0]"),
        ({"policies": (POLICY | {"dest_registry": "x"},)}, "dest_registry"),
        ({"policies": (POLICY | {"enabled": "yes"},)}, "enabled"),
        ({"registries": ({"name": "x"},)}, "id"),
        ({"health": {"components": []}}, "status"),
    ],
)
async def test_a_field_that_cannot_be_read_is_named(password, changes, path):
    with pytest.raises(errors.Malformed) as caught:
        await read(serving(**changes), password)
    assert caught.value.path == path and caught.value.sentence.startswith("Region 1's Harbor ")


@pytest.mark.parametrize("case", HTTP_GARBAGE)
async def test_garbage_is_one_clear_sentence(password, case):
    raw, wanted, words = HTTP_GARBAGE[case]
    async with support.tcp(support.answering(raw)) as port:
        with pytest.raises(wanted) as caught:
            await ask(port, password)
    assert caught.value.sentence.startswith("Region 1's Harbor ") and words in caught.value.sentence


async def test_silence_and_a_missing_password(tmp_path, password):
    async with support.tcp(support.silent) as port:
        with pytest.raises(errors.TimedOut):
            await ask(port, password)
        with pytest.raises(errors.Misconfigured, match=r"the password file .* cannot be read"):
            await ask(port, tmp_path / "gone")
