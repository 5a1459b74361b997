"""Redpanda."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedpandaEvidence:
    """What one region says."""
