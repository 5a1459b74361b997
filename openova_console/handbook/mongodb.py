"""Mongodb."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MongodbEvidence:
    """What one region says."""
