"""Slo."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SloEvidence:
    """What one region says."""
