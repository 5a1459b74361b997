"""Do users of each host go where they should, and does everybody agree on it? The whole judgement about one host.

Three things are held against each other: the Gslb objects of both clusters (they share nothing, so they can differ), what
each region holds to be healthy, and what every DNS server answers.
"""

from collections.abc import Mapping, Sequence

from openova_console.handbook.gslb import FAILOVER, Cell, GslbObject, HostAssessment, Limits, Server, Side, SideHealth
from openova_console.handbook.gslb_answers import aim, judge_answers, local_targets
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import Judgement, Verdict, worst


def judge_host(host: str, sides: Sequence[Side], servers: Sequence[Server], limits: Limits) -> HostAssessment:
    """Grade one host: objects against each other, then each server's answer against what follows from them."""
    objects = {s.region_id: s.objects.value.get(host) for s in sides if s.objects.value is not None}
    fresh = {s.region_id: objects[s.region_id] for s in sides if s.objects.fresh(limits.now, limits.kube_s)}
    known = [found for found in fresh.values() if found is not None]
    local = local_targets(host, servers, limits)
    strategy = _one({found.strategy for found in known})
    pin = _one({found.primary_geo_tag for found in known}) if strategy == FAILOVER else ""
    target = aim(sides, objects, local, strategy=strategy, pin=pin)
    cells = judge_answers(host, servers, target, limits)
    ttl = max((found.ttl_s for found in known), default=None)
    findings = [
        *_objects(host, sides, fresh, limits),
        *target.findings,
        *_health(sides, fresh, local, strategy, pin),
        *_together(cells),
        *_kept_too_long(cells, ttl),
    ]
    longest = max([ttl or 0, *(cell.ttl_s or 0 for cell in cells)]) if ttl is not None else None
    return HostAssessment(
        host,
        _judgement(findings, cells, target.name),
        strategy,
        pin,
        None if target.expected is None else tuple(sorted(target.expected)),
        target.name,
        cells,
        tuple(_side(s, objects.get(s.region_id), local.get(s.region_id)) for s in sides),
        tuple(findings),
        ttl,
        None if longest is None else limits.reconcile_s + longest,
        min((s.view.asked_at for s in servers if s.view is not None), default=None),
    )


def _one(values: set[str]) -> str:
    """The value that all share; empty when they differ or there is none."""
    return next(iter(values)) if len(values) == 1 else ""


def _side(side: Side, found: GslbObject | None, local: frozenset[str] | None) -> SideHealth:
    addresses = None if local is None else tuple(sorted(local))
    return SideHealth(side.name, addresses, found.health if found else "", found.primary_geo_tag if found else "")


def _objects(host: str, sides: Sequence[Side], fresh: Mapping[str, GslbObject | None], limits: Limits) -> list[Judgement]:
    """What is wrong with the objects themselves: missing, disagreeing, naming a region that does not exist."""
    found: list[Judgement] = []
    known = [(side, gslb) for side in sides if (gslb := fresh.get(side.region_id)) is not None]
    for side in sides:
        if side.region_id not in fresh:
            why = side.objects.why_not_fresh(limits.now, limits.kube_s)
            found.append(Judgement.unknown(f"{side.name}'s Gslb is not known, {why}"))
        elif fresh[side.region_id] is None:
            found.append(Judgement.breach(f"{side.name} has no Gslb for {host}: k8gb there does not serve it"))
    if len({gslb.strategy for _, gslb in known}) > 1:
        said = listing([f"{side.name} says {gslb.strategy}" for side, gslb in known])
        found.append(Judgement.breach(f"The strategies differ: {said}"))
    pinned = [(side, gslb) for side, gslb in known if gslb.strategy == FAILOVER]
    if len({gslb.primary_geo_tag for _, gslb in pinned}) > 1:
        said = listing([f"{side.name} says {gslb.primary_geo_tag or 'nothing'}" for side, gslb in pinned])
        found.append(Judgement.breach(f"The pin differs: {said}; each region sends users its own way"))
    elif pinned and pinned[0][1].primary_geo_tag not in {side.geo_tag for side in sides}:
        tag = pinned[0][1].primary_geo_tag
        found.append(Judgement.breach(f"The pin names {tag!r}, which is no region" if tag else "Failover without a pin"))
    for side, gslb in known:
        if gslb.geo_tag and gslb.geo_tag != side.geo_tag:
            sentence = f"k8gb calls {side.name} {gslb.geo_tag!r}, the settings call it {side.geo_tag!r}: set its geo_tag"
            found.append(Judgement.unknown(sentence))
    return [*found, *_writes(sides, pinned)]


def _writes(sides: Sequence[Side], pinned: Sequence[tuple[Side, GslbObject]]) -> list[Judgement]:
    """Whether the pin points to a region that accepts writes."""
    tag = _one({gslb.primary_geo_tag for _, gslb in pinned})
    target = next((side for side in sides if tag and side.geo_tag == tag), None)
    writers = [side.name for side in sides if side.active]
    if target is None or target.active is not False or not writers:
        return []
    return [Judgement.breach(f"Users are pinned to {target.name}, but {listing(writers)} accepts writes")]


def _health(
    sides: Sequence[Side],
    fresh: Mapping[str, GslbObject | None],
    local: Mapping[str, frozenset[str] | None],
    strategy: str,
    pin: str,
) -> list[Judgement]:
    """Regions other than the pinned one that could not take over, and objects that contradict their own CoreDNS."""
    found: list[Judgement] = []
    for side in sides:
        targets, gslb = local.get(side.region_id), fresh.get(side.region_id)
        if targets is None:
            continue
        if gslb is not None and gslb.health == "Healthy" and not targets:
            sentence = f"{side.name}'s Gslb says Healthy, but its CoreDNS has no address of its own"
            found.append(Judgement.breach(sentence))
        elif not targets and len(sides) > 1 and not (strategy == FAILOVER and side.geo_tag == pin):
            said = f" (service {gslb.health})" if gslb is not None and gslb.health else ""
            found.append(Judgement.warn(f"{side.name} has no healthy address{said}: it could not take over"))
        elif gslb is not None and gslb.health not in ("", "Healthy"):
            found.append(Judgement.warn(f"{side.name}'s Gslb says {gslb.health}, but its CoreDNS still has its addresses"))
    return found


def _together(cells: Sequence[Cell]) -> list[Judgement]:
    """One finding for all servers that say the same."""
    groups: dict[tuple[Verdict, str], list[Cell]] = {}
    for cell in cells:
        if cell.verdict is not Verdict.OK:
            groups.setdefault((cell.verdict, cell.why), []).append(cell)
    resolvers = sum(not cell.region_id for cell in cells)
    return [Judgement(verdict, f"{_named(group, resolvers)}: {why}") for (verdict, why), group in groups.items()]


def _named(group: Sequence[Cell], resolvers: int) -> str:
    """The servers by name; all resolvers together are not listed one by one."""
    asked = [cell.server for cell in group if not cell.region_id]
    names = [f"all {resolvers} resolvers"] if len(asked) == resolvers > 2 else asked
    text = listing([*names, *(cell.server for cell in group if cell.region_id)])
    return text[0].upper() + text[1:]


def _kept_too_long(cells: Sequence[Cell], ttl: int | None) -> list[Judgement]:
    late = [cell for cell in cells if cell.ttl_s is not None and ttl is not None and cell.ttl_s > ttl]
    if not late or ttl is None:
        return []
    longest = max(cell.ttl_s or 0 for cell in late)
    names = listing([cell.server for cell in late])
    return [Judgement.warn(f"{names}: kept for {span(longest)}, the Gslb says {span(ttl)}")]


def _judgement(findings: Sequence[Judgement], cells: Sequence[Cell], target: str) -> Judgement:
    if not findings:
        if not cells:
            return Judgement.unknown("No DNS server is configured to be asked")
        return Judgement.ok(f"All {len(cells)} servers that were asked answer {target}")
    verdict = worst(finding.verdict for finding in findings)
    bad = [finding.sentence for finding in findings if finding.verdict is verdict]
    rest = len(findings) - 1
    more = f" (and {rest} more finding{'s' if rest > 1 else ''})" if rest else ""
    return Judgement(verdict, bad[0] + more)
