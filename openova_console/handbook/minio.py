"""Minio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinioEvidence:
    """What one region says."""
