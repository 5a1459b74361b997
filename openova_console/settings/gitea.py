"""Gitea: mirrors between the regions, and its own Postgres."""

from openova_console.settings.base import Budget, Section


class GiteaSettings(Section):
    budget: Budget = Budget(warn_s=60, breach_s=600)
