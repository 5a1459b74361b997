"""What Go's JSON decoder says of a text that is not JSON: the server's messages quote it."""

import json
from typing import Any


class NotJson(ValueError):
    """The text is not JSON; the message is Go's."""


def decode(text: bytes) -> Any:
    """Parse JSON. Raises `NotJson` with the words of Go's decoder."""
    try:
        return json.loads(text.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        raise NotJson(_said(error)) from None
    except RecursionError:
        raise NotJson("exceeded max depth") from None


def quoted(character: str) -> str:
    """A character in Go's single quotes: control and invalid ones as escapes."""
    if character == "'":
        return "'\\''"
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"'\\x{code:02x}'"
    return f"'{character}'"


def printed(value: Any) -> str:
    """A decoded JSON value as Go's %+v prints it: `map[spec:map[replicas:2]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)


def summary(text: bytes) -> str:
    """The start of a body as messages quote it: text when it looks like an object, hexadecimal otherwise."""
    if not text:
        return "<empty>"
    shown = text.decode("utf-8", "replace") if text.startswith(b"{") else text.hex()
    return shown if len(shown) <= 30 else f"{shown[:30]} ..."


def type_of(value: Any) -> str:
    """The JSON type in the words of Go's decoder."""
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return names.get(type(value), "null")


_PLACES = (
    ("Expecting property name", "looking for beginning of object key string"),
    ("Illegal trailing comma before end of object", "looking for beginning of object key string"),
    ("Illegal trailing comma before end of array", "looking for beginning of value"),
    ("Expecting value", "looking for beginning of value"),
    ("Extra data", "after top-level value"),
    ("Expecting ':' delimiter", "after object key"),
    ("Invalid control character", "in string literal"),
    ("Invalid \\escape", "in string escape code"),
)


def _said(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    character = error.doc[error.pos]
    for start, place in _PLACES:
        if error.msg.startswith(start):
            return f"invalid character {quoted(character)} {place}"
    inside = "after object key:value pair" if _opened(error.doc[: error.pos]) == "{" else "after array element"
    return f"invalid character {quoted(character)} {inside}"


def _opened(text: str) -> str:
    """The bracket that is open at the end of `text`, strings apart."""
    stack: list[str] = []
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            stack.append(character)
        elif character in "}]" and stack:
            stack.pop()
    return stack[-1] if stack else ""
