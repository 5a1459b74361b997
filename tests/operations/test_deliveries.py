"""Notifications from the engine's books to a receiver, and what people do with those that did not arrive."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from openova_console.access.identity import WhoCache
from openova_console.access.roles import Role
from openova_console.api.health import Readiness
from openova_console.api.routes import wrap
from openova_console.notify.carrier import Carrier
from openova_console.notify.outbox import say
from openova_console.operations.deliveries import Deliveries
from openova_console.operations.engine import Engine
from openova_console.operations.requests import Refused
from openova_console.settings.notify import NotifySettings
from openova_console.store import audit
from openova_console.store.database import reading
from tests.lab.running import Running
from tests.support.consoles import call
from tests.support.engines import Bench, StillWorld, engine_on
from tests.support.hooks import Hook, answer, hook, webhook
from tests.support.rest import Api

CHAT = "chat"


@contextlib.asynccontextmanager
async def told(bench: Bench, *answers: bytes) -> AsyncIterator[tuple[Api, Hook]]:
    """The API of a bench with one target that answers so."""
    async with hook(*answers) as there:
        notify = NotifySettings(targets=[webhook(there.url())], attempts=2, timeout_s=5)  # type: ignore[arg-type]
        bench.settings = bench.settings.model_copy(update={"notify": notify})
        yield Api(bench), there


def notice(bench: Bench, key: str = "k1", **more: Any) -> None:
    with bench.write() as opened:
        words = {"event": "run.asks", "title": f"Title of {key}", "text": "Text", "link": f"/runs/{key}", **more}
        say(session=opened, key=key, now=bench.now(), **words)


def audited(bench: Bench, event: str) -> list[Any]:
    with reading(bench.database) as opened:
        return list(audit.search(opened, event=event))


async def test_a_dead_letter_is_seen_and_sent_again_by_an_operator(bench: Bench) -> None:
    async with told(bench, answer(404), answer(200)) as (api, there):
        notice(bench)
        await api.carrier.once()
        (target,) = (await api.say("GET", "/targets", by="viewer")).json["items"]
        assert (target["name"], target["kind"], target["waiting"], target["dead"], target["sent_at"]) == (
            CHAT,
            "webhook",
            0,
            1,
            None,
        )
        (dead,) = (await api.say("GET", "/deliveries", by="viewer", query="state=dead")).json["items"]
        assert (dead["error"], dead["attempts"], dead["title"]) == ("chat refused the message (404)", 1, "Title of k1")
        one = f"/deliveries/{dead['notification_id']}/retry"
        again = await api.say("POST", one, {"target": CHAT})
        assert (again.status, again.json["state"], again.json["attempts"]) == (200, "waiting", 0)
        (event,) = audited(bench, "delivery.retried")
        assert event.actor == "operator" and '"failed":"chat refused the message (404)"' in event.body
        await api.carrier.once()
        (sent,) = (await api.say("GET", "/deliveries", by="viewer")).json["items"]
        assert (sent["state"], len(there.got)) == ("sent", 2)
        assert there.got[1].headers["webhook-id"] == dead["notification_id"]
        twice = await api.say("POST", one, {"target": CHAT})
        assert (twice.status, twice.code, twice.json["detail"]) == (409, "state", "It is no dead letter: it is sent.")
        assert len(audited(bench, "delivery.retried")) == 1


@pytest.mark.parametrize(("target", "code"), [("elsewhere", "not-found"), ("", "params")])
async def test_what_is_not_there_is_not_tried_again(bench: Bench, target: str, code: str) -> None:
    async with told(bench, answer(404)) as (api, _):
        notice(bench)
        await api.carrier.once()
        (dead,) = (await api.say("GET", "/deliveries")).json["items"]
        assert (await api.say("POST", f"/deliveries/{dead['notification_id']}/retry", {"target": target})).code == code
        assert (await api.say("POST", f"/deliveries/{'0' * 32}/retry", {"target": CHAT})).code == "not-found"
        assert audited(bench, "delivery.retried") == []


async def test_a_target_that_left_the_settings_gets_nothing_more(bench: Bench) -> None:
    async with told(bench, answer(404)) as (api, there):
        notice(bench)
        await api.carrier.once()
        bench.settings = bench.settings.model_copy(update={"notify": NotifySettings()})
        after = Api(bench)
        (dead,) = (await after.say("GET", "/deliveries")).json["items"]
        said = await after.say("POST", f"/deliveries/{dead['notification_id']}/retry", {"target": CHAT})
        assert (said.code, said.json["detail"]) == ("state", "The target chat is not in the settings: nothing can be sent to it.")
        assert [t["configured"] for t in (await after.say("GET", "/targets")).json["items"]] == [False]
        assert len(there.got) == 1


async def test_pages_of_deliveries_and_which_are_left_out(bench: Bench) -> None:
    async with told(bench) as (api, _):
        for number in range(5):
            notice(bench, f"k{number}")
        await api.carrier.once()
        seen, skip = [], 0
        while skip is not None:
            page = (await api.say("GET", "/deliveries", query=f"limit=2&skip={skip}&state=sent&target=chat")).json
            seen += [item["title"] for item in page["items"]]
            skip = page["next"]
        assert sorted(seen) == [f"Title of k{number}" for number in range(5)]
        assert (await api.say("GET", "/deliveries", query="target=other")).json == {"items": [], "next": None}
        assert (await api.say("GET", "/deliveries", query="state=lost")).code == "params"


async def test_an_administrator_tries_a_target_out(bench: Bench) -> None:
    async with told(bench, answer(200), answer(503)) as (api, there):
        said = await api.say("POST", "/targets/test", {"target": CHAT}, by="admin")
        assert (said.status, said.json) == (200, {"sentence": "chat took it."})
        assert there.got[0].json["text"].startswith("Test message")
        failed = await api.say("POST", "/targets/test", {"target": CHAT}, by="admin")
        assert (failed.code, failed.json["detail"]) == ("state", "chat is overloaded or not ready (503).")
        first, second = reversed(audited(bench, "delivery.tested"))
        assert (first.actor, '"arrived":true' in first.body, '"arrived":false' in second.body) == ("admin", True, True)
        assert (await api.say("GET", "/deliveries")).json["items"] == []
        assert (await api.say("POST", "/targets/test", {"target": CHAT}, by="operator")).code == "role"
        assert (await api.say("POST", "/targets/test", {"target": "nowhere"}, by="admin")).code == "not-found"
        assert len(there.got) == 2


async def test_pages_ask_the_same_functions_with_their_caller(bench: Bench) -> None:
    async with told(bench, answer(400), answer(200)) as (api, _):
        notice(bench)
        await api.carrier.once()
        deliveries = Deliveries(bench.settings, bench.database, api.carrier, now=bench.now)
        viewer, olga = bench.person("vera", Role.VIEWER), bench.person("olga")
        (dead,) = await deliveries.listing(state="dead")
        assert deliveries.against_retry(viewer) == "Trying a message again needs the role operator; yours is viewer."
        with pytest.raises(Refused, match="needs the role operator"):
            await deliveries.retry(viewer, dead.row.notification_id, CHAT)
        assert (await deliveries.retry(olga, dead.row.notification_id, CHAT)).row.state == "waiting"
        assert deliveries.against_test(olga) == "Sending a test message needs the role admin; yours is operator."
        assert [found.waiting for found in await deliveries.targets()] == [1]


async def test_what_the_engine_says_reaches_the_receiver_with_a_link_that_survives_sign_in(lab: Running, tmp_path: Path) -> None:
    async with engine_on(lab.path / "console.yaml", tmp_path) as bench, hook() as there:
        notify = NotifySettings(targets=[webhook(there.url(), events=["approval.*"])])  # type: ignore[arg-type]
        console = bench.settings.console.model_copy(update={"public_url": "https://console.example"})
        settings = bench.settings.model_copy(update={"notify": notify, "console": console})
        engine = Engine(settings, bench.database, StillWorld(), say, now=bench.now)
        carrier = Carrier(settings, bench.database)
        engine.listen(carrier.wake)
        await carrier.start()
        try:
            caller = bench.person("olga")
            params = {"region": "region-1", "workload": "Deployment", "namespace": "acme-prod", "name": "portal"}
            row = await engine.request("restart-workload", params, caller, reason="stale connections", idempotency_key="k")
            await bench.when(_has(there))
        finally:
            await carrier.stop()
        (attachment,) = there.got[0].json["attachments"]
        link = attachment["title_link"]
        assert link == f"https://console.example/approvals?operation={row.id}"
        path, _, query = link.removeprefix("https://console.example").partition("?")
        gate = wrap(
            _nothing, settings=settings, engine=bench.database, who=WhoCache(bench.database, console), readiness=Readiness()
        )
        asked = {"host": "console.example", "accept": "text/html"}
        sent_on = (await call(gate, path, headers=asked, query=query)).header("location")
        assert sent_on is not None and unquote(sent_on.partition("?next=")[2]) == f"{path}?{query}"


def _has(there: Hook) -> Callable[[], bool]:
    return lambda: len(there.got) == 1


async def _nothing(scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError(f"{scope['path']} was shown without signing in")
