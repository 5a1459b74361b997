"""Gslb."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GslbEvidence:
    """What one region says."""
