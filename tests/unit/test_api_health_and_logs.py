"""Alive, ready, figures for whom, and logs without secrets."""

import asyncio
import json
import logging
import sys

import pytest
import structlog

from openova_console.access.event_guard import DECISIONS
from openova_console.access.identity import WhoCache
from openova_console.api import logs
from openova_console.api.health import Readiness, database_check
from openova_console.api.metrics import observe_push, observe_read
from openova_console.api.routes import wrap
from openova_console.store.database import open_engine
from tests.support.consoles import call, settings_with

HERE = ("127.0.0.1", 5000)


async def _reflex(scope, receive, send):
    raise AssertionError("nothing here is for Reflex")


@pytest.fixture
def readiness():
    return Readiness()


@pytest.fixture
def make_app(engine, readiness):
    def make(**console):
        settings = settings_with(**console)
        who = WhoCache(engine, settings.console)
        return wrap(_reflex, settings=settings, engine=engine, who=who, readiness=readiness)

    return make


async def test_alive(make_app):
    answer = await call(make_app(), "/healthz")
    assert (answer.status, answer.text) == (200, "alive\n")


async def test_ready_when_nothing_is_missing(make_app, readiness, engine):
    readiness.register("database", database_check(engine))
    answer = await call(make_app(), "/readyz")
    assert (answer.status, json.loads(answer.text)) == (200, {"ready": True, "not_ready": []})


async def test_not_ready_says_what_and_why(make_app, readiness, monkeypatch):
    async def first_read():
        return "region-2 has not been read yet"

    async def broken():
        raise ConnectionError("postgresql://console:hunter2@db/x")

    async def hangs():
        await asyncio.Event().wait()
        return ""

    async def fine():
        return ""

    monkeypatch.setattr("openova_console.api.health._PATIENCE_S", 0.01)
    for name, check in (("readings", first_read), ("store", broken), ("slow", hangs), ("fine", fine)):
        readiness.register(name, check)
    answer = await call(make_app(), "/readyz")
    assert answer.status == 503
    assert json.loads(answer.text) == {
        "ready": False,
        "not_ready": [
            {"what": "readings", "why": "region-2 has not been read yet"},
            {"what": "store", "why": "the check failed (ConnectionError)"},
            {"what": "slow", "why": "did not answer within 0.01 s"},
        ],
    }


async def test_a_database_without_tables_is_not_ready(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    readiness = Readiness()
    readiness.register("database", database_check(engine))
    assert await readiness.not_ready() == {"database": "the check failed (OperationalError)"}
    engine.dispose()


async def test_the_figures_from_this_machine(make_app):
    observe_read("prometheus-region-1", "failed", 0.3)
    observe_push("overview", 7)
    app = make_app()
    await call(app, "/healthz")
    answer = await call(app, "/metrics", client=HERE)
    assert answer.status == 200
    assert answer.header("content-type").startswith("text/plain; version=")
    assert 'openova_collector_reads_total{outcome="failed",source="prometheus-region-1"} 1.0' in answer.text
    assert 'openova_push_deliveries_total{panel="overview"} 7.0' in answer.text
    assert 'openova_http_duration_seconds_count{method="GET",part="probes",status="2xx"}' in answer.text
    DECISIONS.labels("denied", "role")
    assert (
        'openova_event_guard_decisions_total{decision="denied",reason="role"}' in (await call(app, "/metrics", client=HERE)).text
    )


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("192.0.2.7", 1), {}),
        (None, {}),
        (HERE, {"x-forwarded-for": "192.0.2.7"}),
        (HERE, {"x-forwarded-for": "127.0.0.1"}),
        (HERE, {"forwarded": "for=192.0.2.7"}),
        (("192.0.2.7", 1), {"x-forwarded-for": "127.0.0.1"}),
    ],
)
async def test_the_figures_are_for_nobody_else(make_app, client, headers):
    for hops in (0, 1):
        answer = await call(make_app(trusted_proxy_hops=hops), "/metrics", client=client, headers=headers)
        assert answer.status == 403
        assert "console.metrics_token_file" in answer.text


async def test_the_figures_with_a_token(make_app, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    app = make_app(metrics_token_file=token)
    right = {"authorization": "Bearer s3cret-token"}
    assert (await call(app, "/metrics", headers=right)).status == 200
    for wrong in ("Bearer s3cret", "Bearer ", "Basic s3cret-token", "s3cret-token", "", "Bearer \xff"):
        answer = await call(app, "/metrics", headers={"authorization": wrong}, client=HERE)
        assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")
    token.write_text("rotated")
    assert (await call(app, "/metrics", headers=right)).status == 401
    assert (await call(app, "/metrics", headers={"authorization": "Bearer rotated"})).status == 200


@pytest.mark.parametrize("content", [None, "", "\n"])
async def test_a_token_file_that_says_nothing_opens_nothing(make_app, tmp_path, content):
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    answer = await call(make_app(metrics_token_file=token), "/metrics", headers={"authorization": "Bearer "}, client=HERE)
    assert answer.status == 503


SECRET = "s3cr3t-VALUE-0123456789"


@pytest.mark.parametrize(
    "line",
    [
        f"Event(name='x', router_data={{'headers': {{'cookie': 'openova={SECRET}; a=b', 'host': 'h'}}}})",
        f"headers {{'authorization': 'Bearer {SECRET}'}}",
        f"Attempting to send delta to disconnected client '{SECRET}'",
        f"router_data={{'token': '{SECRET}', 'sid': 'x'}}",
        f"cookie: __Host-openova={SECRET}",
        f"Set-Cookie: openova={SECRET}; HttpOnly",
        f"GET /_event/?token={SECRET}&EIO=4",
        f"GET /x?EIO=4&token={SECRET}",
        f"could not connect to postgresql+psycopg://console:{SECRET}@db/x",
        f"curl -H 'Authorization: bearer {SECRET}'",
        f'{{"password": "{SECRET}"}}',
        f"Event(name='sign', payload={{'word': '{SECRET}'}}, router_data={{}})",
    ],
)
def test_what_looks_like_a_secret_is_hidden(line):
    assert SECRET not in logs.redact(line)
    assert logs.HIDDEN in logs.redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "alice signed in from 192.0.2.7",
        "region-2: the last sample is 42 s old, the limit is 30 s",
        "http://127.0.0.1:8000/readyz",
        "event refused: state.administer by alice (role)",
    ],
)
def test_what_is_no_secret_stays_readable(line):
    assert logs.redact(line) == line


@pytest.fixture
def own_handlers():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_every_logger_speaks_through_the_redactor(own_handlers, capsys):
    noisy = logging.getLogger("test.noisy")
    noisy.addHandler(logging.StreamHandler(sys.stderr))
    logs.configure(style="json")
    noisy.error("No registered handler found for event: %s", {"headers": {"cookie": f"openova={SECRET}"}})
    try:
        raise KeyError(f"token='{SECRET}'")
    except KeyError:
        logging.getLogger("reflex.app").exception("boom\ninjected line")
    structlog.get_logger("mine").warning("refused", cookie=SECRET, nested={"api_key": SECRET, "n": 1}, who="alice")
    written = capsys.readouterr().err
    lines = written.splitlines()
    assert SECRET not in written
    assert len(lines) == 3
    entries = [json.loads(line) for line in lines]
    assert [e["logger"] for e in entries] == ["test.noisy", "reflex.app", "mine"]
    assert "KeyError" in entries[1]["exception"]
    assert entries[2]["who"] == "alice"
    assert entries[2]["nested"] == {"api_key": logs.HIDDEN, "n": 1}


def test_for_a_person_it_is_redacted_too(own_handlers, capsys):
    logs.configure(style="console")
    logging.getLogger("x").warning("cookie: %s", SECRET)
    written = capsys.readouterr().err
    assert SECRET not in written
    assert logs.HIDDEN in written
