"""Global DNS on real servers: Knot as each region's CoreDNS, BIND as the three resolvers, Gslb objects on real API servers.

k8gb itself is no server that can be had here: what it would write (records, object status) is written by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from openova_console.handbook.gslb import HostAssessment
from openova_console.handbook.words import Verdict
from openova_console.settings import DnsEndpoint, Resolver, Settings
from openova_console.settings.gslb import GslbSettings
from openova_console.systems import dns, kinds
from openova_console.watch.board import Board, judge
from openova_console.watch.collectors.gslb import CoreDnsCollector, ResolversCollector
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import objects
from tests.peers.servers.coredns import RegionDns
from tests.peers.servers.dns import DnsAuthority, Witness
from tests.peers.world import CONTROL_ZONE, REGIONS, WITNESSES, World
from tests.support.bad_cases import proven

ZONE, HOST = "gslb.example.test", "app.gslb.example.test"
NAMESERVERS = tuple(f"gslb-ns-{region}-gslb.example.test" for region in REGIONS)
ADDRESSES = {"region-1": ("192.0.2.10", "192.0.2.11"), "region-2": ("198.51.100.10", "198.51.100.11")}
ONE, TWO = ADDRESSES["region-1"], ADDRESSES["region-2"]
ON = "Knot 3 and BIND 9"
NEW_GROUP = {
    "metadata": {"name": "gslbs.k8gb.io"},
    "spec": {
        "group": "k8gb.io",
        "scope": "Namespaced",
        "names": {"plural": "gslbs", "singular": "gslb", "kind": "Gslb", "listKind": "GslbList"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            part: {"type": "object", "x-kubernetes-preserve-unknown-fields": True} for part in ("spec", "status")
                        },
                    }
                },
            }
        ],
    },
}


def gslb(region: str, *, pin: str = "region-1", health: str = "Healthy", served: tuple[str, ...] = ONE) -> dict[str, Any]:
    """A Gslb object as k8gb would keep it."""
    rules = [{"host": HOST, "http": {"paths": []}}]
    strategy = {"type": "failover", "primaryGeoTag": pin, "dnsTtlSeconds": 1}
    status = {
        "geoTag": region,
        "hosts": HOST,
        "serviceHealth": {HOST: health},
        "healthyRecords": {HOST: list(served)},
        "loadBalancer": {"exposedIps": list(ADDRESSES[region])},
    }
    metadata = {"name": "app", "namespace": "shop"}
    return {"metadata": metadata, "spec": {"ingress": {"rules": rules}, "strategy": strategy}, "status": status}


class Balanced:
    """Both regions' name servers and the resolvers that follow them."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.dns = {region: RegionDns(folder / f"dns-{region}", ZONE, NAMESERVERS) for region in REGIONS}
        self.control = DnsAuthority(folder / "control", CONTROL_ZONE, "192.0.2.99")
        ports = {"Google": "region-1", "Cloudflare": "region-2", "Quad9": "region-1"}
        self.witnesses = [
            Witness(folder / name.lower(), world.authority, name, tls_name, {CONTROL_ZONE: self.control.port, ZONE: 0})
            for name, tls_name in WITNESSES
        ]
        for witness in self.witnesses:
            witness.forwards[ZONE] = self.dns[ports[witness.name]].port

    def start(self) -> None:
        self.control.start()
        self.healthy()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda witness: witness.start(), self.witnesses))

    def stop(self) -> None:
        for server in (*self.witnesses, *self.dns.values(), self.control):
            server.stop()

    def healthy(self) -> None:
        """Users go to region 1; both are well."""
        for region in REGIONS:
            self.serve(region, ONE)

    def serve(self, region: str, addresses: tuple[str, ...], local: tuple[str, ...] | None = None) -> None:
        own = ADDRESSES[region] if local is None else local
        self.dns[region].serve({"app": addresses, "localtargets-app": own})

    def settings(self, given: Settings) -> Settings:
        """The world's settings, with these servers in them."""
        regions = tuple(
            region.model_copy(update={"dns": DnsEndpoint(**self.dns[region.id].settings()["dns"])}) for region in given.regions
        )
        resolvers = tuple(
            Resolver(name=w.name, address="127.0.0.1", port=w.tls_port, tls_name=w.tls_name) for w in self.witnesses
        )
        witnesses = given.witnesses.model_copy(update={"resolvers": resolvers})
        update = {"regions": regions, "witnesses": witnesses, "gslb": GslbSettings(zone=ZONE)}
        return given.model_copy(update=update)


class Look:
    """A console that reads all of it on demand."""

    def __init__(self, balanced: Balanced, settings: Settings) -> None:
        self.balanced, self.settings, self.store = balanced, settings, SnapshotStore()
        self.kubernetes = [KubernetesCollector(r, settings, self.store) for r in settings.regions]
        self.dns = [CoreDnsCollector(r, settings, self.store) for r in settings.regions]
        self.resolvers = ResolversCollector(settings, self.store)

    async def __call__(self) -> Board:
        await asyncio.gather(*(c.read() for c in (*self.dns, self.resolvers)), return_exceptions=True)
        return judge(self.store.current, self.settings, datetime.now(UTC))

    async def until(self, holds: Callable[[Board], bool]) -> Board:
        deadline = asyncio.get_running_loop().time() + 15
        while not holds(found := await self()):
            assert asyncio.get_running_loop().time() < deadline, f"not within 15 s; the last word: {found.gslb.judgement}"
            await asyncio.sleep(0.1)
        return found

    async def verdict(self, wanted: Verdict) -> HostAssessment:
        return host(await self.until(lambda board: bool(board.gslb.hosts) and host(board).judgement.verdict is wanted))

    async def apply(self, region: str, item: dict[str, Any], resource: kinds.Resource = kinds.GSLBS) -> None:
        await asyncio.to_thread(self.balanced.world.api[region].apply, resource, item)

    async def serve(self, region: str, addresses: tuple[str, ...], local: tuple[str, ...] | None = None) -> None:
        await asyncio.to_thread(self.balanced.serve, region, addresses, local)


def host(board: Board) -> HostAssessment:
    return next(found for found in board.gslb.hosts if found.host == HOST)


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory, world: World) -> Iterator[Balanced]:
    running = Balanced(tmp_path_factory.mktemp("gslb"), world)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        for region in REGIONS:
            world.api[region].apply(*objects.gslb(region))


@pytest_asyncio.fixture
async def look(balanced: Balanced, settings: Settings) -> AsyncIterator[Look]:
    for region in REGIONS:
        await asyncio.to_thread(balanced.world.api[region].apply, kinds.GSLBS, gslb(region))
    console = Look(balanced, balanced.settings(settings))
    await asyncio.gather(*(collector.read() for collector in console.kubernetes))
    await console.verdict(Verdict.OK)
    yield console
    await asyncio.gather(*(collector.close() for collector in console.kubernetes))
    await asyncio.to_thread(balanced.healthy)


async def test_real_servers_agree_on_a_healthy_platform(look: Look) -> None:
    board = await look()
    found = host(board)
    assert (found.expected, found.pin, found.convergence_s) == (ONE, "region-1", 31)
    assert {cell.server: cell.addresses for cell in found.cells} == dict.fromkeys(
        ("Google", "Cloudflare", "Quad9", "Region 1's CoreDNS", "Region 2's CoreDNS"), ONE
    )
    assert board.gslb.zone is not None and board.gslb.zone.judgement.verdict is Verdict.OK
    assert board.gslb.zone.nameservers == tuple(sorted(NAMESERVERS))


async def test_what_knot_says_is_read_as_it_is_meant(look: Look) -> None:
    port = look.balanced.dns["region-1"].port
    server = Resolver(name="Region 1's CoreDNS", address="127.0.0.1", port=port)

    async def ask(name: str, kind: Any = "A") -> dns.DnsAnswer:
        return await dns.ask(server, name, kind=kind, transport="udp", timeout_s=2, recursive=False)

    known, absent, other = await ask(HOST), await ask(f"no.{ZONE}"), await ask("other.test")
    assert (known.outcome, known.authoritative, known.ttl, set(known.addresses)) == ("answer", True, 1, set(ONE))
    assert (absent.outcome, absent.authoritative) == ("nxdomain", True)
    assert (other.outcome, other.authoritative) == ("refused", False)
    soa, servers = await ask(ZONE, "SOA"), await ask(ZONE, "NS")
    assert (soa.names, soa.authoritative) == ((NAMESERVERS[0],), True)
    assert (set(servers.names), servers.authoritative) == (set(NAMESERVERS), True)


async def test_one_coredns_that_sends_users_elsewhere_is_a_breach(look: Look) -> None:
    await look.serve("region-2", TWO)
    found = host(await look.until(lambda b: host(b).cells[1].addresses == TWO and host(b).cells[0].addresses == ONE))
    assert found.judgement.verdict is Verdict.BREACH
    assert "Cloudflare and Region 2's CoreDNS: users are sent to Region 2 instead of Region 1" in found.judgement.sentence
    proven("Global DNS", "one CoreDNS and a resolver send users to the other region", found.judgement, on=ON)


async def test_an_unhealthy_region_has_no_local_targets_and_users_move(look: Look) -> None:
    for region, local in (("region-1", ()), ("region-2", TWO)):
        await look.serve(region, TWO, local)
        await look.apply(region, gslb(region, health="Healthy" if local else "Unhealthy", served=TWO))
    moved = await look.until(lambda b: host(b).expected == TWO and all(c.addresses == TWO for c in host(b).cells))
    assert host(moved).judgement.verdict is Verdict.BREACH
    assert "Region 1 has no healthy address: k8gb sends users to Region 2 by itself" in host(moved).judgement.sentence
    proven("Global DNS", "the primary region's service is unhealthy", host(moved).judgement, on=ON)


async def test_a_silent_coredns_is_unknown_and_what_its_resolvers_keep_is_stale(look: Look) -> None:
    process = look.balanced.dns["region-1"].process
    assert process is not None
    process.freeze()
    try:
        found = host(await look.until(lambda b: host(b).judgement.verdict is not Verdict.OK and "Stale" in _words(b)))
        own = next(cell for cell in found.cells if cell.region_id == "region-1")
        assert (own.verdict, own.word) == (Verdict.UNKNOWN, "No answer")
        assert found.judgement.verdict is Verdict.UNKNOWN
        proven("Global DNS", "one CoreDNS is silent", found.judgement, on=ON)
    finally:
        process.thaw()


def _words(board: Board) -> set[str]:
    return {cell.word for cell in host(board).cells if not cell.region_id}


async def test_pins_that_differ_between_the_real_api_servers_are_a_breach(look: Look) -> None:
    await look.apply("region-2", gslb("region-2", pin="region-2"))
    found = await look.verdict(Verdict.BREACH)
    assert found.judgement.sentence.startswith("The pin differs: Region 1 says region-1 and Region 2 says region-2")
    proven("Global DNS", "the two clusters' objects name different primaries", found.judgement, on="kube-apiserver")


async def test_a_region_without_the_object_is_a_breach(look: Look) -> None:
    api = look.balanced.world.api["region-2"]
    await asyncio.to_thread(api.delete, kinds.GSLBS, "shop", "app")
    found = await look.verdict(Verdict.BREACH)
    assert "Region 2 has no Gslb for app.gslb.example.test" in found.judgement.sentence
    proven("Global DNS", "one cluster has no Gslb for the host", found.judgement, on="kube-apiserver")


async def test_a_resolver_sent_to_another_name_server_is_a_breach(look: Look, tmp_path: Path) -> None:
    other = RegionDns(tmp_path / "old", ZONE, (NAMESERVERS[0], "ns-old.example.test"))
    await asyncio.to_thread(other.serve, {"app": ONE})
    witness = look.balanced.witnesses[2]
    truth = witness.forwards[ZONE]
    try:
        await asyncio.to_thread(witness.forward, ZONE, other.port)
        board = await look.until(lambda b: b.gslb.zone is not None and b.gslb.zone.judgement.verdict is Verdict.BREACH)
        assert board.gslb.zone is not None
        assert "Quad9: is sent to ns-old.example.test, which is not one of ours" in board.gslb.zone.judgement.sentence
        proven("Global DNS delegation", "the parent names an old name server", board.gslb.zone.judgement, on=ON)
    finally:
        other.stop()
        await asyncio.to_thread(witness.forward, ZONE, truth)


async def test_the_newer_group_is_read_where_it_is_served(look: Look) -> None:
    api = look.balanced.world.api["region-2"]
    await asyncio.to_thread(api.define, [NEW_GROUP])
    await look.apply("region-2", gslb("region-2", pin="region-2"), kinds.GSLBS_NEW)
    later = Look(look.balanced, look.settings)
    try:
        await asyncio.gather(*(collector.read() for collector in later.kubernetes))
        # Region 2's object alone is a breach already; what is tested shows once region 1's has been read as well.
        board = await later.until(lambda b: bool(b.gslb.hosts) and "Region 2 says region-2" in host(b).judgement.sentence)
        assert host(board).judgement.verdict is Verdict.BREACH, "the newer object counts, the older one says region-1"
    finally:
        await asyncio.gather(*(collector.close() for collector in later.kubernetes))
        await asyncio.to_thread(api.delete, kinds.GSLBS_NEW, "shop", "app")
