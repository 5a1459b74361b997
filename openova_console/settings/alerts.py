"""Alerts by Alertmanager (handbook, "Alertmanager Configuration")."""

from openova_console.settings.base import Section


class AlertSettings(Section):
    """Alerts by Alertmanager (handbook, "Alertmanager Configuration")."""
