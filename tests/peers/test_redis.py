"""The Valkey row on a real Redis pair: up, refused, frozen, restored."""

import pytest
import redis.asyncio

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.systems import errors, valkey
from openova_console.watch.collectors.valkey import ValkeyCollector
from tests.peers import ask
from tests.peers.servers.redis import PASSWORD
from tests.peers.world import World


@pytest.fixture
def judged(settings: Settings):
    async def read() -> Assessment:
        found = await ask.board(settings, lambda store: [ValkeyCollector(r, settings, store) for r in settings.regions])
        return ask.row(found, Service.VALKEY)

    return read


async def info(settings: Settings, region: int) -> valkey.ReplicationInfo:
    where = settings.regions[region]
    return await valkey.replication(where.valkey, region=where.display, network=settings.network)


async def write(world: World, count: int = 50) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=world.redis.primary_port, password=PASSWORD) as client:
        for number in range(count):
            await client.set(f"key-{number}", "x" * 100)


def linked(found: valkey.ReplicationInfo) -> bool:
    return found.link_up is True and not found.syncing


async def in_step(settings: Settings) -> None:
    await ask.eventually(lambda: info(settings, 1), linked)
    await ask.eventually(lambda: info(settings, 0), lambda i: any(r.state == "online" for r in i.replicas))


async def test_both_ends_of_a_linked_pair(world: World, settings: Settings, judged):
    await in_step(settings)
    await write(world)
    primary, replica = await info(settings, 0), await info(settings, 1)
    assert (primary.role, replica.role) == ("primary", "replica")
    assert primary.replid == replica.replid
    assert replica.primary == f"127.0.0.1:{world.redis.link.port}"
    found = await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK)
    assert found.transport_up is True


async def test_a_refused_link_is_a_breach_with_the_bytes_of_both_ends(world: World, settings: Settings, judged):
    await in_step(settings)
    world.refuse_link()
    await write(world)
    down = await ask.eventually(lambda: info(settings, 1), lambda i: i.link_up is False)
    assert down.last_io_s is None and down.down_since_s is not None
    found = await ask.eventually(judged, lambda a: (a.at_risk_bytes or 0) > 5_000)
    assert (found.judgement.verdict, found.transport_up) == (Verdict.BREACH, False)
    world.restore_link()
    await in_step(settings)
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK)


async def test_a_frozen_link_still_reads_up_and_its_age_tells(world: World, settings: Settings, judged):
    await in_step(settings)
    world.freeze_link()
    await write(world)
    silent = await ask.eventually(lambda: info(settings, 0), lambda i: bool(i.replicas) and i.replicas[0].lag_s >= 2)
    assert silent.replicas[0].state == "online"
    assert (await info(settings, 1)).link_up is True
    early = await judged()
    assert early.lag_s is not None and early.lag_s >= 2
    found = await ask.eventually(judged, lambda a: a.transport_up is False)
    assert found.judgement.verdict is Verdict.BREACH
    world.restore_link()
    await in_step(settings)
    await ask.eventually(judged, lambda a: a.judgement.verdict is Verdict.OK)


async def test_a_frozen_server_is_a_time_out_and_a_wrong_password_a_refusal(world: World, settings: Settings, tmp_path):
    replica = settings.regions[1].valkey
    world.redis.processes[1].freeze()
    try:
        with pytest.raises(errors.TimedOut, match=r"Region 2's Valkey did not answer within 0\.5 s"):
            await valkey.replication(replica, region="Region 2", network=settings.network, deadline_s=0.5)
    finally:
        world.redis.processes[1].thaw()
    (tmp_path / "wrong").write_text("not it")
    for password_file in (tmp_path / "wrong", None):
        with pytest.raises(errors.Refused, match="check its password"):
            endpoint = replica.model_copy(update={"password_file": password_file})
            await valkey.replication(endpoint, region="Region 2", network=settings.network)
    await in_step(settings)
