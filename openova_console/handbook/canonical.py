"""One JSON value, one text, one digest: what is hashed, signed and compared is this text.

The rules are those of RFC 8785: keys sorted by UTF-16 code units, no spaces, UTF-8, the fewest escapes, numbers as
ECMAScript writes them (1.0 is 1, 1e-7 has no leading zero). Two values that a JSON reader cannot tell apart have the same
text. One thing is wider: whole numbers of Python stay exact beyond 2^53, where the RFC would round them.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any

DEPTH_LIMIT = 100


def canonical(value: Any) -> str:
    """The canonical text of a JSON value: None, bool, int, float, str, a list or tuple, or a mapping with text keys.

    Raises:
        ValueError: the value is no JSON, with the path to what is wrong: NaN, infinity, a datetime or any other type, a
            key that is not text, half of a surrogate pair, or more than 100 levels.
    """
    return "".join(_pieces(value, ()))


def sha256_of(value: Any) -> str:
    """The SHA-256 of the canonical text in UTF-8, as 64 hexadecimal digits.

    Raises:
        ValueError: as `canonical`.
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _pieces(value: Any, path: tuple[object, ...]) -> Iterator[str]:
    if len(path) > DEPTH_LIMIT:
        raise ValueError(f"{_place(path[:3])}… is nested deeper than {DEPTH_LIMIT} levels: flatten it.")
    if isinstance(value, str):
        yield _text(value, path)
    elif value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int):
        yield int.__repr__(value)
    elif isinstance(value, float):
        yield _number(value, path)
    elif isinstance(value, Mapping):
        yield from _object(value, path)
    elif isinstance(value, list | tuple):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _pieces(item, (*path, index))
        yield "]"
    else:
        raise ValueError(f"{_place(path)} is a {type(value).__name__}, which JSON does not have: write it as text or number.")


def _object(value: Mapping[Any, Any], path: tuple[object, ...]) -> Iterator[str]:
    for key in value:
        if not isinstance(key, str):
            raise ValueError(f"{_place(path)} has the key {key!r}, which is a {type(key).__name__}: keys are text.")
    yield "{"
    for index, key in enumerate(sorted(value, key=_utf16)):
        yield f"{',' if index else ''}{_text(key, path)}:"
        yield from _pieces(value[key], (*path, key))
    yield "}"


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", errors="surrogatepass")


def _text(value: str, path: tuple[object, ...]) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_place(path)} holds half of a surrogate pair, which UTF-8 cannot write: replace it.") from None
    return encode_basestring(value)


def _number(value: float, path: tuple[object, ...]) -> str:
    """As ECMAScript's Number::toString writes it: the shortest digits that read back as the same number."""
    if not math.isfinite(value):
        raise ValueError(f"{_place(path)} is {value}, which JSON does not have: leave it out or write null.")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The decimal point stands after `point` digits.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _place(path: tuple[object, ...]) -> str:
    """Where in the value: `$.params.replicas[0]`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
