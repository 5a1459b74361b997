"""Objectives of the eight replicated services, and what each of them needs to be read."""

from pydantic import Field

from openova_console.settings.base import Budget, Section
from openova_console.settings.cnpg import CnpgSettings
from openova_console.settings.gitea import GiteaSettings
from openova_console.settings.harbor import HarborSettings
from openova_console.settings.minio import MinioSettings
from openova_console.settings.mongodb import MongodbSettings
from openova_console.settings.redpanda import RedpandaSettings
from openova_console.settings.regions import ObjectName
from openova_console.settings.vault import VaultSettings


class ValkeySettings(Section):
    budget: Budget = Budget(warn_s=5, breach_s=30)


class Uncovered(Section):
    """A stateful service of the platform that the handbook's eight rows say nothing of."""

    name: str = Field(min_length=1, max_length=40)
    cluster: ObjectName | None = Field(None, description="The CNPG Cluster that holds its state, where it has one")


class ReplicationSettings(Section):
    """Objectives of the eight replicated services (handbook, "Data Replication"); the seconds are ours."""

    cnpg: CnpgSettings = CnpgSettings()
    mongodb: MongodbSettings = MongodbSettings()
    redpanda: RedpandaSettings = RedpandaSettings()
    valkey: ValkeySettings = ValkeySettings()
    minio: MinioSettings = MinioSettings()
    harbor: HarborSettings = HarborSettings()
    vault: VaultSettings = VaultSettings()
    gitea: GiteaSettings = GiteaSettings()
    uncovered: tuple[Uncovered, ...] = Field(
        (
            Uncovered(name="Keycloak", cluster=ObjectName(namespace="databases", name="keycloak-postgres")),
            Uncovered(name="Grafana", cluster=ObjectName(namespace="databases", name="grafana-postgres")),
            Uncovered(name="Backstage", cluster=ObjectName(namespace="databases", name="backstage-postgres")),
        ),
        description="Services with state that no row covers, listed so that nobody takes them for safe",
    )
