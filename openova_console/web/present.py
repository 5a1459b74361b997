"""From the judged board to the rows that panels show. Words and units only: every verdict was drawn before."""

from collections.abc import Callable
from datetime import datetime

from openova_console.handbook.replication import Hop
from openova_console.handbook.speech import size, span
from openova_console.handbook.witnesses import Outcome, Vote
from openova_console.handbook.words import Reading, Verdict, young
from openova_console.settings import Settings
from openova_console.watch.board import Board, LinkRow, RegionRow, ReplicationRow, WitnessRow
from openova_console.watch.snapshot import CollectorHealth, Snapshot, WitnessFacts
from openova_console.web.rows import (
    AlarmRow,
    Fact,
    Gap,
    HopRow,
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
SLOWEST_READ_S = 60.0
"""A loop that has neither failed nor succeeded for this long, beyond three of its cadences, has stopped."""
STALE_VOTE = "Too old"
VOTE_VERDICT = {Vote.REACHABLE: Verdict.OK, Vote.UNREACHABLE: Verdict.BREACH, Vote.ABSTAIN: Verdict.UNKNOWN}
VOTE_WORD = {Vote.REACHABLE: "Reachable", Vote.UNREACHABLE: "Unreachable", Vote.ABSTAIN: "Abstains"}


def iso(instant: datetime | None) -> str:
    """An instant for `<time datetime>`; empty when there is none."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z") if instant else ""


def utc(instant: datetime | None) -> str:
    """An instant for a person to read, to the minute; empty when there is none."""
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else ""


def alarms(board: Board, since: Callable[[str], datetime | None] = lambda title: None) -> list[AlarmRow]:
    """The strip, worst first; `since` tells when each title was first seen."""
    return [AlarmRow(a.verdict.value, WORDS[a.verdict], a.title, a.sentence, iso(since(a.title))) for a in board.alarms]


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
        headline=_headline(row.headline),
        at=iso(row.facts.version.observed_at if row.facts else None),
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
    phase, backup, lease, flux = row.facts.postgres_phase, row.facts.postgres_backup, row.facts.lease, row.facts.evidence.flux
    writes = {True: "accepts writes", False: "follows the other region", None: "unknown"}[row.active]
    wanted = row.region.postgres_cluster
    facts = [
        Fact("Postgres", writes, f"Cluster {wanted.namespace}/{wanted.name}"),
        Fact("Postgres phase", phase.value if phase.value and phase.fresh(now, budget) else "unknown", phase.error),
    ]
    if backup.value is not None and backup.fresh(now, budget):
        age = span(max(0.0, (now - backup.value).total_seconds()))
        facts.append(Fact("Newest Postgres backup", f"{age} ago", utc(backup.value)))
    if lease.value is not None and lease.fresh(now, budget):
        hands = lease.value.transitions
        changed = "never changed hands" if hands == 0 else f"changed hands {hands} time{'s' if hands > 1 else ''}"
        facts.append(Fact("Lease holder", lease.value.holder or "nobody", changed))
    suspended = str(row.facts.flux_suspended) if flux.fresh(now, budget) else "unknown"
    facts.append(Fact("Flux suspended", suspended, "suspended objects are not counted as ready"))
    return facts


def _certificates(row: RegionRow, now: datetime) -> list[Fact]:
    """The ten certificates that end first."""
    if row.facts is None:
        return []
    ends = sorted(row.facts.certificates, key=lambda c: c[1])[:10]
    return [Fact(name, _until((end - now).total_seconds()), utc(end)) for name, end in ends]


def _until(seconds: float) -> str:
    return f"in {span(seconds)}" if seconds > 0 else f"ended {span(-seconds)} ago"


def _headline(sentence: str) -> str:
    """Short enough for a tile: several findings are counted, the lines below and the strip above name them."""
    head, _, rest = sentence.partition(": ")
    return head if head.endswith(" findings") and rest else sentence


def _region_lines(row: RegionRow, settings: Settings, now: datetime) -> list[Line]:
    id_ = row.region.id
    if row.facts is None or row.assessment is None:
        names = ("Kubernetes API", "Nodes ready", "Controller", "Flux ready", "Newest backup", "Certificates < 30 d")
        return [Line(name, "unknown", Verdict.UNKNOWN.value) for name in names]
    a = row.assessment
    version = row.facts.version.value or ""
    silent = "no answer" if row.facts.evidence.api.value is False else "unknown"
    api = (f"reachable · {version}" if version else a.api.text) if a.api.verdict is Verdict.OK else silent
    return [
        Line("Kubernetes API", api, a.api.verdict.value, f"kubernetes/{id_}"),
        Line(
            "Nodes ready",
            _share(row.facts.evidence.nodes_ready, row.facts.evidence.nodes, a.nodes.verdict),
            a.nodes.verdict.value,
            f"nodes/{id_}",
        ),
        Line("Controller", row.controller.text, row.controller.verdict.value, f"leases/{id_}"),
        Line(
            "Flux ready",
            _share(row.facts.evidence.flux_ready, row.facts.evidence.flux, a.flux.verdict),
            a.flux.verdict.value,
            f"kustomizations/{id_}",
        ),
        Line("Newest backup", _backup(row, a.backup.verdict, now), a.backup.verdict.value, f"backups/{id_}"),
        Line("Certificates < 30 d", _due(row, a.certificates.verdict), a.certificates.verdict.value, f"certificates/{id_}"),
    ]


def _share(ready: Reading[int], total: Reading[int], verdict: Verdict) -> str:
    return "unknown" if verdict is Verdict.UNKNOWN else f"{ready.value} / {total.value}"


def _backup(row: RegionRow, verdict: Verdict, now: datetime) -> str:
    newest = row.facts.evidence.newest_backup.value if row.facts else None
    return "unknown" if newest is None or verdict is Verdict.UNKNOWN else f"{span(max(0, (now - newest).total_seconds()))} ago"


def _due(row: RegionRow, verdict: Verdict) -> str:
    due = row.facts.evidence.certificates_due.value if row.facts else None
    return "unknown" if due is None or verdict is Verdict.UNKNOWN else str(due)


def link_tile(row: LinkRow, settings: Settings, now: datetime) -> LinkTile:
    """The link as one region sees it."""
    kind = "WireGuard" if settings.link.kind == "wireguard" else "Native peering"
    facts = row.facts
    handshake = facts.handshake_age_s if facts else None
    fresh = handshake is not None and handshake.value is not None and handshake.fresh(now, settings.freshness.link_s)
    text = f"{span(handshake.value)} ago" if fresh and handshake and handshake.value is not None else ""
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


def witness_tile(row: WitnessRow, settings: Settings, now: datetime) -> WitnessTile:
    """The three witnesses about one region."""
    q = row.quorum
    counted = {"reachable": q.reachable, "unreachable": q.unreachable}
    shown = max(counted, key=lambda k: counted[k])
    total = q.reachable + q.unreachable + q.abstaining
    votes = [_vote(v, settings, now) for v in row.votes]
    if counted[shown]:
        count = f"{counted[shown]} of {total} {'reach it' if shown == 'reachable' else 'cannot'}"
    elif not votes:
        count = "not asked yet"
    else:
        count = "no fresh answer" if all(v.word == STALE_VOTE for v in votes) else f"{q.abstaining} of {total} abstain"
    return WitnessTile(
        region=row.region.display,
        verdict=q.judgement.verdict.value,
        sentence=q.judgement.sentence,
        count=count,
        at=iso(row.observed_at),
        fresh_s=settings.freshness.witnesses_s,
        votes=votes,
    )


def _vote(facts: WitnessFacts, settings: Settings, now: datetime) -> VoteRow:
    """One witness; a vote that is too old to count is not shown as one."""
    fresh = young((now - facts.asked_at).total_seconds(), settings.freshness.witnesses_s)
    why = facts.ballot.why[:1].upper() + facts.ballot.why[1:]
    return VoteRow(
        facts.witness,
        facts.address,
        (VOTE_VERDICT[facts.ballot.vote] if fresh else Verdict.UNKNOWN).value,
        VOTE_WORD[facts.ballot.vote] if fresh else STALE_VOTE,
        why if fresh else f"The last word was: {why}",
        iso(facts.asked_at),
        f"witness/{facts.region_id}/{facts.witness}",
    )


def service_row(row: ReplicationRow, spark: Spark | None) -> ServiceRow:
    """One line of the replication table."""
    a = row.assessment
    transport = {True: "connected", False: "down", None: "unknown"}[a.transport_up]
    known = a.lag_s is not None and a.judgement.verdict is not Verdict.UNKNOWN
    return ServiceRow(
        id=row.promise.service.value,
        title=row.promise.title,
        method=row.promise.method,
        objective=f"{row.promise.rpo} · ≤ {span(row.objective.warn_s)}",
        verdict=a.judgement.verdict.value,
        word=WORDS[a.judgement.verdict],
        lag=span(a.lag_s) if known and a.lag_s is not None else "unknown" if row.measured else "–",
        at_risk=size(a.at_risk_bytes) if a.at_risk_bytes is not None else "–",
        direction=row.direction,
        transport=transport if row.measured else "",
        sentence=a.judgement.sentence,
        at=iso(a.observed_at),
        fresh_s=row.fresh_s,
        quiet=not row.measured,
        href=f"/replication/{row.promise.service.value}",
        trace=row.traces[0] if row.traces else "",
        other_trace=row.traces[1] if len(row.traces) > 1 else "",
        spark=spark.path if spark else "",
        spark_limit=f"{spark.limit_y:g}" if spark else "0",
        hops=[
            HopRow(
                hop.name,
                hop.judgement.verdict.value,
                WORDS[hop.judgement.verdict],
                _leg(hop),
                hop.judgement.sentence,
                iso(hop.observed_at),
            )
            for hop in a.hops
        ],
        gaps=[Gap(f"{x:.1f}", f"{width:.1f}") for x, width in spark.gaps] if spark else [],
    )


def _leg(hop: Hop) -> str:
    """What a leg adds; one that is in order and has no time of its own (a server that answers) adds none."""
    if hop.lag_s is not None:
        return span(hop.lag_s)
    return "–" if hop.judgement.verdict is Verdict.OK else "unknown"


def source_rows(snapshot: Snapshot, now: datetime) -> list[SourceRow]:
    """Every source's loop, those that are down first."""
    mute = {f"witness/{w.witness}" for w in snapshot.witnesses.values() if w.control and w.control.outcome is not Outcome.ANSWER}
    rows = [_source(name, health, now, mute=name in mute) for name, health in sorted(snapshot.collectors.items())]
    return sorted(rows, key=lambda r: r.verdict == "ok")


def _source(name: str, health: CollectorHealth, now: datetime, *, mute: bool) -> SourceRow:
    silent_s = (now - health.last_ok).total_seconds() if health.last_ok else 0.0
    verdict = Verdict.UNKNOWN
    if health.down_since is not None:
        word, sentence = "Cannot be read", f"{health.error}."
    elif health.last_ok is None:
        word, sentence = "Not read yet", "The first answer is still to come."
    elif silent_s > health.cadence_s * 3 + SLOWEST_READ_S:
        word, sentence = "Stopped", f"The console has not read it for {span(silent_s)}: restart the console."
    elif mute:
        word, sentence = "No answer", "It is asked, but does not answer even for its control name."
    else:
        verdict, word, sentence = Verdict.OK, "Reading", "Answers within its time."
    if health.crashes:
        times = "once" if health.crashes == 1 else f"{health.crashes} times"
        sentence += f" Restarted {times} after a fault of the console's own."
    return SourceRow(
        name=name,
        verdict=verdict.value,
        word=word,
        cadence=f"every {span(health.cadence_s)}",
        sentence=sentence,
        at=iso(health.last_ok),
        trace=name,
    )
