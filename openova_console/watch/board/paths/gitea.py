"""Gitea: heads and mirrors of both sides, and the stream of Gitea's own Postgres."""

from openova_console.handbook.gitea import GiteaSide, judge_gitea
from openova_console.handbook.postgres import judge_postgres
from openova_console.handbook.replication import Hop
from openova_console.handbook.words import Judgement
from openova_console.settings import Region
from openova_console.watch.board.paths.look import Found, Look

DATABASE = "Gitea's Postgres"


def assess(look: Look) -> Found:
    """Judge the configured branches, the mirrors that carry them, and the database beside them."""
    primary, standby, settings = look.primary, look.standby, look.settings.replication.gitea
    if not (primary.gitea and standby.gitea):
        return Found.not_configured("regions[].gitea")
    if not settings.repositories:
        return Found.not_configured("replication.gitea.repositories")
    budget = look.settings.freshness.gitea_s
    assessment = judge_gitea(
        look.goal,
        _side(look, primary),
        _side(look, standby),
        [(one.name, branch) for one in settings.repositories for branch in one.branches],
        database=_database(look),
        now=look.now,
        budget_s=budget,
        read_mirrors=settings.read_mirrors,
    )
    traces = tuple(f"{what}/{region.id}" for what in ("gitea", "gitea-postgres") for region in (primary, standby))
    return Found(assessment, True, traces, budget)


def _side(look: Look, region: Region) -> GiteaSide:
    return GiteaSide(region.display, look.snapshot.gitea.get(region.id))


def _database(look: Look) -> Hop | None:
    """The leg of Gitea's own database; None only where the settings say that it has none."""
    if look.settings.replication.gitea.postgres_cluster is None:
        return None
    if not (look.primary.prometheus and look.standby.prometheus):
        return Hop(DATABASE, Judgement.unknown(f"{DATABASE} is not configured: add regions[].prometheus to the settings"))
    evidence = look.snapshot.gitea_postgres(look.primary.id, look.standby.id)
    found = judge_postgres(look.goal, evidence, now=look.now, budget_s=look.settings.freshness.replication_s)
    told = Judgement(found.judgement.verdict, f"{DATABASE}: {found.judgement.sentence}")
    return Hop(DATABASE, told, found.lag_s, found.observed_at)
