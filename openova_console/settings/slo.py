"""The three service level objectives (handbook, "Monitoring SLOs"): targets, limits, and the series that count requests."""

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from openova_console.settings.base import MetricName, Seconds, Section

Percent = Annotated[float, Field(gt=0, lt=100)]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class AvailabilitySettings(Section):
    """Of all requests the share that was answered well."""

    target_percent: Percent = 99.9
    alert_percent: Percent = Field(99.5, description="Handbook: alert below 99.5 % for 5 minutes")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.alert_percent >= self.target_percent:
            raise ValueError("alert_percent must be lower than target_percent")
        return self


class LatencySettings(Section):
    """95 of 100 requests are faster than this."""

    target_s: Seconds = Field(0.5, description="A bucket of the histogram must end exactly here")
    alert_s: Seconds = Field(1.0, description="Handbook: alert above 1 s for 5 minutes")
    good_percent: Percent = Field(95, description="Handbook: p95; the other 5 of 100 requests are the budget")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.alert_s <= self.target_s:
            raise ValueError("alert_s must be longer than target_s")
        return self


class ErrorRateSettings(Section):
    """Of all requests the share that failed."""

    target_percent: Percent = 0.1
    alert_percent: Percent = Field(1.0, description="Handbook: alert above 1 % for 5 minutes")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.alert_percent <= self.target_percent:
            raise ValueError("alert_percent must be higher than target_percent")
        return self


class SloMetrics(Section):
    """Names of the series at the entrance of each region.

    Availability and error rate are counted from the same requests, so 99.5 % and 1 % are two limits on one figure, and the
    first is the stricter one. Requests that reached no entrance are counted nowhere: a region without fresh counts makes
    the whole unknown, it does not leave the denominator.
    """

    requests: MetricName = "http_requests_total"
    outcome_label: LabelName = Field("status", description="Every series of `requests` must have it")
    failed: str = Field(
        "5..", min_length=1, description="Outcomes that count as failed: a regular expression for all of the value"
    )
    durations: MetricName = Field("http_request_duration_seconds_bucket", description="Buckets of a classic histogram")

    @field_validator("failed")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error.msg}") from None
        return value


class SloSettings(Section):
    """The three service level objectives (handbook, "Monitoring SLOs")."""

    availability: AvailabilitySettings = AvailabilitySettings()
    latency: LatencySettings = LatencySettings()
    error_rate: ErrorRateSettings = ErrorRateSettings()
    metrics: SloMetrics = SloMetrics()
    matchers: dict[LabelName, str] = Field(
        {}, description="Labels that pick the users' entrance, e.g. job: gateway. Without any, every series of that name counts"
    )
    hold_s: Seconds = Field(300, description="Handbook: for 5 minutes")
    window_days: float = Field(30, ge=4, le=90, description="The error budget's window; not longer than Prometheus keeps samples")
    long_every_s: Seconds = Field(300, description="How often windows of a day and more are read: they are heavy for Prometheus")

    @property
    def window_s(self) -> int:
        """The error budget's window in seconds."""
        return round(self.window_days * 86400)
