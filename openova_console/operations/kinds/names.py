"""Types of parameters that several kinds share: names as Kubernetes allows them."""

from typing import Annotated

from pydantic import Field

from openova_console.handbook.canonical import sha256_of

Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", max_length=253)]
RegionId = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]

MARK = "openova.io/operation"
"""Annotation on every object that an operation changes: by it the change is known to have landed."""


def id_of(*parts: object) -> str:
    """A deterministic id of 32 hexadecimal digits."""
    return sha256_of([str(part) for part in parts])[:32]
