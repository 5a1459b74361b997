"""Objectives of the eight replicated services, and what each of them needs to be read."""

from openova_console.settings.base import Budget, Section
from openova_console.settings.cnpg import CnpgSettings
from openova_console.settings.gitea import GiteaSettings
from openova_console.settings.harbor import HarborSettings
from openova_console.settings.minio import MinioSettings
from openova_console.settings.mongodb import MongodbSettings
from openova_console.settings.redpanda import RedpandaSettings
from openova_console.settings.vault import VaultSettings


class ValkeySettings(Section):
    budget: Budget = Budget(warn_s=5, breach_s=30)


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
