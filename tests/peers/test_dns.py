"""The witnesses on real resolvers: healthy, a region's DNS gone or silent, stale, lying, cut off, and a false certificate."""

import asyncio

import pytest

from openova_console.handbook.witnesses import Finding, Vote
from openova_console.settings import Resolver, Settings
from openova_console.systems import dns
from openova_console.watch.board import WitnessRow
from openova_console.watch.collectors.witnesses import WitnessCollector
from tests.peers import ask
from tests.peers.servers.dns import DnsAuthority
from tests.peers.world import World, probe_zone

ZONE = probe_zone("region-1")


@pytest.fixture
def row(settings: Settings):
    """Asks every witness and gives what they say of region 1."""

    async def read() -> WitnessRow:
        resolvers = settings.witnesses.resolvers
        found = await ask.board(settings, lambda store: [WitnessCollector(r, settings, store) for r in resolvers])
        return next(w for w in found.witnesses if w.region.id == "region-1")

    return read


async def one(settings: Settings, name: str, *, index: int = 0, **changes) -> dns.DnsAnswer:
    resolver = settings.witnesses.resolvers[index].model_copy(update=changes)
    return await dns.ask(resolver, name, transport="dot", timeout_s=4, ca_file=settings.witnesses.ca_file)


@pytest.fixture
def region_1(world: World):
    """Region 1's authority, running again at the end."""
    authority = world.authorities[ZONE]
    yield authority
    if authority.process.alive:
        authority.process.thaw()
    else:
        authority.start()


async def test_all_witnesses_reach_a_healthy_region(settings: Settings, row):
    found = await row()
    assert found.quorum.finding is Finding.REACHABLE
    assert [v.ballot.vote for v in found.votes] == [Vote.REACHABLE] * 3
    answer = await one(settings, f"{dns.fresh_label()}.{ZONE}")
    assert (answer.outcome, answer.addresses, answer.ttl, answer.ede) == ("answer", ("192.0.2.10",), 1, ())


async def test_over_udp_with_a_name_that_does_not_exist(world: World, settings: Settings):
    witness = world.witnesses[0]
    resolver = Resolver(name="Google", address="127.0.0.1", port=witness.udp_port)
    answer = await dns.ask(resolver, f"{dns.fresh_label()}.{ZONE}", transport="udp", timeout_s=2)
    assert answer.addresses == ("192.0.2.10",)
    # One label deeper than the wildcard's parent that exists: Knot answers from the wildcard, for ns it has a name of its own.
    assert (await dns.ask(resolver, f"a.ns.{ZONE}", transport="udp", timeout_s=2)).outcome == "nxdomain"


async def test_a_region_whose_dns_is_gone_is_unreachable_by_quorum(settings: Settings, row, region_1: DnsAuthority):
    region_1.stop()
    answer = await one(settings, f"{dns.fresh_label()}.{ZONE}")
    assert answer.outcome == "servfail" and answer.addresses == ()
    found = await row()
    assert (found.quorum.finding, found.quorum.unreachable) == (Finding.UNREACHABLE, 3)


async def test_a_region_whose_dns_is_silent_is_unreachable_too(settings: Settings, row, region_1: DnsAuthority):
    region_1.process.freeze()
    assert (await one(settings, f"{dns.fresh_label()}.{ZONE}")).outcome in ("servfail", "timeout")
    found = await row()
    assert found.quorum.finding is Finding.UNREACHABLE


async def test_a_stale_answer_is_marked_as_such(settings: Settings, region_1: DnsAuthority):
    name = f"kept.{ZONE}"
    assert (await one(settings, name)).ede == ()
    region_1.stop()
    stale = await ask.eventually(lambda: one(settings, name), lambda a: a.ede != ())
    assert (stale.outcome, stale.addresses) == ("answer", ("192.0.2.10",))
    assert 3 in stale.ede


async def test_a_witness_that_lies_is_outvoted_and_its_dissent_shown(world: World, row, region_1: DnsAuthority, tmp_path):
    liar = DnsAuthority(tmp_path, ZONE, "203.0.113.66")
    liar.start()
    witness = world.witnesses[2]
    truth = witness.forwards[ZONE]
    try:
        await asyncio.to_thread(witness.forward, ZONE, liar.port)
        region_1.stop()
        found = await row()
        assert (found.quorum.finding, found.quorum.unreachable, found.quorum.dissent) == (Finding.UNREACHABLE, 2, True)
    finally:
        liar.stop()
        if not region_1.process.alive:
            region_1.start()
        await asyncio.to_thread(witness.forward, ZONE, truth)


async def test_a_silent_witness_abstains(world: World, settings: Settings, row):
    silent = world.witnesses[1].process
    silent.freeze()
    try:
        answer = await dns.ask(
            settings.witnesses.resolvers[1], ZONE, transport="dot", timeout_s=0.5, ca_file=settings.witnesses.ca_file
        )
        assert (answer.outcome, answer.detail) == ("timeout", "Cloudflare did not answer within 0.5 s")
        found = await row()
        votes = {v.witness: v.ballot.vote for v in found.votes}
        assert votes == {"Google": Vote.REACHABLE, "Cloudflare": Vote.ABSTAIN, "Quad9": Vote.REACHABLE}
    finally:
        silent.thaw()


async def test_when_no_witness_answers_we_are_cut_off(world: World, row):
    for witness in world.witnesses:
        witness.process.freeze()
    try:
        assert (await row()).quorum.finding is Finding.ISOLATED
    finally:
        for witness in world.witnesses:
            witness.process.thaw()


async def test_a_certificate_of_another_name_or_authority_is_not_accepted(world: World, settings: Settings):
    wrong_name = await one(settings, ZONE, tls_name="dns.example.test")
    assert wrong_name.outcome == "tls_failed"
    assert "Hostname mismatch" in wrong_name.detail
    resolver = settings.witnesses.resolvers[0]
    unknown = await dns.ask(resolver, ZONE, transport="dot", timeout_s=2)
    assert unknown.outcome == "tls_failed"
    plain = resolver.model_copy(update={"port": world.witnesses[0].udp_port})
    assert (await dns.ask(plain, ZONE, transport="dot", timeout_s=2, ca_file=settings.witnesses.ca_file)).outcome in (
        "tls_failed",
        "unreachable",
        "timeout",
    )
