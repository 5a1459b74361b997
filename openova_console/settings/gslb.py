"""Global load balancing by k8gb (handbook, "Multi-Region Strategy")."""

from openova_console.settings.base import Section


class GslbSettings(Section):
    """Global load balancing by k8gb (handbook, "Multi-Region Strategy")."""
