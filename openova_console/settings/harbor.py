"""Harbor: registry replication."""

from openova_console.settings.base import Budget, Section


class HarborSettings(Section):
    budget: Budget = Budget(warn_s=600, breach_s=1800)
