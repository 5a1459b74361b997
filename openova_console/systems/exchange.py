"""One question and its answer, kept for "Show source": short, and without anything secret in it.

Redaction goes by key (anything that sounds like a credential), by object (the data of a Secret) and by shape (bearer
tokens, JSON web tokens, private keys, passwords in addresses). A JSON answer is printed lazily, so that showing the
first 8 KiB of a large answer costs no more than that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ANSWER_LIMIT = 8 * 1024
_CALL_LIMIT = 2 * 1024
_DEPTH_LIMIT = 40
HIDDEN = "•••"

_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)?$|passw|secret(?!name|ref|store)|token(?!file)|authorization|cookie|credential"
    r"|api[_-]?key|private[_-]?key|requirepass|masterauth|last-applied-configuration",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"(://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"((?:password|passwd|secret|token|api[_-]?key)\s*[=:]\s*)[^\s,;&\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


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


def redact_text(text: str) -> str:
    """`text` with everything that has the shape of a credential replaced."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redacted(document: Any, depth: int = 0) -> Any:
    """A copy of a JSON document in which everything that is or looks like a credential is replaced."""
    if depth > _DEPTH_LIMIT:
        return "…"
    if isinstance(document, Mapping):
        secret = document.get("kind") == "Secret"
        return {
            str(k): HIDDEN
            if (secret and k in ("data", "stringData")) or (_hides(str(k)) and _carries(v) and not isinstance(v, Mapping | list))
            else redacted(v, depth + 1)
            for k, v in document.items()
            if k != "managedFields"
        }
    if isinstance(document, list | tuple):
        return [redacted(item, depth + 1) for item in document]
    return redact_text(document) if isinstance(document, str) else document


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
    if depth > _DEPTH_LIMIT:
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
        if (secret_object and key in ("data", "stringData")) or (_hides(str(key)) and _carries(item)):
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


def _hides(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _carries(item: Any) -> bool:
    return item not in (None, "", False, True) and not isinstance(item, int | float)
