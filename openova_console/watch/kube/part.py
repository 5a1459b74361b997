"""The shape of a part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openova_console.systems.kinds import Resource

Objects = Mapping[Resource, Mapping[tuple[str, str], dict[str, Any]]]
"""Of each kind that the part names: objects by (namespace, name)."""


@dataclass(frozen=True, slots=True)
class Part:
    """See the package.

    Attributes:
        name: key in `Snapshot.kube`.
        resources: the kinds that must be known for the value to be known.
        read: makes the value; the second argument names the source for errors. Raises `Fault` for malformed objects.
        optional: kinds that may be missing on the server without making the value unknown; they are then absent.
    """

    name: str
    resources: tuple[Resource, ...]
    read: Callable[[Objects, str], Any]
    optional: tuple[Resource, ...] = ()
