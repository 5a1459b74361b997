"""Budget."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetEvidence:
    """What one region says."""
