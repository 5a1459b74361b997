"""Global load balancing: what resolvers and each region's CoreDNS answer against what is expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.delegation import ZoneAssessment, judge_zone
from openova_console.handbook.gslb import RESOLVERS, HostAssessment, Limits, Server, ServerView, Side
from openova_console.handbook.gslb_hosts import judge_host
from openova_console.handbook.words import Judgement, Reading, Verdict, worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class GslbBoard:
    """Global load balancing: what resolvers and each region's CoreDNS answer against what is expected.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
        measured: False while the settings name neither the zone nor a region's CoreDNS.
        hosts: each host, judged; the worst first.
        zone: the delegation; None when the settings do not name the zone.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()
    measured: bool = False
    hosts: tuple[HostAssessment, ...] = ()
    zone: ZoneAssessment | None = None


_ORDER = (Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK)


def gslb_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> GslbBoard:
    """Judge at `now`."""
    if not (settings.gslb.zone or any(region.dns for region in settings.regions)):
        return GslbBoard(Judgement.unknown("Not configured: add gslb.zone and the regions' dns to the settings"))
    limits = Limits(now, settings.freshness.gslb_s, settings.freshness.kubernetes_s, settings.gslb.reconcile_s)
    servers = _servers(snapshot, settings)
    sides = [_side(row, snapshot) for row in regions]
    names = {host for side in sides for host in side.objects.value or ()} | {h.rstrip(".").lower() for h in settings.gslb.hosts}
    judged = (judge_host(host, sides, servers, limits) for host in sorted(names))
    hosts = tuple(sorted(judged, key=lambda h: _ORDER.index(h.judgement.verdict)))
    zone = None
    if settings.gslb.zone:
        nameservers, count = settings.gslb.nameservers, len(settings.regions)
        zone = judge_zone(settings.gslb.zone, servers, limits, configured=nameservers, regions=count)
    judgement = _whole(hosts, zone, sides, limits)
    traces = (
        *(f"gslb/{r.id}" for r in settings.regions if r.dns),
        *(f"gslb/resolvers/{s.name}" for s in servers if not s.region_id),
    )
    return GslbBoard(judgement, _alarms(hosts, zone, judgement), traces, True, hosts, zone)


def _servers(snapshot: Snapshot, settings: Settings) -> list[Server]:
    """Everybody who should be asked: the resolvers as configured, then each region's CoreDNS."""
    views = {view.name: view for view in _views(snapshot, RESOLVERS)}
    resolvers = [Server(r.name, "", True, views.get(r.name)) for r in settings.witnesses.resolvers]
    return [*resolvers, *(_coredns(region, snapshot) for region in settings.regions)]


def _coredns(region: Region, snapshot: Snapshot) -> Server:
    views = _views(snapshot, region.id)
    return Server(region.display, region.id, region.dns is not None, views[0] if views else None)


def _views(snapshot: Snapshot, key: str) -> tuple[ServerView, ...]:
    evidence = snapshot.gslb.get(key)
    return evidence.servers if evidence is not None else ()


def _side(row: RegionRow, snapshot: Snapshot) -> Side:
    region = row.region
    objects = snapshot.kube.get((region.id, "gslbs")) or Reading.missing("", region.id, "nothing was read yet")
    return Side(region.id, region.display, region.geo_tag or region.id, objects, row.active)


def _whole(hosts: Sequence[HostAssessment], zone: ZoneAssessment | None, sides: Sequence[Side], limits: Limits) -> Judgement:
    if not hosts:
        unread = [side for side in sides if not side.objects.fresh(limits.now, limits.kube_s)]
        why = unread[0].objects.why_not_fresh(limits.now, limits.kube_s) if unread else "no Gslb object names any"
        return Judgement.unknown(f"No host is known: {why}")
    parts = [(host.host, host.judgement) for host in hosts]
    if zone is not None:
        parts.append(("", zone.judgement))
    verdict = worst(judgement.verdict for _, judgement in parts)
    if verdict is Verdict.OK:
        count = f"{len(hosts)} host{'s' if len(hosts) > 1 else ''}"
        if zone is None:
            return Judgement.unknown(f"All answers for {count} are as expected; the delegation is not read: add gslb.zone")
        return Judgement.ok(f"Every resolver and CoreDNS answers as expected for {count}")
    bad = [(name, judgement.sentence) for name, judgement in parts if judgement.verdict is verdict]
    sentence = bad[0][1]
    alike = [name for name, said in bad if said == sentence and name]
    rest = len(bad) - max(1, len(alike))
    more = f"; the same verdict for {rest} more" if rest else ""
    named = f"{len(alike)} hosts: " if len(alike) > 1 else f"{alike[0]}: " if alike else ""
    return Judgement(verdict, f"{named}{sentence}{more}")


def _alarms(hosts: Sequence[HostAssessment], zone: ZoneAssessment | None, whole: Judgement) -> tuple[Alarm, ...]:
    """One line, however many hosts are concerned, and one for the delegation when it is worse or stands alone."""
    if whole.verdict is Verdict.OK:
        return ()
    found = [Alarm(whole.verdict, "Global DNS", whole.sentence)]
    well = all(host.judgement.verdict is Verdict.OK for host in hosts)
    if (
        zone is not None
        and zone.judgement.verdict is Verdict.BREACH
        and not well
        and zone.judgement.sentence not in whole.sentence
    ):
        found.append(Alarm(Verdict.BREACH, "Global DNS delegation", zone.judgement.sentence))
    return tuple(found)
