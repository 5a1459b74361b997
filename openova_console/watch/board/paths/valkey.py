"""Valkey: the REPLICAOF link, from both ends' own INFO."""

from openova_console.handbook.valkey import judge_valkey
from openova_console.handbook.words import Reading
from openova_console.watch.board.paths.look import Found, Look


def assess(look: Look) -> Found:
    """Judge the link from the primary's Valkey to the standby's."""
    primary, standby = look.primary, look.standby
    if not (primary.valkey and standby.valkey):
        return Found.not_configured("regions[].valkey")
    budget, never = look.settings.freshness.valkey_s, "nothing was read yet"
    assessment = judge_valkey(
        look.goal,
        look.snapshot.valkey_primary.get(primary.id, Reading.missing("text", primary.id, never)),
        look.snapshot.valkey_replica.get(standby.id, Reading.missing("text", standby.id, never)),
        now=look.now,
        budget_s=budget,
    )
    return Found(assessment, True, (f"valkey/{primary.id}", f"valkey/{standby.id}"), budget)
