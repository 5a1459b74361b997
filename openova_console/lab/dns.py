"""The three DNS witnesses: recursive resolvers that follow each region's own DNS, or claim to.

They know `<any>.probe.REGION.lab.example` (a wildcard that only that region's DNS serves), the control name, the hosts of
the GSLB zone that both regions' CoreDNS serve (see `recursion`), and nothing else. When a region's DNS cannot be reached
they say so as public resolvers do: SERVFAIL with EDE 22 (No Reachable Authority), or nothing at all. UDP and TCP share a
port, DNS over TLS has its own.
"""

import asyncio

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from openova_console.lab.clock import Clock
from openova_console.lab.dns_wire import DnsServer, explain
from openova_console.lab.faults import Fault, Faults
from openova_console.lab.k8gb import ZONE, K8gb
from openova_console.lab.names import CONTROL_NAME, REGIONS, WITNESSES, probe_zone
from openova_console.lab.recursion import FORGED, Recursion, in_zone
from openova_console.lab.world import World

TTL_S = 5
LATE_S = 1.5
GIVE_UP_S = 0.3  # how long a resolver tries a dead authority before it answers SERVFAIL
_ADDRESSES = {"region-1": "192.0.2.10", "region-2": "198.51.100.10", "control": "203.0.113.53"}
_ZONES = {region: dns.name.from_text(probe_zone(region)) for region in REGIONS}
_CONTROL = dns.name.from_text(CONTROL_NAME)
_UNREACHABLE = {
    "witness-1": "servfail",
    "witness-2": "servfail",
    "witness-3": "silent",
}  # how each resolver reports a dead authority


class Witness(DnsServer):
    """One resolver. Its fault decides whether it is reached and whether it tells the truth."""

    def __init__(self, name: str, world: World, clock: Clock, faults: Faults, k8gb: K8gb) -> None:
        if name not in WITNESSES:
            raise ValueError(name)
        super().__init__(name, faults)
        self.name = name
        self._world = world
        self._clock = clock
        self._recursion = Recursion(name, k8gb, clock)

    async def answer(self, query: dns.message.Message, fault: Fault, *, udp: bool) -> dns.message.Message | None:
        lie = fault.detail if fault.kind == "answers" else "honest"
        if lie == "late":
            await asyncio.sleep(LATE_S)
        balanced = in_zone(query.question[0].name.to_text(omit_final_dot=True).lower())
        blank = dns.message.make_response(query, recursion_available=True, our_payload=1232)
        response = await (self._balanced if balanced else self._probed)(query, blank, lie)
        if response is not None and lie == "truncate" and udp and response.rcode() == dns.rcode.NOERROR:
            response.answer.clear()
            response.flags |= dns.flags.TC
        if response is not None and lie == "wrong_id":
            response.id = (response.id + 1) % 65536
        return response

    async def _probed(self, query: dns.message.Message, response: dns.message.Message, lie: str) -> dns.message.Message | None:
        """The answer for a region's probe zone, for the control name, and for everything else."""
        place = _place(query.question[0].name)
        how = self._how(place, lie)
        if how == "silent":
            return None
        if how in ("servfail", "refused"):
            if how == "servfail" and place in REGIONS:
                await asyncio.sleep(GIVE_UP_S)
                explain(response, query, dns.edns.EDECode.NO_REACHABLE_AUTHORITY)
            response.set_rcode(dns.rcode.SERVFAIL if how == "servfail" else dns.rcode.REFUSED)
        elif place is None or how == "nxdomain":
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif how != "empty":
            _fill(response, query, place, 0 if how == "stale" else TTL_S)
            if how == "stale":
                explain(response, query, dns.edns.EDECode.STALE_ANSWER)
        return response

    async def _balanced(self, query: dns.message.Message, response: dns.message.Message, lie: str) -> dns.message.Message | None:
        """The answer for a name of the GSLB zone; a lie about the regions is told of their hosts too."""
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        troubles = self._world.timeline.at(self._clock.unix()).conditions.troubles
        apex, named = name == ZONE, question.rdtype == dns.rdatatype.NS
        found = self._recursion.nameservers() if apex else self._recursion.addresses(name)
        if found is None:
            lie = _UNREACHABLE[self.name]
        if lie == "silent":
            return None
        if lie in ("servfail", "refused"):
            if found is None:
                await asyncio.sleep(GIVE_UP_S)
                explain(response, query, dns.edns.EDECode.NO_REACHABLE_AUTHORITY)
            response.set_rcode(dns.rcode.SERVFAIL if lie == "servfail" else dns.rcode.REFUSED)
            return response
        if lie == "nxdomain" or found is None or not found.records:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        stale = lie == "stale" or (not apex and self.name == WITNESSES[1] and "gslb_resolver_stale" in troubles)
        if stale:
            explain(response, query, dns.edns.EDECode.STALE_ANSWER)
        records = (FORGED,) if lie == "forged" and not apex else found.records
        if lie != "empty" and question.rdtype == (dns.rdatatype.NS if apex else dns.rdatatype.A):
            texts = [f"{record}." for record in records] if named else list(records)
            kind = "NS" if named else "A"
            response.answer.append(dns.rrset.from_text_list(question.name, 0 if stale else found.ttl_s, "IN", kind, texts))
        return response

    def _how(self, place: str | None, lie: str) -> str:
        """How this witness answers about a place: its lie when it tells one, the truth otherwise."""
        conditions = self._world.timeline.at(self._clock.unix()).conditions
        unreachable = place in conditions.dead | conditions.isolated
        if lie == "serve_stale":
            return "stale" if unreachable else "honest"
        # A cache and a forger know the regions' names; the control name they leave alone.
        if lie != "honest" and (lie not in ("stale", "forged", "nxdomain") or place in REGIONS):
            return lie
        return _UNREACHABLE[self.name] if unreachable else "honest"


def _place(name: dns.name.Name) -> str | None:
    """Which part of the lab's DNS serves a name: a region, `control`, or none."""
    if name == _CONTROL:
        return "control"
    return next((region for region, zone in _ZONES.items() if name.is_subdomain(zone) and name != zone), None)


def _fill(response: dns.message.Message, query: dns.message.Message, place: str, ttl: int) -> None:
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN:
        return
    records = {dns.rdatatype.A: _ADDRESSES[place], dns.rdatatype.TXT: f'"{place}"'}
    data = records.get(question.rdtype)
    if data is not None:
        response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype, data))
