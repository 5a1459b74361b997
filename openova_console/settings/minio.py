"""MinIO: bucket replication."""

from openova_console.settings.base import Budget, Section


class MinioSettings(Section):
    budget: Budget = Budget(warn_s=300, breach_s=900)
