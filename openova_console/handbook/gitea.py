"""Gitea."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GiteaEvidence:
    """What one region says."""
