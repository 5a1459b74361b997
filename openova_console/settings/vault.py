"""Vault: ESO PushSecrets to both regions."""

from openova_console.settings.base import Budget, Section


class VaultSettings(Section):
    budget: Budget = Budget(warn_s=60, breach_s=3600)
