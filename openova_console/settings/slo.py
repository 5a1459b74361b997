"""The three service level objectives (handbook, "Monitoring SLOs")."""

from openova_console.settings.base import Section


class SloSettings(Section):
    """The three service level objectives (handbook, "Monitoring SLOs")."""
