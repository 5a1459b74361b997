"""Harbor: registry replication, from both regions' own Harbor."""

from openova_console.handbook.harbor import HarborEvidence, judge_harbor
from openova_console.handbook.words import Reading
from openova_console.settings import Region
from openova_console.watch.board.paths.look import Found, Look


def assess(look: Look) -> Found:
    """Judge the copies of the primary's images at the standby."""
    primary, standby = look.primary, look.standby
    if not (primary.harbor and standby.harbor):
        return Found.not_configured("regions[].harbor")
    budget = look.settings.freshness.harbor_s
    assessment = judge_harbor(
        look.goal,
        _of(look, primary),
        _of(look, standby),
        wanted=look.settings.replication.harbor.policies,
        now=look.now,
        budget_s=budget,
    )
    return Found(assessment, True, (f"harbor/{primary.id}", f"harbor/{standby.id}"), budget)


def _of(look: Look, region: Region) -> HarborEvidence:
    never = "nothing was read yet"
    empty = HarborEvidence(region.display, Reading.missing("text", region.id, never), Reading.missing("text", region.id, never))
    return look.snapshot.harbor.get(region.id, empty)
