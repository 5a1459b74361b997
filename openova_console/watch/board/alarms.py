"""The strip on top of every page: what is wrong, worst first, each in one sentence."""

from collections.abc import Sequence

from openova_console.handbook.regions import Activity
from openova_console.handbook.speech import listing
from openova_console.handbook.witnesses import Finding, Vote
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.watch.board.rows import Alarm, LinkRow, RegionRow, ReplicationRow, WitnessRow

_MANY = 3
"""So many services with the same verdict are said in one line."""


def alarms(
    regions: Sequence[RegionRow],
    activity: Activity,
    links: Sequence[LinkRow],
    witnesses: Sequence[WitnessRow],
    replication: Sequence[ReplicationRow],
    settings: Settings,
    more: Sequence[Alarm] = (),
) -> tuple[Alarm, ...]:
    """What is wrong, worst first: who is active, isolation, dead regions, then services, link and findings."""
    found: list[Alarm] = []
    if activity.judgement.verdict is Verdict.BREACH:
        title = "Both regions are active" if len(activity.active) > 1 else "No region is active"
        found.append(Alarm(Verdict.BREACH, title, activity.judgement.sentence))
    here = settings.region(settings.console.looks_from).display
    if any(w.quorum.finding is Finding.ISOLATED for w in witnesses):
        sentence = "No witness answers, not even for its control name: judge nothing from here, look from the other region"
        found.append(Alarm(Verdict.UNKNOWN, f"{here} may be cut off", sentence))
    down = set()
    for row in witnesses:
        if row.quorum.finding is Finding.UNREACHABLE:
            title, is_down = _unreachable_title(row, regions)
            found.append(Alarm(Verdict.BREACH, title, row.quorum.judgement.sentence))
            down |= {row.region.id} if is_down else set()
    for tile in regions:
        if tile.verdict is not Verdict.OK and tile.region.id not in down:
            title = (
                tile.region.display
                if tile.facts is None or tile.assessment is None
                else _region_title(tile, witnesses, links, settings.console.looks_from)
            )
            found.append(Alarm(tile.verdict, title, tile.headline))
    if activity.judgement.verdict not in (Verdict.OK, Verdict.BREACH) and all(t.facts for t in regions):
        found.append(Alarm(activity.judgement.verdict, "Active region", activity.judgement.sentence))
    found.extend(_services(replication))
    for link in links:
        if link.judgement.verdict is not Verdict.OK:
            found.append(Alarm(link.judgement.verdict, f"Link from {link.seen_from.display}", link.judgement.sentence))
    for row in witnesses:
        if row.quorum.finding in (Finding.NO_QUORUM, Finding.REACHABLE) and row.quorum.judgement.verdict is not Verdict.OK:
            found.append(Alarm(row.quorum.judgement.verdict, f"Witnesses of {row.region.display}", row.quorum.judgement.sentence))
    found.extend(more)
    order = [Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN]
    return tuple(sorted(found, key=lambda a: order.index(a.verdict)))


def _services(replication: Sequence[ReplicationRow]) -> list[Alarm]:
    """One line for each service that needs a look; many that share a verdict are one line, so that a cause is not buried."""
    found = []
    for verdict in (Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN):
        alike = [r for r in replication if r.measured and r.assessment.judgement.verdict is verdict]
        if len(alike) < _MANY:
            found += [Alarm(verdict, f"{r.promise.title} replication", r.assessment.judgement.sentence) for r in alike]
            continue
        word = {Verdict.BREACH: "beyond its limit", Verdict.UNKNOWN: "not known", Verdict.WARN: "behind"}[verdict]
        names = listing([r.promise.title for r in alike])
        first = f"{alike[0].promise.title}: {alike[0].assessment.judgement.sentence}"
        found.append(Alarm(verdict, f"Replication of {len(alike)} services is {word}", f"{names}. {first}"))
    return found


def _unreachable_title(row: WitnessRow, regions: Sequence[RegionRow]) -> tuple[str, bool]:
    """What the witnesses' quorum means together with our own probe, and whether the region is down by both."""
    name = row.region.display
    tile = next(t for t in regions if t.region.id == row.region.id)
    if tile.assessment is not None and tile.assessment.api.verdict is Verdict.OK:
        return f"Witnesses cannot reach {name}, but its API answers here", False
    if tile.facts is not None and tile.facts.evidence.api.value is False:
        return f"{name} is down", True
    return f"Witnesses cannot reach {name}", False


def _region_title(tile: RegionRow, witnesses: Sequence[WitnessRow], links: Sequence[LinkRow], here: str) -> str:
    """A region that does not answer us while witnesses still reach it is cut off from here, not down.

    Unless we stand in it, or probes from here still get through: then it is its API alone that does not answer.
    """
    api = tile.assessment.api if tile.assessment else None
    if api is None or api.verdict is Verdict.OK or tile.facts is None or tile.facts.evidence.api.value is not False:
        return tile.region.display
    linked = any(link.seen_from.id == here and link.judgement.verdict is Verdict.OK for link in links)
    if tile.region.id == here or linked:
        return f"{tile.region.display}'s Kubernetes API does not answer"
    reached = any(w.region.id == tile.region.id and w.quorum.finding is Finding.REACHABLE for w in witnesses)
    votes = next((w.votes for w in witnesses if w.region.id == tile.region.id), ())
    if reached and any(v.ballot.vote is Vote.REACHABLE for v in votes):
        return f"{tile.region.display} is cut off from here, but witnesses reach it"
    return f"{tile.region.display} does not answer"
