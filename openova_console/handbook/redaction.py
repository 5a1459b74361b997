"""What is never shown, logged or kept: credentials, by key, by object and by shape.

By key: anything that sounds like a credential, also when the key is the `name` beside a `value`. By object: the data of a
Secret. By shape: bearer tokens, JSON web tokens, machine tokens of this console, hashes of passwords, private keys, passwords
in addresses.
"""

import re
from collections.abc import Mapping
from typing import Any

DEPTH_LIMIT = 40
HIDDEN = "•••"

_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase)?$|passw|word_hash|secret(?!name|ref|store)|token(?!file)|authorization|cookie|credential"
    r"|api[_-]?key|private[_-]?key|requirepass|masterauth|last-applied-configuration",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"\$argon2(id|i|d)\$[A-Za-z0-9$=,+/.-]+"), HIDDEN),
    (re.compile(r"\bovm_[A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"(://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"((?:password|passwd|secret|token|api[_-]?key)\s*[=:]\s*)[^\s,;&\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


def redact_text(text: str) -> str:
    """`text` with everything that has the shape of a credential replaced."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redacted(document: Any, depth: int = 0) -> Any:
    """A copy of a JSON document in which everything that is or looks like a credential is replaced."""
    if depth > DEPTH_LIMIT:
        return "…"
    if isinstance(document, Mapping):
        bare = {"data", "stringData"} if document.get("kind") == "Secret" else set()
        if hides(str(document.get("name", ""))) and isinstance(document.get("value"), str):
            # A variable of a container, or a header: the name is beside the value instead of before it.
            bare = {*bare, "value"}
        return {str(k): _value(str(k), v, k in bare, depth) for k, v in document.items() if k != "managedFields"}
    if isinstance(document, list | tuple):
        return [redacted(item, depth + 1) for item in document]
    return redact_text(document) if isinstance(document, str) else document


def _value(key: str, value: Any, bare: bool, depth: int) -> Any:
    if bare and carries(value):
        return HIDDEN
    if not hides(key) or isinstance(value, Mapping) or not carries(value):
        return redacted(value, depth + 1)
    if isinstance(value, list | tuple):
        return [HIDDEN if isinstance(item, str) and item else redacted(item, depth + 1) for item in value]
    return HIDDEN


def hides(key: str) -> bool:
    """Whether a key sounds like a credential, so that its value is not shown."""
    return _SECRET_KEY.search(key) is not None


def carries(item: Any) -> bool:
    """Whether a value under such a key can be a credential: not empty, no number, no yes or no."""
    return item not in (None, "", False, True) and not isinstance(item, int | float)
