"""Global load balancing in the lab: what the console's own collectors read over the wire, and what the board says of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.gslb import HostAssessment
from openova_console.handbook.words import Judgement, Verdict
from openova_console.lab.faults import Fault
from openova_console.settings import Settings
from openova_console.systems.errors import Fault as SystemFault
from openova_console.watch.board import Board, judge
from openova_console.watch.collectors.gslb import CoreDnsCollector, ResolversCollector
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running
from tests.support.bad_cases import proven

APP = "app.gslb.openova.example"
ONE, TWO = ("203.0.113.10", "203.0.113.11"), ("198.51.100.10", "198.51.100.11")


@dataclass
class Look:
    """A console that reads the lab on demand."""

    lab: Running
    settings: Settings
    store: SnapshotStore = field(default_factory=SnapshotStore)

    def __post_init__(self) -> None:
        self.kubernetes = [KubernetesCollector(r, self.settings, self.store) for r in self.settings.regions]
        dns = [CoreDnsCollector(r, self.settings, self.store) for r in self.settings.regions]
        self.dns = [*dns, ResolversCollector(self.settings, self.store)]

    async def __call__(self) -> Board:
        """Read DNS once and judge."""
        await asyncio.gather(*(collector.read() for collector in self.dns), return_exceptions=True)
        return judge(self.store.current, self.settings, datetime.now(UTC))

    async def until(self, holds: Callable[[Board], bool]) -> Board:
        """Read until the board is as it should be: watches bring changes of objects when they come."""
        async with asyncio.timeout(30):
            while not holds(found := await self()):
                await asyncio.sleep(0.05)
        return found

    async def verdict(self, wanted: Verdict) -> Board:
        return await self.until(lambda board: board.gslb.judgement.verdict is wanted)

    async def close(self) -> None:
        await asyncio.gather(*(collector.close() for collector in self.kubernetes))


@pytest_asyncio.fixture
async def look(here: Running) -> AsyncIterator[Look]:
    """A console whose Gslb objects are read."""
    settings: Settings = await asyncio.to_thread(console_settings.load, here.path / "console.yaml")
    # A busy machine may be late with a watch; how old objects may be is not what is tested here.
    patient = settings.freshness.model_copy(update={"kubernetes_s": 300})
    unhurried = settings.gslb.model_copy(update={"timeout_s": 3})
    settings = settings.model_copy(update={"freshness": patient, "gslb": unhurried})
    console = Look(here, settings)
    await asyncio.gather(*(collector.read() for collector in console.kubernetes))
    await console.until(lambda board: len(board.gslb.hosts) == 2 and all(len(h.cells) == 5 for h in board.gslb.hosts))
    yield console
    await console.close()


def host(board: Board, name: str = APP) -> HostAssessment:
    return next(found for found in board.gslb.hosts if found.host == name)


def answers(board: Board) -> dict[str, tuple[str, ...]]:
    return {cell.server: cell.addresses for cell in host(board).cells}


async def test_a_healthy_platform_sends_everybody_to_the_pinned_region(look: Look) -> None:
    board = await look.verdict(Verdict.OK)
    app = host(board)
    assert (app.strategy, app.pin, app.expected, app.expected_from) == ("failover", R1, ONE, "Region 1")
    assert answers(board) == dict.fromkeys(("Google", "Cloudflare", "Quad9", "Region 1's CoreDNS", "Region 2's CoreDNS"), ONE)
    assert [(s.region, s.addresses, s.health) for s in app.sides] == [("Region 1", ONE, "Healthy"), ("Region 2", TWO, "Healthy")]
    assert (app.ttl_s, app.convergence_s) == (30, 60)
    assert app.judgement.sentence == "All 5 servers that were asked answer Region 1"
    assert board.gslb.judgement == Judgement.ok("Every resolver and CoreDNS answers as expected for 2 hosts")
    assert not board.gslb.alarms
    zone = board.gslb.zone
    assert zone is not None and zone.nameservers == (
        "gslb-ns-region-1-gslb.openova.example",
        "gslb-ns-region-2-gslb.openova.example",
    )


async def test_when_region_1_dies_users_move_by_themselves_and_the_pin_still_calls_them_back(look: Look) -> None:
    await look()
    await look.lab.go("r1_down", 31)
    board = await look.until(lambda b: answers(b)["Google"] == TWO)
    app = host(board)
    assert answers(board)["Region 1's CoreDNS"] == ()
    assert app.judgement.verdict is Verdict.BREACH
    assert app.judgement.sentence.startswith(
        "All 3 resolvers and Region 2's CoreDNS: users are sent to Region 2 while the pin is Region 1, and back without being "
        "asked as soon as Region 1 answers"
    )
    assert board.gslb.judgement.sentence.startswith("2 hosts: All 3 resolvers and Region 2's CoreDNS: users are sent to Region 2")
    proven("Global DNS", "region 1 is down, k8gb moves users by itself", app.judgement, on="lab")


async def test_resolvers_keep_the_old_answer_for_its_time_to_live(look: Look) -> None:
    await look()
    await look.lab.go("r1_down", 5)
    board = await look()
    assert answers(board)["Google"] == ONE and answers(board)["Region 2's CoreDNS"] == TWO


async def test_two_pins_are_a_breach_whatever_is_answered(look: Look) -> None:
    await look.lab.lab.set_trouble("gslb_pin_differs", True)
    await look.lab.lab.advance(31)
    board = await look.verdict(Verdict.BREACH)
    assert host(board).pin == ""
    assert answers(board)["Region 1's CoreDNS"] == ONE and answers(board)["Region 2's CoreDNS"] == TWO
    assert "The pin differs: Region 1 says region-1 and Region 2 says region-2" in board.gslb.judgement.sentence
    proven("Global DNS", "the two clusters' objects name different primaries", host(board).judgement, on="lab")


async def test_a_promotion_on_one_side_alone_splits_the_users_too(look: Look) -> None:
    await look.lab.go("both_active", 31)
    board = await look.until(lambda b: "The pin differs" in b.gslb.judgement.sentence)
    assert board.gslb.alarms[0].title == "Global DNS"


async def test_an_unhealthy_primary_region_is_left_and_that_is_said(look: Look) -> None:
    await look.lab.lab.set_trouble("gslb_unhealthy", True)
    await look.lab.lab.advance(31)
    board = await look.until(lambda b: host(b).sides[0].health == "Unhealthy" and answers(b)["Quad9"] == TWO)
    app = host(board)
    assert app.sides[0].addresses == () and app.expected == TWO
    assert app.judgement.verdict is Verdict.BREACH
    assert app.judgement.sentence.startswith("Region 1 has no healthy address: k8gb sends users to Region 2 by itself")
    proven("Global DNS", "the primary region's service is unhealthy", app.judgement, on="lab")


async def test_a_stale_answer_is_no_answer(look: Look) -> None:
    await look.lab.lab.set_trouble("gslb_resolver_stale", True)
    board = await look.until(lambda b: host(b).judgement.sentence.startswith("Cloudflare: "))
    cell = next(c for c in host(board).cells if c.server == "Cloudflare")
    assert (cell.verdict, cell.word, cell.addresses) == (Verdict.UNKNOWN, "Stale", ONE)
    proven("Global DNS", "a resolver answers from a stale cache", host(board).judgement, on="lab")


async def test_a_resolver_that_forges_addresses_is_a_breach(look: Look) -> None:
    await look.lab.lab.set_fault("witness-1", Fault.parse("answers:forged"))
    board = await look.verdict(Verdict.BREACH)
    assert host(board).judgement.sentence == "Google: users are sent to 192.0.2.66, which is no region's address"
    proven("Global DNS", "a resolver gives an address that no region has", host(board).judgement, on="lab")


@pytest.mark.parametrize(
    ("lie", "verdict", "words"),
    [
        ("servfail", Verdict.UNKNOWN, "Google: does not answer for its control name either"),
        ("silent", Verdict.UNKNOWN, "Google: does not answer for its control name either"),
        ("nxdomain", Verdict.BREACH, "Google: says that the name does not exist"),
    ],
)
async def test_a_resolver_that_fails(look: Look, lie: str, verdict: Verdict, words: str) -> None:
    await look.lab.lab.set_fault("witness-1", Fault.parse(f"answers:{lie}"))
    board = await look.verdict(verdict)
    assert host(board).judgement.sentence.startswith(words)


async def test_a_broken_delegation_is_a_breach_although_every_host_is_well(look: Look) -> None:
    await look.lab.lab.set_trouble("gslb_delegation_broken", True)
    board = await look.verdict(Verdict.BREACH)
    assert host(board).judgement.verdict is Verdict.OK
    zone = board.gslb.zone
    assert zone is not None and "is sent to gslb-ns-old-gslb.openova.example, which is not one of ours" in zone.judgement.sentence
    proven("Global DNS delegation", "the parent names an old name server", zone.judgement, on="lab")


async def test_a_coredns_that_refuses_its_own_zone_is_a_breach(look: Look) -> None:
    await look.lab.lab.set_trouble("gslb_lame", True)
    board = await look.verdict(Verdict.BREACH)
    cell = next(c for c in host(board).cells if c.region_id == R2)
    assert (cell.verdict, cell.why) == (Verdict.BREACH, "refuses to answer: users get no address")
    zone = board.gslb.zone
    assert zone is not None and "Region 2's CoreDNS: is not authoritative for it" in zone.judgement.sentence
    proven("Global DNS delegation", "one CoreDNS refuses the zone", zone.judgement, on="lab")


@pytest.mark.parametrize("state", ["refuse", "freeze", "garbage:html", "garbage:truncated"])
async def test_a_coredns_that_gives_no_answer_is_unknown(look: Look, state: str) -> None:
    await look.lab.lab.set_fault(f"{R2}/dns", Fault.parse(state))
    board = await look.until(lambda b: host(b).judgement.sentence.startswith("Region 2's CoreDNS: "))
    cell = next(c for c in host(board).cells if c.region_id == R2)
    assert cell.verdict is Verdict.UNKNOWN and cell.addresses == ()
    with pytest.raises(SystemFault, match="Region 2's CoreDNS"):
        await look.dns[1].read()
    if state == "refuse":
        proven("Global DNS", "one CoreDNS is silent", host(board).judgement, on="lab")


async def test_cut_off_from_everything_nothing_is_ok_and_nothing_is_claimed(look: Look) -> None:
    await look.lab.go("r2_isolated", 31)
    board = await look()
    assert {cell.verdict for cell in host(board).cells if not cell.region_id} == {Verdict.UNKNOWN}
    assert host(board).judgement.verdict is Verdict.UNKNOWN
    assert "whether users follow is not known, no resolver answers" in str(host(board).findings)


async def test_answers_of_before_are_no_answers(look: Look) -> None:
    await look.verdict(Verdict.OK)
    later = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC)
    board = judge(look.store.current, look.settings, later)
    assert board.gslb.judgement.verdict is Verdict.UNKNOWN
    proven("Global DNS", "nothing was asked for an hour", host(board).judgement, on="lab")


async def test_the_settings_of_the_lab_name_the_zone_and_both_servers(here: Running) -> None:
    settings = await asyncio.to_thread(console_settings.load, Path(here.path) / "console.yaml")
    assert settings.gslb.zone == "gslb.openova.example"
    assert all(region.dns is not None for region in settings.regions)
