"""Canaries by Flagger (handbook, "Progressive Delivery")."""

from pydantic import Field

from openova_console.settings.base import Seconds, Section


class DeliverySettings(Section):
    """Canaries by Flagger (handbook, "Progressive Delivery")."""

    patience_s: Seconds = Field(1800, description="A release that waits longer for approval than this is a warning")
