"""The lab's chat room: takes what the console signs, refuses the rest, and tells what it heard."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from openova_console import settings
from openova_console.notify import signing, webhook
from openova_console.notify.failures import Undelivered
from openova_console.settings.notify import Webhook
from tests.lab.running import Running
from tests.support.hooks import message


def target(here: Running) -> Webhook:
    (found,) = settings.load(here.path / "console.yaml").notify.targets
    assert isinstance(found, Webhook)
    return found


async def heard(here: Running) -> list[Any]:
    async with here.http("control") as client:
        found: list[Any] = (await client.get("/messages")).json()["messages"]
    return found


async def test_it_hears_what_the_console_says_and_counts_what_comes_twice(here: Running) -> None:
    to = target(here)
    await webhook.send(to, message(), timeout_s=5)
    await webhook.send(to, message(), timeout_s=5)
    await webhook.send(to, message(id="cd" * 16, title="Another"), timeout_s=5)
    first, second = await heard(here)
    assert (first["times"], second["times"]) == (2, 1)
    assert first["body"]["text"].startswith("Approval needed: Restart portal") and second["body"]["text"].startswith("Another")
    command = [sys.executable, "-m", "openova_console.lab", "messages", "--dir", str(here.path)]
    shown = await _run(command)
    assert "Approval needed: Restart portal" in shown and "(came 2 times)" in shown


async def _run(command: list[str]) -> str:
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    return out.decode()


async def test_it_keeps_the_last_hundred(here: Running) -> None:
    to = target(here)
    for number in range(103):
        await webhook.send(to, message(id=f"{number:032x}"), timeout_s=5)
    kept = await heard(here)
    assert [one["id"] for one in kept] == [f"{number:032x}" for number in range(3, 103)]


async def test_another_key_is_refused(here: Running) -> None:
    other = here.path / "other.key"
    other.write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
    with pytest.raises(Undelivered) as error:
        await webhook.send(target(here).model_copy(update={"secret_file": other}), message(), timeout_s=5)
    assert (error.value.sentence, error.value.final) == ("operators refused the message (401)", True)
    assert await heard(here) == []


@pytest.mark.parametrize(
    "change", [{"webhook-timestamp": "1"}, {"webhook-signature": ""}, {"webhook-id": ""}, {"webhook-signature": "v2,x"}]
)
async def test_what_is_not_signed_now_is_refused(here: Running, change: dict[str, str]) -> None:
    base = {"webhook-id": "a", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{here.url('chat')}/hooks/operators", content=b'{"text": "x"}', headers={**base, **change})
    assert answer.status_code == 401
    assert await heard(here) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"text": 5}', json.dumps({"blocks": []}).encode()])
async def test_what_is_no_message_is_refused(here: Running, body: bytes) -> None:
    key = signing.key_from((here.path / "notify.key").read_text().strip())
    headers = signing.headers(key, id_="a", timestamp=int(time.time()), body=body)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{here.url('chat')}/hooks/operators", content=body, headers=headers)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")


async def test_it_can_be_broken_and_mended(here: Running) -> None:
    to = target(here)
    async with here.http("control") as client:
        await client.post("/fault", json={"endpoint": "chat", "state": "refuse"})
        with pytest.raises(Undelivered):
            await webhook.send(to, message(), timeout_s=5)
        await client.post("/fault", json={"endpoint": "chat", "state": "up"})
    await webhook.send(to, message(title="Back"), timeout_s=5)
    assert [one["body"]["text"].partition("\n")[0] for one in await heard(here)] == ["Back"]
