"""Harbor: registry replication."""

from pydantic import Field

from openova_console.settings.base import Budget, Section


class HarborSettings(Section):
    budget: Budget = Budget(warn_s=600, breach_s=1800)
    policies: tuple[str, ...] = Field(
        ("cross-region-replication",),
        min_length=1,
        description="Policies by name: of the primary region's Harbor when they push, of the DR region's when they pull",
    )
