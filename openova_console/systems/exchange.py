"""One question and its answer, kept for "Show source": short, and without anything secret in it.

What is secret, `handbook.redaction` says. A JSON answer is printed lazily, so that showing the first 8 KiB of a large
answer costs no more than that.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openova_console.handbook.redaction import DEPTH_LIMIT, HIDDEN, carries, hides, redact_text, redacted

__all__ = ["ANSWER_LIMIT", "HIDDEN", "Exchange", "cut", "exchange", "pretty", "redact_text", "redacted"]

ANSWER_LIMIT = 8 * 1024
_CALL_LIMIT = 2 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked, what came back.

    Attributes:
        call: the question as a person can repeat it, without credentials.
        answer: the answer, pretty-printed, redacted, at most 8 KiB.
        answered_at: UTC instant at which the answer was whole.
        duration_ms: from the question to the whole answer.
    """

    call: str
    answer: str
    answered_at: datetime
    duration_ms: float


def exchange(call: str, answer: Any, *, answered_at: datetime, duration_ms: float) -> Exchange:
    """An `Exchange` from a call and its answer: text, or a decoded JSON document."""
    shown = redact_text(answer[: 4 * ANSWER_LIMIT]) if isinstance(answer, str) else pretty(answer)
    return Exchange(cut(redact_text(call), _CALL_LIMIT), cut(shown, ANSWER_LIMIT), answered_at, duration_ms)


def cut(text: str, limit: int) -> str:
    """`text`, or as much of it as fits in `limit` bytes of UTF-8 with a note that it was cut."""
    raw = text.encode("utf-8", errors="replace")
    if len(raw) <= limit:
        return raw.decode("utf-8")
    note = "\n… (cut)"
    return raw[: limit - len(note.encode())].decode("utf-8", errors="ignore") + note


def pretty(document: Any, limit: int = ANSWER_LIMIT) -> str:
    """The start of a JSON document, indented and redacted; stops a little after `limit` characters."""
    parts: list[str] = []
    length = 0
    for part in _pieces(document, 0):
        parts.append(part)
        length += len(part)
        if length > limit:
            break
    return "".join(parts)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if depth > DEPTH_LIMIT:
        yield '"…"'
    elif isinstance(value, Mapping):
        yield from _object(value, depth)
    elif isinstance(value, list | tuple):
        yield from _array(value, depth)
    elif isinstance(value, str):
        yield json.dumps(redact_text(value[: 4 * ANSWER_LIMIT]), ensure_ascii=False)
    else:
        yield json.dumps(value, default=str)


def _object(value: Mapping[Any, Any], depth: int) -> Iterator[str]:
    secret_object = value.get("kind") == "Secret"
    pad = " " * (depth + 1)
    opened = False
    yield "{"
    for key, item in value.items():
        if key == "managedFields":
            continue
        yield f"{',' if opened else ''}\n{pad}{json.dumps(str(key), ensure_ascii=False)}: "
        opened = True
        if (secret_object and key in ("data", "stringData")) or (hides(str(key)) and carries(item)):
            yield json.dumps(HIDDEN, ensure_ascii=False)
        else:
            yield from _pieces(item, depth + 1)
    yield f"\n{' ' * depth}}}" if opened else "}"


def _array(value: list[Any] | tuple[Any, ...], depth: int) -> Iterator[str]:
    if all(isinstance(item, int | float | str) for item in value[:4]) and len(value) <= 4:
        yield "[" + ", ".join(part for item in value for part in _pieces(item, depth)) + "]"
        return
    pad = " " * (depth + 1)
    yield "["
    for index, item in enumerate(value):
        yield f"{',' if index else ''}\n{pad}"
        yield from _pieces(item, depth + 1)
    yield f"\n{' ' * depth}]"
