"""Alerts by Alertmanager (handbook, "Alertmanager Configuration")."""

from pydantic import Field

from openova_console.settings.base import Seconds, Section


class AlertSettings(Section):
    """How alerts are read and when alerting itself counts as broken."""

    severity_label: str = Field("severity", min_length=1, max_length=80)
    group_by: tuple[str, ...] = Field(("alertname", "namespace"), description="Used where Alertmanager gives no group")
    watchdog: str = Field(
        "Watchdog", max_length=80, description="The alert that always fires, as a sign of life; empty: there is none"
    )
    watchdog_s: Seconds = Field(300, description="Prometheus sends it again every minute; older than this, alerting is silent")
