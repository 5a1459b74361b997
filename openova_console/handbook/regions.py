"""The two regions: which one is active, how well each stands, and the alarms that top the page.

Handbook, "Multi-Region Strategy": two independent clusters, Region 1 primary, Region 2 DR, never stretched. The observed
role comes from the platform (the CNPG Cluster that accepts writes); the intended one from the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import CLOCK_SLACK_S, Judgement, Reading, Verdict, worst

CERTIFICATE_NOTICE_S = 30 * 86400.0
"""cert-manager renews 30 days before the end by default: a certificate below that is late."""
BACKUP_LIMIT_S = 25 * 3600.0
"""A daily backup that is older than 25 h has been missed (handbook, Velero `daily-backup`)."""


class Role(StrEnum):
    """What a region is for now."""

    PRIMARY = "primary"
    DR = "dr"


@dataclass(frozen=True, slots=True)
class RegionEvidence:
    """What was read of one region.

    Attributes:
        api: whether the Kubernetes API answered; dated by the answer.
        active: whether its Postgres accepts writes, by the CNPG Cluster object.
        nodes_ready, nodes: counts.
        flux_ready, flux: Kustomizations, HelmReleases and sources that are ready, of all.
        flux_findings: names of those that are not ready, with the reason.
        certificates_due: certificates that end in less than 30 days, have ended, or were never issued.
        newest_backup: instant at which the newest completed backup ended.
        failed_backup: name and phase of a later backup that did not complete; empty when there is none.
    """

    api: Reading[bool]
    active: Reading[bool]
    nodes_ready: Reading[int]
    nodes: Reading[int]
    flux_ready: Reading[int]
    flux: Reading[int]
    flux_findings: tuple[str, ...]
    certificates_due: Reading[int]
    newest_backup: Reading[datetime]
    failed_backup: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a region's tile: verdict and what is said of it."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class RegionAssessment:
    """One region, judged: the headline and each line below it."""

    judgement: Judgement
    api: Item
    nodes: Item
    flux: Item
    certificates: Item
    backup: Item


def judge_region(name: str, evidence: RegionEvidence, *, now: datetime, budget_s: float) -> RegionAssessment:
    """Grade one region. Whatever is missing or older than `budget_s` seconds is unknown."""
    api = _api(name, evidence.api, now, budget_s)
    nodes = _share("nodes", evidence.nodes_ready, evidence.nodes, (), now, budget_s, none_is_breach=True)
    flux = _share("Flux objects", evidence.flux_ready, evidence.flux, evidence.flux_findings, now, budget_s)
    certificates = _certificates(evidence.certificates_due, now, budget_s)
    backup = _backup(evidence.newest_backup, evidence.failed_backup, now, budget_s)
    lines = (api, nodes, flux, certificates, backup)
    return RegionAssessment(_headline(lines, evidence), *lines)


def _headline(lines: Sequence[Item], evidence: RegionEvidence) -> Judgement:
    api = lines[0]
    if api.verdict is not Verdict.OK:
        return Judgement(api.verdict, api.text)
    verdict = worst(line.verdict for line in lines)
    findings = [line.text for line in lines if line.verdict is not Verdict.OK]
    if not findings:
        return Judgement(Verdict.OK, "Healthy")
    if len(findings) == len(evidence.flux_findings) == 1 and lines[2].verdict is Verdict.WARN:
        findings = [evidence.flux_findings[0]]
    head = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}: "
    return Judgement(verdict, head + "; ".join(findings))


def _api(name: str, api: Reading[bool], now: datetime, budget_s: float) -> Item:
    if api.fresh(now, budget_s) and api.value:
        return Item(Verdict.OK, "reachable")
    if api.value is False and api.completeness == "full":
        return Item(Verdict.UNKNOWN, f"{name} does not answer: {api.error or 'no connection'}")
    return Item(Verdict.UNKNOWN, f"Not known whether {name} is up: {api.why_not_fresh(now, budget_s)}")


def _share(
    what: str,
    ready: Reading[int],
    total: Reading[int],
    findings: Sequence[str],
    now: datetime,
    budget_s: float,
    *,
    none_is_breach: bool = False,
) -> Item:
    if ready.value is None or total.value is None or not (ready.fresh(now, budget_s) and total.fresh(now, budget_s)):
        reason = ready.why_not_fresh(now, budget_s) or total.why_not_fresh(now, budget_s)
        return Item(Verdict.UNKNOWN, f"{what} not known, {reason}")
    if total.value == 0:
        return Item(Verdict.UNKNOWN, f"no {what} were found")
    if ready.value < total.value:
        missing = total.value - ready.value
        verdict = Verdict.BREACH if none_is_breach and ready.value <= 0 else Verdict.WARN
        named = f" ({listing(list(findings[:3]))})" if findings else ""
        return Item(verdict, f"{missing} of {total.value} {what} not ready{named}")
    return Item(Verdict.OK, f"{ready.value} / {total.value}")


def _certificates(due: Reading[int], now: datetime, budget_s: float) -> Item:
    if due.value is None or not due.fresh(now, budget_s):
        return Item(Verdict.UNKNOWN, f"certificates not known, {due.why_not_fresh(now, budget_s)}")
    if due.value:
        end, were = ("certificates end", "were") if due.value > 1 else ("certificate ends", "was")
        return Item(Verdict.WARN, f"{due.value} {end} in less than 30 days or {were} never issued")
    return Item(Verdict.OK, "0")


def _backup(newest: Reading[datetime], failed: str, now: datetime, budget_s: float) -> Item:
    if newest.value is None or not newest.fresh(now, budget_s):
        return Item(Verdict.UNKNOWN, f"newest backup not known, {newest.why_not_fresh(now, budget_s)}")
    age = (now - newest.value).total_seconds()
    if age < -CLOCK_SLACK_S:
        return Item(Verdict.UNKNOWN, f"the newest backup is dated {span(-age)} in the future: a clock is wrong")
    if age > BACKUP_LIMIT_S:
        return Item(Verdict.BREACH, f"the newest backup is {span(age)} old, the limit is {span(BACKUP_LIMIT_S)}")
    if failed:
        return Item(Verdict.WARN, f"the newest backup is {span(max(age, 0))} old; a later one did not complete ({failed})")
    return Item(Verdict.OK, span(max(age, 0)))


@dataclass(frozen=True, slots=True)
class Activity:
    """Who accepts writes.

    Attributes:
        active: names of the regions that are seen to accept writes.
        unknown: names of the regions of which that is not known.
        judgement: verdict and sentence.
    """

    active: tuple[str, ...]
    unknown: tuple[str, ...]
    judgement: Judgement


def judge_activity(roles: Sequence[tuple[str, Role, Reading[bool]]], *, now: datetime, budget_s: float) -> Activity:
    """Which region is active, from (display name, intended role, reading of "accepts writes").

    Two active regions are the worst state that the platform knows: both take writes and neither has the other's.
    """
    active = tuple(n for n, _, r in roles if r.fresh(now, budget_s) and r.value)
    unknown = tuple(n for n, _, r in roles if not r.fresh(now, budget_s))
    if len(active) > 1:
        sentence = f"Both regions accept writes ({listing(list(active))}): their data drift apart with every write"
        return Activity(active, unknown, Judgement.breach(sentence))
    if unknown and not active:
        return Activity(
            active,
            unknown,
            Judgement.unknown(f"Not known who accepts writes: no fresh word from {listing(list(unknown))}"),
        )
    if not active:
        return Activity(active, unknown, Judgement.breach("No region accepts writes"))
    if unknown:
        sentence = f"{active[0]} accepts writes; whether {listing(list(unknown))} does too is not known"
        return Activity(active, unknown, Judgement.unknown(sentence))
    intended = next((n for n, role, _ in roles if role is Role.PRIMARY), active[0])
    if active[0] != intended:
        return Activity(active, unknown, Judgement.warn(f"{active[0]} is active; {intended} is the intended primary"))
    return Activity(active, unknown, Judgement.ok(f"{active[0]} is active"))
