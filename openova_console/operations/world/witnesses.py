"""What the witnesses say of each region, and whether this console itself is cut off."""

from collections.abc import Mapping
from datetime import datetime

from openova_console.handbook.witnesses import Finding
from openova_console.handbook.words import young
from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.operations.world.classes import is_lost
from openova_console.settings import Settings
from openova_console.watch.board import Board


def quorums(board: Board, settings: Settings, now: datetime) -> dict[str, Item]:
    """The count per region. Votes are of the configured witnesses: a silent one makes no quorum smaller."""
    found: dict[str, Item] = {f"quorum.{r.id}": unknown(f"no witness is asked about {r.display}") for r in settings.regions}
    for row in board.witnesses:
        asked = [w.asked_at for w in row.votes if young((now - w.asked_at).total_seconds(), settings.freshness.witnesses_s)]
        quorum = row.quorum
        if not asked:
            found[f"quorum.{row.region.id}"] = unknown(quorum.judgement.sentence, source="witnesses")
            continue
        value = {
            "finding": quorum.finding.value,
            "reachable": quorum.reachable,
            "unreachable": quorum.unreachable,
            "abstaining": quorum.abstaining,
            "needed": quorum.needed,
            "dissent": quorum.dissent,
        }
        found[f"quorum.{row.region.id}"] = fresh(value, quorum.judgement.sentence, at=min(asked), source="witnesses")
    return found


def isolation(board: Board, settings: Settings, found: Mapping[str, Item]) -> Item:
    """Whether this console is cut off.

    It is when no witness answers even its control name, or when the other region does not answer and the witnesses cannot
    reach the region that this console looks from.
    """
    own = settings.console.looks_from
    quorum = found[f"quorum.{own}"]
    for region in settings.regions:
        item = found[f"quorum.{region.id}"]
        if item.known and item.value["finding"] == Finding.ISOLATED:
            return fresh(True, item.sentence, at=item.observed_at or board.at, source="witnesses")
    if not quorum.known:
        return unknown(f"what the witnesses say of this console's own region is not known: {quorum.sentence}")
    at = quorum.observed_at or board.at
    others = [found[f"region.{r.id}.api"] for r in settings.regions if r.id != own]
    match quorum.value["finding"]:
        case Finding.REACHABLE:
            return fresh(False, f"of this console's own region: {quorum.sentence}", at=at, source="witnesses")
        case Finding.UNREACHABLE if all(is_lost(api) for api in others):
            return fresh(True, f"the other region does not answer, and {quorum.sentence}", at=at, source="witnesses")
        case Finding.UNREACHABLE if all(api.known for api in others):
            return fresh(False, f"the other region answers, though {quorum.sentence}", at=at, source="witnesses")
        case _:
            return unknown(quorum.sentence, source="witnesses")
