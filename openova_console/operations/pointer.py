"""JSON Pointer (RFC 6901): how plans name the fields that they rely on. `~1` is a slash inside of a key."""

from collections.abc import Iterable, Mapping
from typing import Any


def value_at(document: Any, pointer: str) -> Any:
    """The value, or None when there is nothing at that place: to rely on None is to rely on its absence."""
    current = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(current, Mapping):
            current = current.get(key)
        elif isinstance(current, list) and key.isdigit() and int(key) < len(current):
            current = current[int(key)]
        else:
            return None
    return current


def values_at(document: Any, pointers: Iterable[str]) -> dict[str, Any]:
    """Several values by their pointers."""
    return {pointer: value_at(document, pointer) for pointer in pointers}


def of_key(*keys: str) -> str:
    """The pointer through these keys."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
