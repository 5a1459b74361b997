"""The eight replication paths: what each would lose if the primary region died now."""

from collections.abc import Callable, Mapping
from datetime import datetime

from openova_console.handbook.replication import PROMISES, Assessment, Objective, Service
from openova_console.handbook.words import Judgement
from openova_console.settings import Region, Settings
from openova_console.watch.board.paths import cnpg, gitea, harbor, minio, mongodb, redpanda, valkey, vault
from openova_console.watch.board.paths.look import Found, Look
from openova_console.watch.board.rows import ReplicationRow
from openova_console.watch.snapshot import Snapshot

PATHS: Mapping[Service, Callable[[Look], Found]] = {
    Service.CNPG: cnpg.assess,
    Service.MONGODB: mongodb.assess,
    Service.REDPANDA: redpanda.assess,
    Service.VALKEY: valkey.assess,
    Service.MINIO: minio.assess,
    Service.HARBOR: harbor.assess,
    Service.VAULT: vault.assess,
    Service.GITEA: gitea.assess,
}


def objective(settings: Settings, service: Service) -> Objective:
    """The configured objective of a service."""
    budget = getattr(settings.replication, service.value).budget
    return Objective(service, budget.warn_s, budget.breach_s)


def replication_rows(snapshot: Snapshot, settings: Settings, primary: Region, now: datetime) -> tuple[ReplicationRow, ...]:
    """Every service, in the handbook's order; `primary` is the region whose writes would be lost."""
    standby = next((r for r in settings.regions if r is not primary), None)
    rows = []
    for promised in PROMISES:
        goal = objective(settings, promised.service)
        if standby is None:
            alone = Assessment(Judgement.unknown("There is one region: nothing to fail over to"))
            rows.append(ReplicationRow(promised, goal, alone, "", False, (), 0.0))
            continue
        found = PATHS[promised.service](Look(snapshot, settings, primary, standby, goal, now))
        arrow = "⇄" if promised.flow.value == "both ways" else "→"
        direction = f"{primary.display} {arrow} {standby.display}"
        rows.append(ReplicationRow(promised, goal, found.assessment, direction, found.measured, found.traces, found.fresh_s))
    return tuple(rows)
