"""Global load balancing: objects, answers and the delegation, each rule and what must hold whatever is answered."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.delegation import judge_zone
from openova_console.handbook.gslb import Answer, GslbObject, HostAssessment, Limits, Server, ServerView, Side
from openova_console.handbook.gslb_hosts import judge_host
from openova_console.handbook.witnesses import Outcome
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

HOST, ZONE = "app.gslb.test", "gslb.test"
ONE, TWO = ("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2")
LIMITS = Limits(NOW, 60, 45, 30)
WELL = Answer(Outcome.ANSWER, ("control",), 60)
NS = ("ns-eu", "ns-us")


def gslb(tag: str, own: tuple[str, ...], **changes) -> GslbObject:
    return replace(GslbObject("shop/app", "failover", "eu", 30, tag, "Healthy", ONE, own), **changes)


def side(number: int, found: GslbObject | None = None, *, age_s: float = 1, active: bool | None = None, **changes) -> Side:
    tag, own = (("eu", ONE), ("us", TWO))[number - 1]
    objects = {HOST: found or gslb(tag, own)}
    return replace(Side(f"region-{number}", f"Region {number}", tag, reading(objects, age_s=age_s), active), **changes)


def told(*addresses: str, ttl: int = 30, **changes) -> Answer:
    return replace(Answer(Outcome.ANSWER, addresses, ttl), **changes)


def resolver(name: str, answer: Answer | None, *, age_s: float = 1, **changes) -> Server:
    hosts = {} if answer is None else {HOST: answer}
    view = ServerView(name, ago(age_s), hosts, {}, told(*NS), None, WELL)
    return Server(name, "", True, replace(view, **changes))


def coredns(number: int, answer: Answer | None, local: Answer | None, *, age_s: float = 1, **changes) -> Server:
    def own(given: Answer | None) -> dict[str, Answer]:
        return {} if given is None else {HOST: replace(given, authoritative=True)}

    soa = told("ns-eu", authoritative=True)
    view = ServerView(f"Region {number}", ago(age_s), own(answer), own(local), told(*NS, authoritative=True), soa)
    return Server(f"Region {number}", f"region-{number}", True, replace(view, **changes))


def world(answers: tuple[str, ...] = ONE, **changes: Server) -> list[Server]:
    """Everybody answers alike; `changes` replace servers by name."""
    servers = {name: resolver(name, told(*answers)) for name in ("Google", "Cloudflare", "Quad9")}
    servers |= {"one": coredns(1, told(*answers), told(*ONE)), "two": coredns(2, told(*answers), told(*TWO))}
    return list((servers | changes).values())


def judge(servers: list[Server] | None = None, sides: list[Side] | None = None, limits: Limits = LIMITS) -> HostAssessment:
    return judge_host(HOST, sides or [side(1), side(2)], servers if servers is not None else world(), limits)


def sentences(found: HostAssessment) -> str:
    return "\n".join(f"{f.verdict.value}: {f.sentence}" for f in found.findings)


def test_when_everybody_answers_the_pinned_region_all_is_well():
    found = judge()
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, "All 5 servers that were asked answer Region 1")
    assert (found.expected, found.pin, found.ttl_s, found.convergence_s, found.observed_at) == (ONE, "eu", 30, 60, ago(1))


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (told(*TWO), Verdict.BREACH, "Google: users are sent to Region 2 instead of Region 1, and back without being asked"),
        (told(*ONE, *TWO), Verdict.BREACH, "Google: users are sent to Region 2 instead of Region 1"),
        (told("203.0.113.9"), Verdict.BREACH, "Google: users are sent to 203.0.113.9, which is no region's address"),
        (told(ONE[0]), Verdict.WARN, "Google: gives 1 of the 2 healthy addresses"),
        (told(*ONE, ede=(3,)), Verdict.UNKNOWN, "Google: answers from a stale cache"),
        (told(*ONE, ede=(19,)), Verdict.UNKNOWN, "Google: answers from a stale cache"),
        (told(*ONE, ede=(15,)), Verdict.UNKNOWN, "Google: filters this name"),
        (told(*ONE, ttl=300), Verdict.WARN, "Google: kept for 5 min, the Gslb says 30 s"),
        (Answer(Outcome.SERVFAIL), Verdict.BREACH, "Google: SERVFAIL: users get no address"),
        (Answer(Outcome.NXDOMAIN), Verdict.BREACH, "Google: says that the name does not exist"),
        (Answer(Outcome.EMPTY), Verdict.BREACH, "Google: answers without an address"),
        (Answer(Outcome.REFUSED), Verdict.BREACH, "Google: refuses to answer"),
        (Answer(Outcome.TIMEOUT), Verdict.UNKNOWN, "Google: did not answer"),
        (Answer(Outcome.UNREACHABLE), Verdict.UNKNOWN, "Google: cannot be reached"),
        (Answer(Outcome.TLS_FAILED), Verdict.UNKNOWN, "Google: its certificate was not accepted"),
        (Answer(Outcome.MALFORMED), Verdict.UNKNOWN, "Google: its answer makes no sense"),
        (None, Verdict.UNKNOWN, "Google: was not asked for this host yet"),
    ],
)
def test_one_resolver_that_differs(answer, verdict, words):
    found = judge(world(Google=resolver("Google", answer)))
    assert found.judgement.verdict is verdict
    assert found.judgement.sentence.startswith(words)


@pytest.mark.parametrize("control", [Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.NXDOMAIN])
def test_a_resolver_that_does_not_know_its_control_name_says_nothing(control):
    broken = resolver("Google", Answer(Outcome.SERVFAIL), control=Answer(control))
    found = judge(world(Google=broken))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert "does not answer for its control name either" in found.judgement.sentence


def test_old_answers_future_answers_and_servers_that_are_not_configured_are_unknown():
    old = judge(world(Google=resolver("Google", told(*ONE), age_s=61)))
    assert old.judgement.sentence == "Google: was last asked 61 s ago" and old.judgement.verdict is Verdict.UNKNOWN
    ahead = judge(world(Google=resolver("Google", told(*ONE), age_s=-30)))
    assert ahead.judgement.sentence == "Google: was last asked 30 s in the future"
    unset = judge(world(two=Server("Region 2", "region-2", False, None)))
    assert "not configured: add dns to the region's settings" in sentences(unset)
    never = judge(world(two=Server("Region 2", "region-2", True, None)))
    assert "Region 2's CoreDNS: was not asked yet" in sentences(never)
    assert {f.judgement.verdict for f in (unset, never)} == {Verdict.UNKNOWN}


def test_without_any_server_or_object_nothing_is_well():
    assert judge([]).judgement.verdict is Verdict.UNKNOWN
    found = judge(sides=[side(1, objects=missing("denied")), side(2, objects=missing("denied"))])
    assert found.judgement.verdict is Verdict.UNKNOWN and "Region 1's Gslb is not known, denied" in found.judgement.sentence


def test_pins_that_differ_are_a_breach_and_no_address_is_then_expected():
    found = judge(sides=[side(1), side(2, gslb("us", TWO, primary_geo_tag="us"))])
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence.startswith("The pin differs: Region 1 says eu and Region 2 says us")
    assert (found.pin, found.expected) == ("", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"primary_geo_tag": "ap"}, "The pin names 'ap', which is no region"),
        ({"primary_geo_tag": ""}, "Failover without a pin"),
    ],
)
def test_a_pin_that_names_no_region(changes, words):
    sides = [side(1, gslb("eu", ONE, **changes)), side(2, gslb("us", TWO, **changes))]
    assert words in sentences(judge(sides=sides))
    assert judge(sides=sides).judgement.verdict is Verdict.BREACH


def test_objects_that_are_missing_old_or_of_another_strategy():
    alone = judge(sides=[side(1), side(2, objects=reading({}))])
    assert "breach: Region 2 has no Gslb for app.gslb.test: k8gb there does not serve it" in sentences(alone)
    old = judge(sides=[side(1), side(2, age_s=50)])
    assert old.judgement.verdict is Verdict.UNKNOWN and "Region 2's Gslb is not known" in old.judgement.sentence
    mixed = judge(sides=[side(1), side(2, gslb("us", TWO, strategy="roundRobin"))])
    assert "The strategies differ: Region 1 says failover and Region 2 says roundRobin" in sentences(mixed)
    renamed = judge(sides=[side(1, gslb("europe", ONE)), side(2)])
    assert "k8gb calls Region 1 'europe', the settings call it 'eu': set its geo_tag" in sentences(renamed)


def test_a_pin_to_a_region_that_does_not_accept_writes_is_a_breach():
    found = judge(sides=[side(1, active=False), side(2, active=True)])
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == "Users are pinned to Region 1, but Region 2 accepts writes"
    assert judge(sides=[side(1, active=True), side(2, active=False)]).judgement.verdict is Verdict.OK
    assert judge(sides=[side(1, active=None), side(2, active=True)]).judgement.verdict is Verdict.OK


NOTHING = Answer(Outcome.NXDOMAIN)


def test_an_unhealthy_primary_is_left_by_k8gb_itself():
    left = world(TWO, one=coredns(1, told(*TWO), NOTHING))
    found = judge(left, [side(1, gslb("eu", ONE, health="Unhealthy")), side(2)])
    assert found.judgement.verdict is Verdict.BREACH and found.expected == TWO
    assert found.judgement.sentence.startswith(
        "Region 1 has no healthy address: k8gb sends users to Region 2 by itself, and back"
    )
    assert all(cell.verdict is Verdict.OK for cell in found.cells)


def test_no_healthy_address_anywhere():
    found = judge(world(one=coredns(1, NOTHING, NOTHING), two=coredns(2, NOTHING, NOTHING)))
    assert "breach: No region has a healthy address" in sentences(found)
    unsure = judge(world(one=coredns(1, NOTHING, NOTHING), two=coredns(2, None, None)))
    assert "Region 1 has no healthy address; whether Region 2 has is not known" in sentences(unsure)


def test_a_second_region_that_could_not_take_over_is_a_warning():
    found = judge(world(two=coredns(2, told(*ONE), NOTHING)), [side(1), side(2, gslb("us", TWO, health="Unhealthy"))])
    assert (found.judgement.verdict, found.judgement.sentence) == (
        Verdict.WARN,
        "Region 2 has no healthy address (service Unhealthy): it could not take over",
    )


def test_an_object_that_contradicts_its_own_coredns():
    assert "breach: Region 2's Gslb says Healthy, but its CoreDNS has no address" in sentences(
        judge(world(two=coredns(2, told(*ONE), NOTHING)))
    )
    found = judge(sides=[side(1), side(2, gslb("us", TWO, health="Unhealthy"))])
    assert "warn: Region 2's Gslb says Unhealthy, but its CoreDNS still has its addresses" in sentences(found)


def test_a_dead_primary_is_not_known_and_users_who_moved_are_a_breach():
    silent = coredns(1, Answer(Outcome.TIMEOUT), Answer(Outcome.TIMEOUT))
    moved = judge(world(TWO, one=silent), [side(1, age_s=100), side(2)])
    assert moved.expected is None and moved.judgement.verdict is Verdict.BREACH
    assert moved.judgement.sentence.startswith(
        "All 3 resolvers and Region 2's CoreDNS: users are sent to Region 2 while the pin is Region 1, and back without being"
    )
    stayed = judge(world(ONE, one=silent), [side(1, age_s=100), side(2)])
    assert stayed.judgement.verdict is Verdict.UNKNOWN
    assert "users are sent to Region 1; whether that is right is not known" in sentences(stayed)


def test_with_no_resolver_a_coredns_that_differs_is_no_breach_because_users_may_never_see_it():
    gone = {
        name: resolver(name, Answer(Outcome.TIMEOUT), control=Answer(Outcome.TIMEOUT))
        for name in ("Google", "Cloudflare", "Quad9")
    }
    found = judge(world(two=coredns(2, told(*TWO), told(*TWO)), **gone))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert "whether users follow is not known, no resolver answers" in sentences(found)


def test_an_answer_without_authority_is_a_breach():
    lame = coredns(2, told(*ONE), told(*TWO))
    view = lame.view
    assert view is not None
    found = judge(world(two=replace(lame, view=replace(view, hosts={HOST: told(*ONE)}))))
    assert "Region 2's CoreDNS: answers without authority" in sentences(found)
    assert found.judgement.verdict is Verdict.BREACH


def robin(strategy: str = "roundRobin") -> list[Side]:
    return [side(1, gslb("eu", ONE, strategy=strategy)), side(2, gslb("us", TWO, strategy=strategy))]


def test_round_robin_wants_every_healthy_address_of_both():
    assert judge(world((*ONE, *TWO)), robin()).judgement.verdict is Verdict.OK
    half = judge(world(ONE), robin())
    assert (half.judgement.verdict, half.expected_from) == (Verdict.WARN, "Region 1 and Region 2")
    assert "gives 2 of the 4 healthy addresses" in half.judgement.sentence
    one_sided = judge(world(ONE, two=coredns(2, told(*ONE), NOTHING)), robin())
    assert one_sided.expected == ONE and one_sided.judgement.verdict is Verdict.BREACH, "its object still says Healthy"
    silent = judge(world((*ONE, *TWO), two=coredns(2, None, None)), robin())
    assert silent.expected is None and silent.judgement.verdict is Verdict.UNKNOWN


def test_geo_ip_takes_any_healthy_address_and_other_strategies_are_not_judged():
    assert judge(world(ONE), robin("geoip")).judgement.verdict is Verdict.OK
    assert judge(world(("203.0.113.9",)), robin("geoip")).judgement.verdict is Verdict.BREACH
    odd = judge(world(ONE), robin("sticky"))
    assert odd.judgement.verdict is Verdict.UNKNOWN and "The strategy 'sticky' is not one that can be judged" in sentences(odd)


def test_strangers_are_only_called_so_when_every_address_is_known():
    unread = [side(1), side(2, objects=missing("denied"))]
    found = judge(world(two=coredns(2, None, None), Google=resolver("Google", told("203.0.113.9"))), unread)
    assert "users are sent to 203.0.113.9; whose that is, is not known" in sentences(found)


answers = st.one_of(
    st.none(),
    st.builds(
        Answer,
        st.sampled_from(Outcome),
        st.lists(st.sampled_from((*ONE, *TWO, "203.0.113.9")), max_size=3, unique=True).map(tuple),
        st.none() | st.integers(0, 600),
        st.lists(st.sampled_from((3, 15, 22)), max_size=1).map(tuple),
        st.booleans(),
    ),
)
ages = st.sampled_from((1.0, 59.0, 61.0, 4000.0, -30.0))
objects = st.one_of(
    st.builds(
        lambda tag, health, strategy: gslb("eu", ONE, primary_geo_tag=tag, health=health, strategy=strategy),
        st.sampled_from(("eu", "us", "")),
        st.sampled_from(("Healthy", "Unhealthy", "")),
        st.sampled_from(("failover", "roundRobin", "geoip", "odd")),
    ),
    st.none(),
)


@untimed
@given(st.lists(st.tuples(answers, ages), min_size=5, max_size=5), answers, answers, objects, objects, ages)
def test_ok_needs_a_fresh_right_answer_of_everybody(said, local_1, local_2, first, second, kube_age):
    named = list(zip(("Google", "Cloudflare", "Quad9"), said, strict=False))
    servers = [resolver(name, answer, age_s=age) for name, (answer, age) in named]
    servers += [
        coredns(number, answer, local, age_s=age)
        for number, (answer, age), local in ((1, said[3], local_1), (2, said[4], local_2))
    ]
    sides = [side(1, first, age_s=kube_age) if first else side(1, objects=reading({})), side(2, second) if second else side(2)]
    found = judge(servers, sides)
    assert found.judgement.sentence
    if found.judgement.verdict is Verdict.OK:
        assert found.expected and all(cell.verdict is Verdict.OK for cell in found.cells)
        for answer, age in said:
            assert answer is not None and answer.outcome is Outcome.ANSWER and not answer.ede and -5 <= age <= 60
            assert answer.records and set(answer.records) <= set(found.expected)
        assert first is not None and kube_age <= 45


@untimed
@given(st.floats(61, 1e7))
def test_everything_turns_unknown_by_itself(seconds):
    limits = replace(LIMITS, now=NOW + timedelta(seconds=seconds))
    assert judge(limits=limits).judgement.verdict is Verdict.UNKNOWN
    assert judge_zone(ZONE, world(), limits).judgement.verdict is Verdict.UNKNOWN


def test_the_zone_is_well_when_everybody_names_the_same_servers():
    found = judge_zone(ZONE, world(), LIMITS)
    assert found.judgement.verdict is Verdict.OK
    assert found.judgement.sentence == "gslb.test is delegated to ns-eu and ns-us, and every CoreDNS is authoritative"
    assert found.nameservers == NS
    assert judge_zone(ZONE, [], LIMITS).judgement.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"nameservers": told("NS-eu.", "ns-us.")}, Verdict.OK, "is delegated"),
        ({"nameservers": told("ns-eu")}, Verdict.BREACH, "Google: does not know ns-us"),
        ({"nameservers": told("ns-eu", "ns-old")}, Verdict.BREACH, "Google: is sent to ns-old, which is not one of ours"),
        ({"nameservers": Answer(Outcome.NXDOMAIN)}, Verdict.BREACH, "Google: finds no name server for it"),
        ({"nameservers": Answer(Outcome.SERVFAIL)}, Verdict.BREACH, "Google: finds no name server for it"),
        ({"nameservers": Answer(Outcome.TIMEOUT)}, Verdict.UNKNOWN, "Google: did not answer for the zone"),
        ({"nameservers": told(*NS, ede=(3,))}, Verdict.UNKNOWN, "Google: does not give a fresh answer"),
        ({"nameservers": None}, Verdict.UNKNOWN, "Google: was not asked for the zone yet"),
        ({"control": Answer(Outcome.TIMEOUT)}, Verdict.UNKNOWN, "Google: does not answer for its control name either"),
        ({"asked_at": ago(90)}, Verdict.UNKNOWN, "Google: was not asked, last 90 s ago"),
    ],
)
def test_one_resolver_that_sees_another_delegation(changes, verdict, words):
    found = judge_zone(ZONE, world(Google=resolver("Google", told(*ONE), **changes)), LIMITS)
    assert found.judgement.verdict is verdict and words in found.judgement.sentence


@pytest.mark.parametrize("soa", [None, Answer(Outcome.REFUSED), told("ns-eu")])
def test_a_coredns_without_a_soa_of_its_own_is_not_authoritative(soa):
    found = judge_zone(ZONE, world(two=coredns(2, told(*ONE), told(*TWO), soa=soa)), LIMITS)
    assert found.judgement.verdict is Verdict.BREACH
    assert "Region 2's CoreDNS: is not authoritative for it" in found.judgement.sentence


def test_one_name_server_for_two_regions_is_a_warning_and_the_settings_may_name_them():
    single = {name: resolver(name, told(*ONE), nameservers=told("ns-eu")) for name in ("Google", "Cloudflare", "Quad9")}
    both = {"one": coredns(1, told(*ONE), told(*ONE), nameservers=told("ns-eu", authoritative=True))}
    both["two"] = coredns(2, told(*ONE), told(*TWO), nameservers=told("ns-eu", authoritative=True))
    found = judge_zone(ZONE, world(**single, **both), LIMITS)
    assert found.judgement.verdict is Verdict.WARN
    assert "1 name server for 2 regions: when that one dies nobody finds it" in found.judgement.sentence
    assert judge_zone(ZONE, world(**single, **both), LIMITS, configured=NS).judgement.verdict is Verdict.BREACH
    assert judge_zone(ZONE, world(), LIMITS, configured=("ns-eu.", "NS-us")).judgement.verdict is Verdict.OK


def test_without_any_coredns_the_delegation_cannot_be_judged():
    servers = [s for s in world() if not s.region_id] + [Server("Region 1", "region-1", False, None)]
    found = judge_zone(ZONE, servers, LIMITS)
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert "which name servers are right is not known" in "\n".join(cell.why for cell in found.cells)
