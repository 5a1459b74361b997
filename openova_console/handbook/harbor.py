"""Harbor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HarborEvidence:
    """What one region says."""
