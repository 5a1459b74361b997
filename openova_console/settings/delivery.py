"""Canaries by Flagger (handbook, "Progressive Delivery")."""

from openova_console.settings.base import Section


class DeliverySettings(Section):
    """Canaries by Flagger (handbook, "Progressive Delivery")."""
