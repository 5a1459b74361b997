"""The Gitea row on two real Giteas: in step, a mirror that cannot reach its target, heads that differ, a pull mirror."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.settings import (
    ConsoleSettings,
    Environment,
    HttpEndpoint,
    KubernetesEndpoint,
    Region,
    ReplicationSettings,
    Settings,
)
from openova_console.settings.gitea import GiteaSettings, Repository
from openova_console.systems import errors, gitea
from openova_console.watch.board import judge
from openova_console.watch.collectors.gitea import GiteaCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import ask
from tests.peers.servers.background import Background
from tests.peers.servers.gitea import PULLED, PUSHED, GiteaPair, GiteaServer
from tests.peers.servers.process import Missing
from tests.support.bad_cases import proven

ON = "Gitea 1.26"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GiteaPair]:
    with Background() as background:
        try:
            made = GiteaPair(tmp_path_factory.mktemp("gitea"), background)
        except Missing as error:
            if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
                pytest.fail(f"a peer is missing: {error}", pytrace=False)
            pytest.skip(f"a peer is missing: {error}")
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(autouse=True)
def whole(pair: GiteaPair) -> Iterator[None]:
    yield
    pair.restore()
    if not pair.in_step():
        pair.first.sync(PUSHED)


def settings_for(pair: GiteaPair, *names: str, reader: bool = False) -> Settings:
    def region(identity: str, role: str, server: GiteaServer) -> Region:
        token = server.reader_token_file if reader else server.admin_token_file
        return Region(
            id=identity,
            display=identity.replace("-", " ").capitalize(),
            role=role,
            kubernetes=KubernetesEndpoint(in_cluster=True),
            gitea=HttpEndpoint(url=server.url, token_file=token),
        )

    repositories = tuple(Repository(name=name) for name in names)
    return Settings(
        environment=Environment(name="peers", kind="staging"),
        console=ConsoleSettings(looks_from="region-1"),
        regions=(region("region-1", "primary", pair.first), region("region-2", "dr", pair.second)),
        replication=ReplicationSettings(gitea=GiteaSettings(repositories=repositories, postgres_cluster=None)),
    )


class Watch:
    """The console's collectors over several rounds, so that they remember heads."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.store = settings, SnapshotStore()
        self.collectors = [GiteaCollector(r, settings, self.store) for r in settings.regions]

    async def row(self) -> Assessment:
        for _ in range(2):
            for collector in self.collectors:
                try:
                    await collector.read()
                except errors.Refused:
                    continue
        return ask.row(judge(self.store.current, self.settings, datetime.now(UTC)), Service.GITEA)

    async def close(self) -> None:
        for collector in self.collectors:
            await collector.close()


@pytest.fixture
async def pushed(pair: GiteaPair):
    watch = Watch(settings_for(pair, PUSHED))
    yield watch
    await watch.close()


async def in_step(watch: Watch, pair: GiteaPair) -> Assessment:
    """Until the row is green; a mirror that lost a race with its own run after a commit is run again."""

    async def settled() -> Assessment:
        found = await watch.row()
        if found.judgement.verdict is not Verdict.OK:
            pair.first.sync(PUSHED)
        return found

    return await ask.eventually(settled, lambda a: a.judgement.verdict is Verdict.OK, timeout_s=30)


def client(pair: GiteaPair, server: GiteaServer) -> gitea.Gitea:
    endpoint = HttpEndpoint(url=server.url, token_file=server.admin_token_file)
    return gitea.connect(endpoint, region="Region 1", network=ask.NETWORK, deadline_s=5)


async def test_both_in_step_and_a_commit_that_arrives(pair: GiteaPair, pushed: Watch):
    found = await in_step(pushed, pair)
    assert found.lag_s == 0
    assert [hop.judgement.verdict for hop in found.hops] == [Verdict.OK] * 3
    pair.first.commit(PUSHED, "arrives.txt")
    again = await ask.eventually(pushed.row, lambda a: a.lag_s == 0 and pair.in_step())
    assert again.judgement.verdict is Verdict.OK


async def test_a_mirror_whose_target_is_gone_says_so_although_its_time_moves(pair: GiteaPair, pushed: Watch):
    await in_step(pushed, pair)
    before = (await client(pair, pair.first).push_mirrors(PUSHED))[0][0]
    pair.to_second.refuse()
    pair.first.commit(PUSHED, "lost.txt")
    found = await ask.eventually(pushed.row, lambda a: a.judgement.verdict is Verdict.BREACH)
    assert "fails: push failed: fatal: unable to access" in found.judgement.sentence
    assert pair.first.password not in found.judgement.sentence and pair.second.password not in found.judgement.sentence
    after = (await client(pair, pair.first).push_mirrors(PUSHED))[0][0]
    assert after.error and after.updated_at is not None and before.updated_at is not None
    assert after.updated_at >= before.updated_at
    heads = next(hop for hop in found.hops if hop.name == f"{PUSHED} main")
    assert heads.lag_s is not None and heads.lag_s < 60
    proven("Gitea", "a push mirror's target refuses", found.judgement, on=ON)
    pair.to_second.up()
    pair.first.sync(PUSHED)
    await in_step(pushed, pair)


async def test_heads_that_stay_apart_are_a_breach_by_the_commits_date(pair: GiteaPair):
    watch = Watch(settings_for(pair, PUSHED))
    await in_step(watch, pair)
    pair.to_second.refuse()
    pair.first.commit(PUSHED, "apart-1.txt")
    pair.first.commit(PUSHED, "apart-2.txt")
    goal = GiteaSettings(repositories=(Repository(name=PUSHED),), postgres_cluster=None, read_mirrors=False)
    strict = goal.model_copy(update={"budget": goal.budget.model_copy(update={"warn_s": 0.01, "breach_s": 0.02})})
    impatient = watch.settings.model_copy(update={"replication": ReplicationSettings(gitea=strict)})
    fresh = Watch(impatient)
    found = await ask.eventually(fresh.row, lambda a: a.judgement.verdict is Verdict.BREACH)
    assert f"Region 2 lacks 2 commits of {PUSHED} main" in found.judgement.sentence
    proven("Gitea", "heads differ", found.judgement, on=ON)
    for one in (watch, fresh):
        await one.close()
    pair.to_second.up()
    pair.first.sync(PUSHED)


async def test_histories_that_have_parted(pair: GiteaPair, pushed: Watch):
    await in_step(pushed, pair)
    pair.refuse()
    pair.first.commit(PUSHED, "mine.txt")
    pair.second.commit(PUSHED, "theirs.txt")
    found = await ask.eventually(pushed.row, lambda a: "parted" in a.judgement.sentence)
    assert found.judgement.verdict is Verdict.BREACH
    assert "neither region knows the other's commit" in found.judgement.sentence
    proven("Gitea", "both sides have commits of their own", found.judgement, on=ON)
    pair.restore()
    # The mirror forces region 1's history onto region 2, as Gitea's push mirrors do.
    pair.first.sync(PUSHED)
    await in_step(pushed, pair)


async def test_without_an_administrators_account_the_mirrors_are_unknown(pair: GiteaPair, pushed: Watch):
    await in_step(pushed, pair)
    reader = Watch(settings_for(pair, PUSHED, reader=True))
    found = await reader.row()
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert f"only to an administrator of {PUSHED} (403)" in found.judgement.sentence
    assert found.hops[0].judgement.verdict is Verdict.OK
    proven("Gitea", "the console may not list mirrors", found.judgement, on=ON)
    alone = reader.settings.replication.gitea.model_copy(update={"read_mirrors": False})
    heads = Watch(reader.settings.model_copy(update={"replication": ReplicationSettings(gitea=alone)}))
    assert (await heads.row()).judgement.verdict is Verdict.OK
    for watch in (reader, heads):
        await watch.close()


async def test_a_pull_mirror_whose_source_is_gone_shows_only_by_its_heads(pair: GiteaPair):
    watch = Watch(settings_for(pair, PULLED))
    await in_step(watch, pair)
    pulled = client(pair, pair.second)
    before = await pulled.repository(PULLED)
    assert before.pull and before.pull_interval_s == 600
    pair.to_first.refuse()
    pair.first.commit(PULLED, "unseen.txt")
    pair.second.ask("POST", f"/repos/{PULLED}/mirror-sync")

    async def again() -> gitea.Repository:
        return await pulled.repository(PULLED)

    after = await ask.eventually(again, lambda r: r.pull_updated_at != before.pull_updated_at)
    assert after.pull_updated_at is not None, "the time moves although the pull failed"
    found = await watch.row()
    assert found.hops[0].lag_s is not None and found.hops[0].lag_s > 0
    assert f"Region 2 lacks 1 commit of {PULLED} main" in found.hops[0].judgement.sentence
    pair.to_first.up()
    pair.second.ask("POST", f"/repos/{PULLED}/mirror-sync")
    await in_step(watch, pair)
    await watch.close()
    await pulled.aclose()


async def test_unknown_names_and_tokens_are_named(pair: GiteaPair, tmp_path: Path):
    api = client(pair, pair.first)
    with pytest.raises(errors.Absent, match=r"has no acme/none, or the console's token may not see it"):
        await api.repository("acme/none")
    assert (await api.head(PUSHED, "none"))[0] == ""
    assert await api.knows(PUSHED, "1" * 40) is False
    await api.aclose()
    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 40)
    refused = gitea.connect(
        HttpEndpoint(url=pair.first.url, token_file=wrong), region="Region 1", network=ask.NETWORK, deadline_s=5
    )
    with pytest.raises(errors.Refused, match=r"does not accept the console's credentials \(401\)"):
        await refused.repository(PUSHED)
    await refused.aclose()
