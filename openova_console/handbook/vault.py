"""Vault."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VaultEvidence:
    """What one region says."""
