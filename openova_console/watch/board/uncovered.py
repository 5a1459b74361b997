"""State of the platform that none of the eight rows covers (Keycloak, Grafana, Backstage, any other database).

Nothing of it is measured, so nothing is green: each is named with what the two regions' CNPG Clusters say about a copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from openova_console.settings import Region, Settings
from openova_console.systems.cnpg import ClusterFacts
from openova_console.watch.snapshot import Snapshot

Clusters = Mapping[tuple[str, str], ClusterFacts]


@dataclass(frozen=True, slots=True)
class UncoveredRow:
    """A service with state that no row measures, and what is known of a copy of it."""

    name: str
    sentence: str


def uncovered_rows(snapshot: Snapshot, settings: Settings, source: Region, now: datetime) -> tuple[UncoveredRow, ...]:
    """The services that the settings name, then every other CNPG Cluster that no row reads."""
    other = next((r for r in settings.regions if r is not source), None)
    here, there = _clusters(snapshot, settings, source, now), _clusters(snapshot, settings, other, now)
    named = settings.replication.uncovered
    rows = []
    for service in named:
        if service.cluster is None:
            rows.append(UncoveredRow(service.name, "No row covers its state"))
        else:
            key = (service.cluster.namespace, service.cluster.name)
            rows.append(UncoveredRow(service.name, _copy(key, here, there, other)))
    covered = {(r.postgres_cluster.namespace, r.postgres_cluster.name) for r in settings.regions}
    covered |= {(s.cluster.namespace, s.cluster.name) for s in named if s.cluster}
    gitea = getattr(settings.replication.gitea, "postgres_cluster", None)
    covered |= {(gitea.namespace, gitea.name)} if gitea is not None else set()
    for key in sorted(set(here or ()) - covered):
        rows.append(UncoveredRow("/".join(key), _copy(key, here, there, other)))
    return tuple(rows)


def _clusters(snapshot: Snapshot, settings: Settings, region: Region | None, now: datetime) -> Clusters | None:
    reading = snapshot.kube.get((region.id, "clusters")) if region else None
    if reading is None or not reading.fresh(now, settings.freshness.kubernetes_s):
        return None
    found: Clusters | None = reading.value
    return found


def _copy(key: tuple[str, str], here: Clusters | None, there: Clusters | None, other: Region | None) -> str:
    """What the Cluster objects say about a copy in the other region."""
    if other is None:
        return "There is no second region that could hold a copy"
    if here is None or there is None:
        return "Whether there is a copy is not known: a region's Clusters could not be read"
    if key not in here:
        return f"No Cluster {'/'.join(key)}: wherever its state lies, no row covers it"
    if key not in there:
        return f"{other.display} has no Cluster {'/'.join(key)}: there is no copy"
    if there[key].is_primary:
        return f"{other.display} has a Cluster of that name, but it follows nobody: it is no copy"
    return f"{other.display} has a replica; how far it is behind is not measured"
