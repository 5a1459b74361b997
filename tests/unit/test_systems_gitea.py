"""Gitea's adapter against captured bodies, and garbage; what its collector remembers."""

import asyncio
import json
from pathlib import Path

import pytest

from openova_console.handbook.gitea import SeenHead
from openova_console.handbook.replication import Objective, Service
from openova_console.settings import HttpEndpoint, ReplicationSettings
from openova_console.settings.gitea import GiteaSettings, Repository
from openova_console.systems import errors, gitea
from openova_console.watch.board.paths import gitea as path
from openova_console.watch.board.paths.look import Look
from openova_console.watch.collectors.gitea import GiteaCollector
from openova_console.watch.collectors.postgres import GiteaPostgresCollector
from openova_console.watch.collectors.registry import collectors
from openova_console.watch.snapshot import SnapshotStore
from tests.support import factories
from tests.support import misbehaving as support
from tests.unit.test_systems_garbage import HTTP_GARBAGE

CAPTURED = json.loads((Path(__file__).parents[1] / "lab" / "samples" / "services" / "gitea-reads.json").read_text())
NAME = "acme/platform"


def raw(name: str, **headers: str) -> bytes:
    """A captured answer as bytes."""
    found = CAPTURED[name]
    lines = "".join(f"{key}: {value}\r\n" for key, value in {**found["headers"], **headers}.items() if key != "content-type")
    return support.http_bytes(json.dumps(found["response"]).encode(), f"{found['status']} X", extra=lines)


def api(port: int) -> gitea.Gitea:
    endpoint = HttpEndpoint(url=f"http://127.0.0.1:{port}")
    return gitea.connect(endpoint, region="Region 1", network=support.NETWORK, deadline_s=0.6)


CALLS = {
    "repository": lambda client: client.repository(NAME),
    "head": lambda client: client.head(NAME, "main"),
    "push mirrors": lambda client: client.push_mirrors(NAME),
    "knows": lambda client: client.knows(NAME, "1" * 40),
    "only": lambda client: client.only(NAME, "1" * 40, "2" * 40),
}


async def ask(body: bytes, call: str):
    async with support.tcp(support.answering(body)) as port:
        client = api(port)
        try:
            return await CALLS[call](client)
        finally:
            await client.aclose()


async def test_captured_repositories():
    plain, pulled = await ask(raw("repository"), "repository"), await ask(raw("pull mirror"), "repository")
    assert (plain.pull, plain.pull_interval_s, plain.pull_updated_at) == (False, 0.0, None)
    assert (pulled.pull, pulled.pull_interval_s) == (True, 600.0)
    assert pulled.pull_updated_at is not None
    with pytest.raises(errors.Absent, match="has no acme/platform, or the console's token may not see it"):
        await ask(raw("no repository"), "repository")
    with pytest.raises(errors.Refused, match="does not accept the console's credentials"):
        await ask(raw("wrong token"), "repository")


async def test_captured_heads():
    commit, shown = await ask(raw("branch"), "head")
    assert commit == CAPTURED["branch"]["response"]["commit"]["id"]
    assert commit in shown.answer
    assert (await ask(raw("no branch"), "head"))[0] == ""


async def test_captured_mirrors():
    (well,), _ = await ask(raw("push mirrors"), "push mirrors")
    (failing,), _ = await ask(raw("push mirrors failing"), "push mirrors")
    assert (well.error, well.interval_s, well.on_commit, well.target) == ("", 600.0, True, "127.0.0.1")
    assert failing.error.startswith("push failed: fatal: unable to access") and len(failing.error) <= 160
    assert failing.updated_at > well.updated_at, "the time moves although it failed"
    with pytest.raises(errors.Refused, match=r"only to an administrator of acme/platform \(403\)"):
        await ask(raw("push mirrors as a reader"), "push mirrors")


async def test_a_mirror_that_never_ran_and_one_with_a_password_in_its_address():
    row = CAPTURED["push mirrors"]["response"][0]
    rows = [
        row | {"last_update": "1970-01-01T00:00:00Z", "interval": "0s"},
        row
        | {"remote_address": "https://bot:hunter2@gitea.example/x.git", "last_error": "https://bot:hunter2@gitea.example/: no"},
    ]
    (never, other), shown = await ask(support.http_bytes(json.dumps(rows).encode()), "push mirrors")
    assert (never.updated_at, never.interval_s) == (None, 0.0)
    assert other.target == "gitea.example"
    assert "hunter2" not in other.error + shown.answer


async def test_captured_commits():
    assert await ask(raw("commit"), "knows") is True
    assert await ask(raw("no commit"), "knows") is False
    mine, theirs = await ask(raw("only mine"), "only"), await ask(raw("only theirs"), "only")
    assert (mine.count, theirs.count, theirs.oldest_at) == (1, 0, None)
    assert mine.oldest_at is not None
    with pytest.raises(errors.Failed):
        await ask(raw("not unknown"), "only")
    with pytest.raises(errors.Malformed, match="a list of commits"):
        await ask(raw("no repository"), "only")


async def test_the_oldest_of_many_commits_is_on_the_last_page():
    asked: list[str] = []
    row = CAPTURED["only mine"]["response"][0]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
        writer.write(support.http_bytes(json.dumps([row]).encode(), extra="X-Total-Count: 120\r\n"))
        await writer.drain()

    async with support.tcp(handle) as port:
        client = api(port)
        found = await client.only(NAME, "1" * 40, "2" * 40)
        await client.aclose()
    assert found.count == 120
    assert "page=" not in asked[0] and asked[1].endswith("page=3")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", HTTP_GARBAGE)
async def test_garbage(case, call):
    body, wanted, words = HTTP_GARBAGE[case]
    if case == "a list" and call in ("push mirrors", "only"):
        words = "should be"
    with pytest.raises(wanted) as caught:
        await ask(body, call)
    assert caught.value.sentence.startswith("Region 1's Gitea")
    assert words in caught.value.sentence or (case, call) == ("403", "push mirrors")
    assert "stack trace" not in caught.value.sentence


def settings(**more):
    found = factories.settings()
    chosen = GiteaSettings(repositories=(Repository(name=NAME),), **more)
    regions = tuple(
        r.model_copy(
            update={"gitea": HttpEndpoint(url="http://127.0.0.1:1"), "prometheus": HttpEndpoint(url="http://127.0.0.1:1")}
        )
        for r in found.regions
    )
    return found.model_copy(update={"regions": regions, "replication": ReplicationSettings(gitea=chosen)})


async def test_heads_are_remembered_with_the_time_at_which_they_were_last_seen():
    config = settings()
    collector = GiteaCollector(config.regions[0], config, SnapshotStore())
    part = object()
    for commit, age in (("a", 50), ("a", 40), ("b", 30), ("a", 20)):
        seen = collector._remember(part, commit, factories.ago(age))
    assert seen == (SeenHead("a", factories.ago(40)), SeenHead("b", factories.ago(30)), SeenHead("a", factories.ago(20)))
    for number in range(200):
        seen = collector._remember(part, str(number), factories.ago(1))
    assert len(seen) == 50
    await collector.close()


async def test_which_collectors_there_are():
    async def kinds(config) -> set[type]:
        made = collectors(config, SnapshotStore())
        for one in made:
            await one.close()
        return {type(one) for one in made}

    assert {GiteaCollector, GiteaPostgresCollector} <= await kinds(settings())
    assert GiteaPostgresCollector not in await kinds(settings(postgres_cluster=None))
    bare = settings().model_copy(update={"replication": ReplicationSettings()})
    assert not {GiteaCollector, GiteaPostgresCollector} & await kinds(bare)
    with pytest.raises(ValueError, match="no CNPG Cluster"):
        GiteaPostgresCollector(settings().regions[0], settings(postgres_cluster=None), SnapshotStore())


def test_the_database_leg_is_named_when_it_cannot_be_read():
    config = settings()
    blind = tuple(r.model_copy(update={"prometheus": None}) for r in config.regions)
    goal = Objective(Service.GITEA, 60, 600)
    look = Look(SnapshotStore().current, config, *blind, goal, factories.NOW)
    hop = next(hop for hop in path.assess(look).assessment.hops if hop.name == path.DATABASE)
    assert "not configured: add regions[].prometheus" in hop.judgement.sentence
    no_repositories = config.model_copy(update={"replication": ReplicationSettings()})
    found = path.assess(Look(SnapshotStore().current, no_repositories, *blind, goal, factories.NOW))
    assert (found.measured, "replication.gitea.repositories" in found.assessment.judgement.sentence) == (False, True)
