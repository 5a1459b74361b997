"""From the judged board to the rows that panels show. Words and units only: every verdict was drawn before."""

from datetime import datetime

from openova_console.handbook.speech import size, span
from openova_console.handbook.witnesses import Vote
from openova_console.handbook.words import Reading, Verdict
from openova_console.settings import Settings
from openova_console.watch.board import Board, LinkRow, RegionRow, ReplicationRow, WitnessRow
from openova_console.watch.snapshot import CollectorHealth, Snapshot
from openova_console.web.rows import (
    AlarmRow,
    Fact,
    Gap,
    Line,
    LinkTile,
    RegionTile,
    ServiceRow,
    SourceRow,
    VoteRow,
    WitnessTile,
)
from openova_console.web.spark import Spark

WORDS = {Verdict.OK: "OK", Verdict.WARN: "Warning", Verdict.BREACH: "Breach", Verdict.UNKNOWN: "Unknown"}
VOTE_VERDICT = {Vote.REACHABLE: Verdict.OK, Vote.UNREACHABLE: Verdict.BREACH, Vote.ABSTAIN: Verdict.UNKNOWN}
VOTE_WORD = {Vote.REACHABLE: "Reachable", Vote.UNREACHABLE: "Unreachable", Vote.ABSTAIN: "Abstains"}


def iso(instant: datetime | None) -> str:
    """An instant for `<time datetime>`; empty when there is none."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z") if instant else ""


def alarms(board: Board) -> list[AlarmRow]:
    """The strip, worst first."""
    return [AlarmRow(a.verdict.value, WORDS[a.verdict], a.title, a.sentence) for a in board.alarms]


def region_tile(row: RegionRow, settings: Settings, now: datetime) -> RegionTile:
    """One region's tile."""
    active = {True: "Active", False: "Standby", None: "Role unknown"}[row.active]
    intended = "primary" if row.region.role == "primary" else "DR"
    agrees = row.active is (row.region.role == "primary")
    role = ("Primary" if row.region.role == "primary" else "DR") if agrees else f"{active}, intended {intended}"
    role_class = "unknown" if row.active is None else "active" if row.active else ""
    if row.active is not None and not agrees:
        role_class = "breach" if row.active else role_class
    return RegionTile(
        id=row.region.id,
        name=row.region.display,
        place=row.region.place,
        role=role,
        role_class=role_class,
        verdict=row.verdict.value,
        headline=row.headline,
        at=iso(row.observed_at),
        fresh_s=settings.freshness.kubernetes_s,
        href=f"/region/{row.region.id}",
        looked_from=row.region.id == settings.console.looks_from,
        lines=_region_lines(row, settings, now),
        findings=list(row.facts.evidence.flux_findings[:20]) if row.facts else [],
        more=_more(row, settings, now),
        certificates=_certificates(row, now),
    )


def _more(row: RegionRow, settings: Settings, now: datetime) -> list[Fact]:
    """What the region's page shows beside the tile's lines."""
    if row.facts is None:
        return []
    budget = settings.freshness.kubernetes_s
    phase, backup, lease = row.facts.postgres_phase, row.facts.postgres_backup, row.facts.lease.value
    writes = {True: "accepts writes", False: "follows the other region", None: "unknown"}[row.active]
    wanted = row.region.postgres_cluster
    facts = [
        Fact("Postgres", writes, f"Cluster {wanted.namespace}/{wanted.name}"),
        Fact("Postgres phase", phase.value if phase.value and phase.fresh(now, budget) else "unknown", phase.error),
    ]
    if backup.value is not None:
        facts.append(Fact("Newest Postgres backup", f"{span(max(0.0, (now - backup.value).total_seconds()))} ago", iso(backup.value)))
    if lease is not None:
        facts.append(Fact("Lease holder", lease.holder or "nobody", f"changed hands {lease.transitions} times"))
    facts.append(Fact("Flux suspended", str(row.facts.flux_suspended), "suspended objects are not counted as ready"))
    return facts


def _certificates(row: RegionRow, now: datetime) -> list[Fact]:
    """The ten certificates that end first."""
    if row.facts is None:
        return []
    ends = sorted(row.facts.certificates, key=lambda c: c[1])[:10]
    return [Fact(name, f"in {span(max(0.0, (end - now).total_seconds()))}", iso(end)) for name, end in ends]


def _region_lines(row: RegionRow, settings: Settings, now: datetime) -> list[Line]:
    id_ = row.region.id
    if row.facts is None or row.assessment is None:
        names = ("Kubernetes API", "Nodes ready", "Controller", "Flux ready", "Newest backup", "Certificates < 30 d")
        return [Line(name, "unknown", Verdict.UNKNOWN.value) for name in names]
    a = row.assessment
    version = row.facts.version.value or ""
    api = f"reachable · {version}" if a.api.verdict is Verdict.OK and version else _short(a.api.verdict, a.api.text)
    return [
        Line("Kubernetes API", api, a.api.verdict.value, f"kubernetes/{id_}"),
        Line(
            "Nodes ready",
            _share(row.facts.evidence.nodes_ready, row.facts.evidence.nodes, a.nodes.verdict),
            a.nodes.verdict.value,
            f"nodes/{id_}",
        ),
        Line("Controller", *_controller(row, settings, now), trace=f"leases/{id_}"),
        Line(
            "Flux ready",
            _share(row.facts.evidence.flux_ready, row.facts.evidence.flux, a.flux.verdict),
            a.flux.verdict.value,
            f"kustomizations/{id_}",
        ),
        Line("Newest backup", _backup(row, a.backup.verdict, now), a.backup.verdict.value, f"backups/{id_}"),
        Line("Certificates < 30 d", _due(row, a.certificates.verdict), a.certificates.verdict.value, f"certificates/{id_}"),
    ]


def _short(verdict: Verdict, text: str) -> str:
    return "no answer" if verdict is not Verdict.OK else text


def _share(ready: Reading[int], total: Reading[int], verdict: Verdict) -> str:
    return "unknown" if verdict is Verdict.UNKNOWN else f"{ready.value} / {total.value}"


def _backup(row: RegionRow, verdict: Verdict, now: datetime) -> str:
    newest = row.facts.evidence.newest_backup.value if row.facts else None
    return "unknown" if newest is None or verdict is Verdict.UNKNOWN else f"{span(max(0, (now - newest).total_seconds()))} ago"


def _due(row: RegionRow, verdict: Verdict) -> str:
    due = row.facts.evidence.certificates_due.value if row.facts else None
    return "unknown" if due is None or verdict is Verdict.UNKNOWN else str(due)


def _controller(row: RegionRow, settings: Settings, now: datetime) -> tuple[str, str]:
    """What the failover controller's Lease says in this region, and its verdict."""
    lease = row.facts.lease if row.facts else None
    if lease is None or not lease.fresh(now, settings.freshness.kubernetes_s) or lease.value is None:
        why = lease.error if lease is not None and lease.value is None else ""
        return ("not installed", Verdict.UNKNOWN.value) if why == "no Lease" else ("unknown", Verdict.UNKNOWN.value)
    holder = lease.value.holder or "nobody"
    if lease.value.renewed_at is None:
        return f"held by {holder}, never renewed", Verdict.WARN.value
    left = lease.value.duration_s - (now - lease.value.renewed_at).total_seconds()
    word = "active" if holder == row.region.id else "standby"
    if left < 0:
        return f"lease of {holder} expired {span(-left)} ago", Verdict.WARN.value
    return f"{word} · lease {span(round(left))} left", Verdict.OK.value


def link_tile(row: LinkRow, settings: Settings, now: datetime) -> LinkTile:
    """The link as one region sees it."""
    kind = "WireGuard" if settings.link.kind == "wireguard" else "Native peering"
    facts = row.facts
    handshake = facts.handshake_age_s if facts else None
    fresh = handshake is not None and handshake.value is not None and handshake.fresh(now, settings.freshness.link_s)
    text = f"handshake {span(handshake.value)} ago" if fresh and handshake and handshake.value is not None else ""
    return LinkTile(
        seen_from=row.seen_from.display,
        kind=kind,
        verdict=row.judgement.verdict.value,
        sentence=row.judgement.sentence,
        handshake=text,
        path=facts.tested_path if facts else "",
        at=iso(row.observed_at),
        trace=f"link/{row.seen_from.id}",
    )


def witness_tile(row: WitnessRow, settings: Settings) -> WitnessTile:
    """The three witnesses about one region."""
    q = row.quorum
    counted = {"reachable": q.reachable, "unreachable": q.unreachable}
    shown = max(counted, key=lambda k: counted[k])
    total = q.reachable + q.unreachable + q.abstaining
    count = (
        f"{counted[shown]} of {total} {'reach it' if shown == 'reachable' else 'cannot'}"
        if counted[shown]
        else f"{q.abstaining} of {total} abstain"
    )
    return WitnessTile(
        region=row.region.display,
        verdict=q.judgement.verdict.value,
        sentence=q.judgement.sentence,
        count=count if row.votes else "not asked yet",
        at=iso(row.observed_at),
        fresh_s=settings.freshness.witnesses_s,
        votes=[
            VoteRow(
                v.witness,
                v.address,
                VOTE_VERDICT[v.ballot.vote].value,
                VOTE_WORD[v.ballot.vote],
                v.ballot.why[0].upper() + v.ballot.why[1:],
                iso(v.asked_at),
                f"witness/{v.region_id}/{v.witness}",
            )
            for v in row.votes
        ],
    )


def service_row(row: ReplicationRow, settings: Settings, spark: Spark | None) -> ServiceRow:
    """One line of the replication table."""
    a = row.assessment
    transport = {True: "connected", False: "down", None: "unknown"}[a.transport_up]
    fresh = settings.freshness.valkey_s if row.promise.service.value == "valkey" else settings.freshness.replication_s
    known = a.lag_s is not None and a.judgement.verdict is not Verdict.UNKNOWN
    return ServiceRow(
        id=row.promise.service.value,
        title=row.promise.title,
        method=row.promise.method,
        promise=row.promise.rpo,
        objective=f"{row.promise.rpo} · ≤ {span(row.objective.warn_s)}",
        verdict=a.judgement.verdict.value,
        word=WORDS[a.judgement.verdict] if row.measured else "Not read yet",
        lag=span(a.lag_s) if known and a.lag_s is not None else "unknown" if row.measured else "–",
        at_risk=size(a.at_risk_bytes) if a.at_risk_bytes is not None else "–",
        direction=row.direction,
        transport=transport if row.measured else "",
        sentence=a.judgement.sentence,
        at=iso(a.observed_at),
        fresh_s=fresh,
        quiet=not row.measured,
        href=f"/replication/{row.promise.service.value}",
        trace=row.traces[0] if row.traces else "",
        spark=spark.path if spark else "",
        spark_limit=f"{spark.limit_y:g}" if spark else "0",
        gaps=[Gap(f"{x:.1f}", f"{width:.1f}") for x, width in spark.gaps] if spark else [],
    )


def source_rows(snapshot: Snapshot) -> list[SourceRow]:
    """Every source's loop, those that are down first."""
    rows = [_source(name, health) for name, health in sorted(snapshot.collectors.items())]
    return sorted(rows, key=lambda r: r.verdict == "ok")


def _source(name: str, health: CollectorHealth) -> SourceRow:
    down = health.down_since is not None
    verdict = Verdict.UNKNOWN if down or health.last_ok is None else Verdict.OK
    word = "Does not answer" if down else "Reading" if health.last_ok else "Not read yet"
    crashes = f" Restarted {health.crashes} times after a fault of its own." if health.crashes else ""
    return SourceRow(
        name=name,
        verdict=verdict.value,
        word=word,
        cadence=f"every {span(health.cadence_s)}",
        sentence=(health.error or "Answers within its time.") + crashes,
        at=iso(health.last_ok),
        trace=name,
    )
