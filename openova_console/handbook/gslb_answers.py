"""Where users of a host should be sent, and what each DNS server's answer says against that.

An answer from a stale cache, from a resolver that does not even know its control name, or an old one says nothing. An
answer that sends users to another region than expected is a breach whoever gives it: they are being sent there now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openova_console.handbook.gslb import FAILOVER, GEO_IP, ROUND_ROBIN, Answer, Cell, GslbObject, Limits, Server, Side
from openova_console.handbook.speech import listing, span
from openova_console.handbook.witnesses import FILTERED_EDE, STALE_EDE, Outcome
from openova_console.handbook.words import Judgement, Verdict, young

NO_RECORD = frozenset({Outcome.NXDOMAIN, Outcome.EMPTY})
_SILENT = {
    Outcome.TIMEOUT: "did not answer",
    Outcome.UNREACHABLE: "cannot be reached",
    Outcome.TLS_FAILED: "its certificate was not accepted",
    Outcome.MALFORMED: "its answer makes no sense",
}
_REFUSALS = {
    Outcome.SERVFAIL: "SERVFAIL: users get no address",
    Outcome.REFUSED: "refuses to answer: users get no address",
    Outcome.NXDOMAIN: "says that the name does not exist",
    Outcome.EMPTY: "answers without an address",
}


@dataclass(frozen=True, slots=True)
class Aim:
    """Where users should be sent.

    Attributes:
        expected: the addresses; None when that is not known.
        exact: whether all of them must be in every answer.
        name: the region or regions that they belong to.
        pinned: name of the region that the pin names, under failover; empty otherwise.
        owners: whose address each known one is.
        whole: whether every region's addresses are known.
        findings: what is wrong before any answer is looked at.
    """

    expected: frozenset[str] | None
    exact: bool
    name: str
    pinned: str
    owners: Mapping[str, str]
    whole: bool
    findings: tuple[Judgement, ...] = ()


def local_targets(host: str, servers: Sequence[Server], limits: Limits) -> dict[str, frozenset[str] | None]:
    """By region what its CoreDNS holds to be healthy there; empty is "nothing", None is "not known"."""
    found: dict[str, frozenset[str] | None] = {}
    for server in servers:
        if not server.region_id:
            continue
        answer = server.view.local.get(host) if server.view is not None and not _stale(server, limits) else None
        if answer is None or (STALE_EDE | FILTERED_EDE) & set(answer.ede):
            found[server.region_id] = None
        elif answer.outcome is Outcome.ANSWER:
            found[server.region_id] = frozenset(answer.records)
        else:
            found[server.region_id] = frozenset() if answer.outcome in NO_RECORD and answer.authoritative else None
    return found


def aim(
    sides: Sequence[Side],
    objects: Mapping[str, GslbObject | None],
    local: Mapping[str, frozenset[str] | None],
    *,
    strategy: str,
    pin: str,
) -> Aim:
    """Where users should be sent under this strategy, from what each region holds to be healthy."""
    owners: dict[str, str] = {}
    unnamed = 0
    for side in sides:
        gslb = objects.get(side.region_id)
        own = local.get(side.region_id) or frozenset(gslb.exposed if gslb is not None else ())
        owners |= dict.fromkeys(own, side.name)
        unnamed += not own and local.get(side.region_id) is None
    whole = not unnamed
    if strategy == FAILOVER:
        return _failover(sides, local, pin, owners, whole)
    names = listing([side.name for side in sides if local.get(side.region_id)])
    missing = [side.name for side in sides if local.get(side.region_id) is None]
    healthy = frozenset[str]().union(*(local.get(side.region_id) or () for side in sides))
    if strategy not in (ROUND_ROBIN, GEO_IP):
        said = (Judgement.unknown(f"The strategy {strategy!r} is not one that can be judged"),) if strategy else ()
        return Aim(None, False, "", "", owners, whole, said)
    if missing:
        return Aim(None, False, "", "", owners, whole)
    nobody = () if healthy else (Judgement.breach("No region has a healthy address"),)
    return Aim(healthy or None, strategy == ROUND_ROBIN, names, "", owners, whole, nobody)


def _failover(
    sides: Sequence[Side], local: Mapping[str, frozenset[str] | None], pin: str, owners: Mapping[str, str], whole: bool
) -> Aim:
    target = next((side for side in sides if pin and side.geo_tag == pin), None)
    if target is None:
        return Aim(None, True, "", "", owners, whole)
    own = local.get(target.region_id)
    if own is None or own:
        return Aim(own, True, target.name, target.name, owners, whole)
    others = [side for side in sides if side is not target]
    known = [side for side in others if local.get(side.region_id)]
    if not known:
        unsure = any(local.get(side.region_id) is None for side in others)
        rest = f"; whether {listing([side.name for side in others])} has is not known" if unsure else ""
        sentence = f"{target.name} has no healthy address{rest}" if rest else "No region has a healthy address"
        return Aim(None, True, "", target.name, owners, whole, (Judgement.breach(sentence),))
    name = listing([side.name for side in known])
    sentence = (
        f"{target.name} has no healthy address: k8gb sends users to {name} by itself, and back as soon as "
        f"{target.name} looks healthy"
    )
    healthy = frozenset[str]().union(*(local.get(side.region_id) or () for side in known))
    return Aim(healthy, True, name, target.name, owners, whole, (Judgement.breach(sentence),))


def judge_answers(host: str, servers: Sequence[Server], target: Aim, limits: Limits) -> tuple[Cell, ...]:
    """Every server's answer. What a CoreDNS says is only a breach when some resolver works: else users may never see it."""
    cells = [_cell(host, server, target, limits) for server in servers]
    resolvers = [cell for cell in cells if not cell.region_id]
    if not resolvers or any(cell.addresses or cell.verdict is Verdict.BREACH for cell in resolvers):
        return tuple(cells)
    note = "; whether users follow is not known, no resolver answers"
    return tuple(
        Cell(c.server, c.region_id, Verdict.UNKNOWN, c.word, c.why + note, c.addresses, c.ttl_s)
        if c.region_id and c.verdict is Verdict.BREACH
        else c
        for c in cells
    )


def _cell(host: str, server: Server, target: Aim, limits: Limits) -> Cell:
    def cell(verdict: Verdict, word: str, why: str, answer: Answer | None = None) -> Cell:
        records, ttl = (answer.records, answer.ttl_s) if answer is not None else ((), None)
        label = f"{server.name}'s CoreDNS" if server.region_id else server.name
        return Cell(label, server.region_id, verdict, word, why, tuple(sorted(records)), ttl)

    if not server.configured:
        return cell(Verdict.UNKNOWN, "Not configured", "not configured: add dns to the region's settings")
    if (old := _stale(server, limits)) or server.view is None:
        return cell(Verdict.UNKNOWN, "Not asked", old)
    if (control := server.view.control) is not None and control.outcome is not Outcome.ANSWER:
        return cell(Verdict.UNKNOWN, "Not working", "does not answer for its control name either, so it says nothing")
    answer = server.view.hosts.get(host)
    if answer is None:
        return cell(Verdict.UNKNOWN, "Not asked", "was not asked for this host yet")
    if STALE_EDE & set(answer.ede):
        return cell(Verdict.UNKNOWN, "Stale", "answers from a stale cache, because it got no fresh answer", answer)
    if FILTERED_EDE & set(answer.ede):
        return cell(Verdict.UNKNOWN, "Filtered", "filters this name")
    if answer.outcome in _SILENT:
        return cell(Verdict.UNKNOWN, "No answer", _SILENT[answer.outcome])
    if answer.outcome in _REFUSALS:
        return cell(Verdict.BREACH, answer.outcome.value.upper(), _REFUSALS[answer.outcome])
    if server.region_id and not answer.authoritative:
        return cell(Verdict.BREACH, "No authority", "answers without authority, so resolvers will not take it", answer)
    return cell(*_against(frozenset(answer.records), target), answer)


def _against(said: frozenset[str], target: Aim) -> tuple[Verdict, str, str]:
    """The verdict on addresses: whose they are against whose they should be."""
    strangers = sorted(said - set(target.owners))
    whose = listing(sorted({target.owners[a] for a in said if a in target.owners}))
    if strangers:
        first = strangers[0]
        if target.whole:
            return Verdict.BREACH, "Foreign address", f"users are sent to {first}, which is no region's address"
        return Verdict.UNKNOWN, "Unknown address", f"users are sent to {first}; whose that is, is not known"
    if target.expected is not None:
        if said - target.expected:
            wrong = listing(sorted({target.owners[a] for a in said - target.expected}))
            return Verdict.BREACH, whose, f"users are sent to {wrong} instead of {target.name}{_hazard(target, wrong)}"
        if target.exact and said != target.expected:
            return Verdict.WARN, whose, f"gives {len(said)} of the {len(target.expected)} healthy addresses"
        return Verdict.OK, whose, "as expected"
    if target.pinned and whose != target.pinned:
        return Verdict.BREACH, whose, f"users are sent to {whose} while the pin is {target.pinned}{_hazard(target, whose)}"
    return Verdict.UNKNOWN, whose, f"users are sent to {whose}; whether that is right is not known"


def _hazard(target: Aim, wrong: str) -> str:
    """k8gb goes back by itself (docs/strategy.md), whatever the database of that region holds by then."""
    if not target.pinned or wrong == target.pinned:
        return ""
    return f", and back without being asked as soon as {target.pinned} answers"


def _stale(server: Server, limits: Limits) -> str:
    """Why its answers are no evidence; empty when they are."""
    if server.view is None:
        return "was not asked yet"
    age = (limits.now - server.view.asked_at).total_seconds()
    return "" if young(age, limits.dns_s) else f"was last asked {span(abs(age))} {'ago' if age >= 0 else 'in the future'}"
