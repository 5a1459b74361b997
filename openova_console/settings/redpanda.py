"""Redpanda: MirrorMaker 2 between the regions."""

from openova_console.settings.base import Budget, Section


class RedpandaSettings(Section):
    budget: Budget = Budget(warn_s=10, breach_s=60)
