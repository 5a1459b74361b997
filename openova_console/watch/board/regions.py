"""The regions' tiles and the link between them."""

from datetime import datetime

from openova_console.handbook.lease import judge_lease
from openova_console.handbook.link import LinkLimits, judge_link
from openova_console.handbook.regions import Item, judge_region
from openova_console.handbook.words import Judgement, Reading, Verdict
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import LinkRow, RegionRow
from openova_console.watch.snapshot import RegionFacts, Snapshot


def active(facts: RegionFacts | None) -> Reading[bool]:
    return facts.evidence.active if facts else Reading.missing("bool", "", "nothing was read yet")


def region_row(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> RegionRow:
    facts = snapshot.regions.get(region.id)
    if facts is None:
        unread = Item(Verdict.UNKNOWN, "unknown")
        return RegionRow(region, None, None, unread, Verdict.UNKNOWN, "Nothing was read yet", None, None)
    budget = settings.freshness.kubernetes_s
    assessment = judge_region(region.display, facts.evidence, now=now, budget_s=budget)
    active = facts.evidence.active
    controller = _controller(facts, region, settings, now)
    headline = assessment.judgement
    if headline.verdict is Verdict.OK and controller.verdict is Verdict.WARN:
        headline = Judgement.warn(f"1 finding: {controller.text}")
    return RegionRow(
        region,
        facts,
        assessment,
        controller,
        headline.verdict,
        headline.sentence,
        facts.evidence.api.observed_at,
        active.value if active.fresh(now, budget) else None,
    )


def _controller(facts: RegionFacts, region: Region, settings: Settings, now: datetime) -> Item:
    lease = facts.lease
    if lease.value is None or not lease.fresh(now, settings.freshness.kubernetes_s):
        return Item(Verdict.UNKNOWN, "not installed" if lease.value is None and lease.error == "no Lease" else "unknown")
    return judge_lease(region.id, lease.value.holder, lease.value.renewed_at, lease.value.duration_s, now=now)


def link_row(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> LinkRow:
    facts = snapshot.links.get(region.id)
    if facts is None:
        reason = "nothing was read yet" if region.prometheus else f"no Prometheus is configured for {region.display}"
        return LinkRow(region, None, Judgement.unknown(f"Not known, {reason}"), None)
    limits = LinkLimits(
        settings.link.window_s, settings.link.handshake_warn_s, settings.link.rtt_warn_ms, settings.link.loss_warn_percent
    )
    judgement = judge_link(
        limits,
        facts.rtt_ms,
        facts.loss_percent,
        facts.newest_through,
        facts.handshake_age_s,
        now=now,
        budget_s=settings.freshness.link_s,
    )
    return LinkRow(region, facts, judgement, facts.loss_percent.observed_at)
