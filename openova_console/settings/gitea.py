"""Gitea: mirrors between the regions, and its own Postgres."""

from typing import Annotated

from pydantic import Field

from openova_console.settings.base import Budget, Section
from openova_console.settings.regions import ObjectName

RepositoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=200)]
BranchName = Annotated[str, Field(pattern=r"^[^\s~^:?*\[\\]+$", max_length=200)]


class Repository(Section):
    """A repository that must be the same in both regions."""

    name: RepositoryName = Field(description="owner/name")
    branches: tuple[BranchName, ...] = Field(("main",), min_length=1)


class GiteaSettings(Section):
    budget: Budget = Budget(warn_s=60, breach_s=600)
    repositories: tuple[Repository, ...] = Field((), description="What is compared; without one the row is not configured")
    read_mirrors: bool = Field(
        True, description="Listing push mirrors needs an administrator of the repository; false judges the heads alone"
    )
    postgres_cluster: ObjectName | None = Field(
        ObjectName(namespace="databases", name="gitea-postgres"),
        description="Gitea's own CNPG Cluster in both regions; null where Gitea has none",
    )
    application_name: str = Field("", description="The DR standby's name in its pg_stat_replication; empty accepts the only one")
    slot_name: str = Field("", description="The DR standby's replication slot; empty accepts the only one")
