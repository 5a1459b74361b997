"""Typed reading of documents that someone else wrote: a wrong type is a `Malformed` with its JSON path, never a KeyError.

A path is given as separate keys and indexes, because keys may hold dots: `require(source, doc, "status", "phase", kind=str)`.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from openova_console.systems.errors import Malformed

T = TypeVar("T", str, int, float, bool, dict[str, Any], list[Any])
Key = str | int

_NAMES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def json_path(path: tuple[Key, ...]) -> str:
    """The path as people write it: status.conditions[2].type, metadata.labels["app.kubernetes.io/name"]."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.match(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part[:80]}"]'
    return text


def malformed(source: str, path: tuple[Key, ...], wanted: str) -> Malformed:
    """The error for a document in which `path` should have been `wanted`."""
    where = json_path(path)
    return Malformed(source, f"{source} gave an answer that cannot be read: {where or 'it'} should be {wanted}", path=where)


def optional(source: str, document: Any, *path: Key, kind: type[T]) -> T | None:
    """The value at `path`, or None when it, or an object on the way, is absent or null.

    Raises:
        Malformed: it is there with another type, or something on the way is no object (no list for an index).
    """
    value = document
    for depth, key in enumerate(path):
        if value is None:
            return None
        if isinstance(key, int):
            if not isinstance(value, list):
                raise malformed(source, path[:depth], "a list")
            value = value[key] if -len(value) <= key < len(value) else None
        else:
            if not isinstance(value, Mapping):
                raise malformed(source, path[:depth], "an object")
            value = value.get(key)
    if value is None:
        return None
    return _typed(source, path, value, kind)


def require(source: str, document: Any, *path: Key, kind: type[T]) -> T:
    """The value at `path`. Raises `Malformed` when it is absent or has another type."""
    value = optional(source, document, *path, kind=kind)
    if value is None:
        raise malformed(source, path, f"{_NAMES[kind]} and is missing")
    return value


def text(source: str, document: Any, *path: Key) -> str:
    """The text at `path`; empty when absent. Raises `Malformed` when it is not text."""
    return optional(source, document, *path, kind=str) or ""


def rows(source: str, document: Any, *path: Key) -> list[dict[str, Any]]:
    """The list of objects at `path`; empty when absent. Raises `Malformed` when an entry is no object."""
    found = optional(source, document, *path, kind=list) or []
    for index, row in enumerate(found):
        if not isinstance(row, dict):
            raise malformed(source, (*path, index), "an object")
    return found


def instant(source: str, document: Any, *path: Key) -> datetime | None:
    """The RFC 3339 time at `path` in UTC; None when absent or Go's zero time. Raises `Malformed` when it is no time."""
    written = optional(source, document, *path, kind=str)
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise malformed(source, path, "a time") from None
    return None if moment.year <= 1 else moment


def moment_of(source: str, path: tuple[Key, ...], seconds: float) -> datetime:
    """The UTC instant of a Unix time. Raises `Malformed` when no calendar holds it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed(source, path, "a time") from None


def _typed(source: str, path: tuple[Key, ...], value: Any, kind: type[T]) -> T:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number  # type: ignore[return-value]
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise malformed(source, path, _NAMES[kind])
