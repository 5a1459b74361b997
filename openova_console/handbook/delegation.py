"""Is the GSLB zone delegated to both regions, and are both authoritative for it?

k8gb's zone stands in the parent as NS records with glue, one for each region. A resolver tells the name servers that it
knows after following the delegation; each CoreDNS tells its own and proves its authority by a SOA with AA. A delegation to
one region alone works every day and fails on the one that matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from openova_console.handbook.gslb import Answer, Cell, Limits, Server
from openova_console.handbook.speech import listing, span
from openova_console.handbook.witnesses import FILTERED_EDE, STALE_EDE, Outcome
from openova_console.handbook.words import Judgement, Verdict, worst, young


@dataclass(frozen=True, slots=True)
class ZoneAssessment:
    """The zone, judged; `nameservers` are those that are expected."""

    judgement: Judgement
    nameservers: tuple[str, ...]
    cells: tuple[Cell, ...]


def judge_zone(
    zone: str, servers: Sequence[Server], limits: Limits, *, configured: Sequence[str] = (), regions: int = 2
) -> ZoneAssessment:
    """Grade the delegation of `zone`.

    Args:
        configured: its name servers by the settings; empty takes those that the CoreDNS name.
        regions: how many regions there are; each must have a name server.
    """
    own = [_names(s.view.nameservers) for s in servers if s.region_id and s.view is not None and _fresh(s, limits)]
    expected = frozenset(_plain(name) for name in configured) or frozenset[str]().union(*own)
    cells = tuple(_cell(server, expected, limits) for server in servers)
    bad = [cell for cell in cells if cell.verdict is not Verdict.OK]
    findings = [Judgement(cell.verdict, f"{cell.server}: {cell.why}") for cell in bad]
    if expected and len(expected) < regions:
        sentence = f"{zone} has {len(expected)} name server for {regions} regions: when that one dies nobody finds it"
        findings.append(Judgement.warn(sentence))
    if not findings:
        ok = Judgement.ok(f"{zone} is delegated to {listing(sorted(expected))}, and every CoreDNS is authoritative")
        return ZoneAssessment(ok if cells else Judgement.unknown("No DNS server is configured"), tuple(sorted(expected)), cells)
    verdict = worst(finding.verdict for finding in findings)
    first = next(finding for finding in findings if finding.verdict is verdict)
    rest = len(findings) - 1
    more = f" (and {rest} more finding{'s' if rest > 1 else ''})" if rest else ""
    return ZoneAssessment(Judgement(verdict, f"{zone}, {first.sentence}{more}"), tuple(sorted(expected)), cells)


def _cell(server: Server, expected: frozenset[str], limits: Limits) -> Cell:
    label = f"{server.name}'s CoreDNS" if server.region_id else server.name

    def cell(verdict: Verdict, word: str, why: str, found: frozenset[str] = frozenset()) -> Cell:
        return Cell(label, server.region_id, verdict, word, why, tuple(sorted(found)))

    if not server.configured:
        return cell(Verdict.UNKNOWN, "Not configured", "not configured: add dns to the region's settings")
    view = server.view
    if view is None or not _fresh(server, limits):
        age = "" if view is None else f", last {span(abs((limits.now - view.asked_at).total_seconds()))} ago"
        return cell(Verdict.UNKNOWN, "Not asked", f"was not asked{age or ' yet'}")
    if view.control is not None and view.control.outcome is not Outcome.ANSWER:
        return cell(Verdict.UNKNOWN, "Not working", "does not answer for its control name either, so it says nothing")
    said = view.nameservers
    if said is None:
        return cell(Verdict.UNKNOWN, "Not asked", "was not asked for the zone yet")
    if (STALE_EDE | FILTERED_EDE) & set(said.ede):
        return cell(Verdict.UNKNOWN, "Stale", "does not give a fresh answer")
    if said.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.TLS_FAILED, Outcome.MALFORMED):
        return cell(Verdict.UNKNOWN, "No answer", "did not answer for the zone")
    if server.region_id and (view.soa is None or view.soa.outcome is not Outcome.ANSWER or not view.soa.authoritative):
        return cell(Verdict.BREACH, "No authority", "is not authoritative for it (no SOA of its own)", _names(said))
    if said.outcome is not Outcome.ANSWER:
        return cell(Verdict.BREACH, said.outcome.value.upper(), "finds no name server for it")
    return cell(*_against(_names(said), expected), _names(said))


def _against(found: frozenset[str], expected: frozenset[str]) -> tuple[Verdict, str, str]:
    if not expected:
        return Verdict.UNKNOWN, "Not judged", "which name servers are right is not known: no CoreDNS names any"
    if strangers := sorted(found - expected):
        return Verdict.BREACH, "Foreign server", f"is sent to {listing(strangers)}, which is not one of ours"
    if missing := sorted(expected - found):
        return Verdict.BREACH, "Not delegated", f"does not know {listing(missing)}"
    return Verdict.OK, "As expected", "as expected"


def _names(answer: Answer | None) -> frozenset[str]:
    if answer is None or answer.outcome is not Outcome.ANSWER:
        return frozenset()
    return frozenset(_plain(name) for name in answer.records)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _fresh(server: Server, limits: Limits) -> bool:
    return server.view is not None and young((limits.now - server.view.asked_at).total_seconds(), limits.dns_s)
