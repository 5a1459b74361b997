"""Every source that is read, in one table: from one region's settings to its collectors."""

from collections.abc import Callable

from openova_console.settings import Region, Settings
from openova_console.watch.collectors.alerts import AlertCollector
from openova_console.watch.collectors.base import Collector
from openova_console.watch.collectors.cost import CostCollector
from openova_console.watch.collectors.gitea import GiteaCollector
from openova_console.watch.collectors.gslb import CoreDnsCollector, ResolversCollector
from openova_console.watch.collectors.harbor import HarborCollector
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.collectors.link import LinkCollector
from openova_console.watch.collectors.minio import MinioCollector
from openova_console.watch.collectors.postgres import GiteaPostgresCollector, PostgresCollector
from openova_console.watch.collectors.slo import SloCollector
from openova_console.watch.collectors.streams import StreamsCollector
from openova_console.watch.collectors.valkey import ValkeyCollector
from openova_console.watch.collectors.vault import VaultCollector
from openova_console.watch.collectors.witnesses import WitnessCollector
from openova_console.watch.snapshot import SnapshotStore

Make = Callable[[Region, Settings, SnapshotStore], Collector]
Wanted = Callable[[Region, Settings], bool]


def _prometheus(region: Region, settings: Settings) -> bool:
    return region.prometheus is not None


def _gitea_postgres(region: Region, settings: Settings) -> bool:
    gitea = settings.replication.gitea
    return _prometheus(region, settings) and region.gitea is not None and bool(gitea.postgres_cluster and gitea.repositories)


SOURCES: tuple[tuple[Wanted, Make], ...] = (
    (lambda region, settings: True, KubernetesCollector),
    (_prometheus, PostgresCollector),
    (_prometheus, SloCollector),
    (lambda region, settings: region.prometheus is not None and len(settings.regions) > 1, LinkCollector),
    (lambda region, settings: region.valkey is not None, ValkeyCollector),
    (lambda region, settings: region.vault is not None, VaultCollector),
    (lambda region, settings: region.gitea is not None and bool(settings.replication.gitea.repositories), GiteaCollector),
    (_gitea_postgres, GiteaPostgresCollector),
    (lambda region, settings: region.kafka_connect is not None and region.prometheus is not None, StreamsCollector),
    (lambda region, settings: region.dns is not None, CoreDnsCollector),
    (lambda region, settings: region.opencost is not None, CostCollector),
    (lambda region, settings: region.minio is not None, MinioCollector),
    (lambda region, settings: bool(region.alertmanagers), AlertCollector),
    (lambda region, settings: region.harbor is not None, HarborCollector),
)
"""Whether a region's settings ask for a source, and how its collector is made."""


def collectors(settings: Settings, snapshots: SnapshotStore) -> list[Collector]:
    """One collector for each source that the settings name."""
    found = [make(r, settings, snapshots) for r in settings.regions for wanted, make in SOURCES if wanted(r, settings)]
    if any(region.probe_zone for region in settings.regions):
        found += [WitnessCollector(r, settings, snapshots) for r in settings.witnesses.resolvers]
    if settings.gslb.zone or any(region.dns for region in settings.regions):
        found.append(ResolversCollector(settings, snapshots))
    return found
