"""Each region's own CoreDNS with k8gb's plug-in: authoritative for the GSLB zone, refuses everything else."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from openova_console.lab.dns_wire import DnsServer
from openova_console.lab.faults import Fault, Faults
from openova_console.lab.k8gb import ZONE, K8gb, nameserver
from openova_console.lab.names import REGIONS

ZONE_TTL_S = 30
_ZONE = dns.name.from_text(ZONE)


class CoreDns(DnsServer):
    """One region's. A dead region's is silent."""

    def __init__(self, region: str, k8gb: K8gb, faults: Faults, *, alive: Callable[[str], bool]) -> None:
        super().__init__(f"{region}/dns", faults)
        self._region, self._k8gb, self._alive = region, k8gb, alive

    async def answer(self, query: dns.message.Message, fault: Fault, *, udp: bool) -> dns.message.Message | None:
        if not self._alive(self._region):
            return None
        response = dns.message.make_response(query, our_payload=1232)
        question = query.question[0]
        if not question.name.is_subdomain(_ZONE) or not self._k8gb.serves(self._region):
            response.set_rcode(dns.rcode.REFUSED)
            return response
        response.flags |= dns.flags.AA
        if question.name == _ZONE:
            self._apex(response, question)
            return response
        records = self._k8gb.records(self._region, question.name.to_text(omit_final_dot=True).lower())
        if records is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A and question.rdclass == dns.rdataclass.IN:
            response.answer.append(dns.rrset.from_text_list(question.name, records.ttl_s, "IN", "A", records.addresses))
        if not response.answer:
            response.authority.append(self._soa())
        return response

    def _apex(self, response: dns.message.Message, question: dns.rrset.RRset) -> None:
        if question.rdtype == dns.rdatatype.SOA:
            response.answer.append(self._soa())
        elif question.rdtype == dns.rdatatype.NS:
            names = [f"{nameserver(region)}." for region in REGIONS]
            response.answer.append(dns.rrset.from_text_list(_ZONE, ZONE_TTL_S, "IN", "NS", names))
        else:
            response.authority.append(self._soa())

    def _soa(self) -> dns.rrset.RRset:
        text = f"{nameserver(self._region)}. hostmaster.{ZONE}. 1 3600 600 86400 {ZONE_TTL_S}"
        return dns.rrset.from_text(_ZONE, ZONE_TTL_S, "IN", "SOA", text)
