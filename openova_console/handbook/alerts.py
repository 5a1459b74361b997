"""Alert."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertEvidence:
    """What one region says."""
