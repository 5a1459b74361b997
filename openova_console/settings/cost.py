"""The monthly budget (handbook, "Budget Control")."""

from openova_console.settings.base import Section


class CostSettings(Section):
    """The monthly budget (handbook, "Budget Control")."""
