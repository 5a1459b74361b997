"""CNPG: the WAL stream, from both regions' Prometheus."""

from openova_console.handbook.postgres import judge_postgres
from openova_console.watch.board.paths.look import Found, Look


def assess(look: Look) -> Found:
    """Judge the stream from the primary's Postgres to the standby's."""
    primary, standby = look.primary, look.standby
    if not (primary.prometheus and standby.prometheus):
        return Found.not_configured("regions[].prometheus")
    budget = look.settings.freshness.replication_s
    evidence = look.snapshot.postgres(primary.id, standby.id)
    traces = (f"postgres/{primary.id}", f"postgres/{standby.id}")
    return Found(judge_postgres(look.goal, evidence, now=look.now, budget_s=budget), True, traces, budget)
