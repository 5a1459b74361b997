"""Field schemas: what an object may hold, written as Python literals and checked as the API server checks.

Two dialects. Built-in kinds are decoded into Go structs: a wrong type is a decoding error, an unknown field is dropped
with a warning, limits are checked by hand-written rules. Custom resources are checked against their CRD: every wrong
field becomes a cause of one 422.

A literal is a `Leaf`, `{name: literal}` for an object (`"name!"` is required; a `...` key admits any other field),
`[literal]` for a list, or `Map(literal)` for free keys.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openova_console.lab.kube.errors import Cause


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without fields: its JSON type, its Go type in messages, and its limits."""

    type: str
    go: str = "string"
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Map:
    """An object with free keys and values of one shape."""

    values: Any


TEXT = Leaf("string")
FLAG = Leaf("boolean", "bool")
WHOLE = Leaf("integer", "int32")
LONG = Leaf("integer", "int64")
NUMBER = Leaf("number", "float64")
TIME = Leaf("string", "time")
MICRO_TIME = Leaf("string", "microtime")
EITHER = Leaf("int-or-string", "intstr.IntOrString")
ANY = Leaf("any")
TEXTS = Map(TEXT)


def one_of(*choices: str) -> Leaf:
    """A string out of a closed list."""
    return Leaf("string", choices=choices)


def at_least(minimum: int) -> Leaf:
    """A whole number with a lower limit."""
    return Leaf("integer", "int32", minimum=minimum)


def each(names: str, shape: Any) -> dict[str, Any]:
    """Several fields of one shape, names parted by blanks."""
    return dict.fromkeys(names.split(), shape)


def texts(names: str) -> dict[str, Any]:
    """Several string fields at once, names parted by blanks."""
    return each(names, TEXT)


def anything(names: str) -> dict[str, Any]:
    """Several fields whose content is not checked, names parted by blanks."""
    return each(names, ANY)


@dataclass(slots=True)
class Findings:
    """What a check found.

    `unknown` are paths of fields that were dropped, `decoding` errors in Go's words (`types` are the Go types of those
    that are about a type), `causes` are those of a 422.
    """

    unknown: list[str] = field(default_factory=list)
    decoding: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)


class Checker:
    """Checks one object and returns it without unknown fields.

    Args:
        builtin: which dialect.
        relative_to: a prefix that messages of the custom dialect leave out ("status." when only that is written).
    """

    def __init__(self, kind: str, *, builtin: bool, relative_to: str = "") -> None:
        self._kind = kind
        self._builtin = builtin
        self._relative_to = relative_to
        self.findings = Findings()

    def check(self, shape: Any, value: Any, path: str = "") -> Any:
        """The value without unknown fields; what is wrong is added to `findings`."""
        if shape is ANY or (value is None and self._builtin):
            return value
        if isinstance(shape, Leaf):
            return self._leaf(shape, value, path)
        if isinstance(shape, list):
            return self._list(shape[0], value, path)
        return self._object(shape, value, path)

    def _object(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self._wrong_type("object", "struct", value, path)
            return value
        if isinstance(shape, Map):
            # Go's decoder names the map, a CRD's schema the key in it.
            return {
                key: self.check(shape.values, item, path if self._builtin else f"{path}.{key}") for key, item in value.items()
            }
        known, open_ended = _known(shape), ... in shape
        if not self._builtin:
            self._required(shape, value, path)
        kept: dict[str, Any] = {}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key in known:
                kept[key] = self.check(known[key], item, where)
            elif open_ended:
                kept[key] = item
            else:
                self.findings.unknown.append(where)
        if self._builtin:
            self._required(shape, value, path)
        return kept

    def _required(self, shape: Mapping[Any, Any], value: dict[str, Any], path: str) -> None:
        for key in shape:
            if key is not ... and key.endswith("!") and value.get(key[:-1]) is None:
                where = f"{path}.{key[:-1]}" if path else key[:-1]
                self.findings.causes.append(Cause("FieldValueRequired", "Required value", where))

    def _list(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self._wrong_type("array", "slice", value, path)
            return value
        return [self.check(shape, item, f"{path}[{place}]") for place, item in enumerate(value)]

    def _leaf(self, leaf: Leaf, value: Any, path: str) -> Any:
        if not _is(leaf.type, value):
            self._wrong_type(leaf.type, leaf.go, value, path)
        elif leaf.go in ("time", "microtime"):
            self._time(leaf.go, value)
        elif leaf.minimum is not None and value < leaf.minimum:
            self._too_small(leaf.minimum, value, path)
        elif leaf.choices and value not in leaf.choices:
            allowed = ", ".join(f'"{choice}"' for choice in leaf.choices)
            message = f'Unsupported value: "{value}": supported values: {allowed}'
            self.findings.causes.append(Cause("FieldValueNotSupported", message, path))
        elif leaf.pattern and not re.search(leaf.pattern, value):
            message = f"Invalid value: \"{value}\": {self._in_body(path)} should match '{leaf.pattern}'"
            self.findings.causes.append(Cause("FieldValueInvalid", message, path))
        return value

    def _wrong_type(self, wanted: str, go: str, value: Any, path: str) -> None:
        given = _type(value)
        if self._builtin:
            given = {"boolean": "bool", "integer": "number"}.get(given, given)
            self.findings.decoding.append(
                f"json: cannot unmarshal {given} into Go struct field {self._struct(path)}.{path} of type {go}"
            )
            self.findings.types.append(go)
            return
        message = f'Invalid value: "{given}": {self._in_body(path)} must be of type {wanted}: "{given}"'
        self.findings.causes.append(Cause("FieldValueTypeInvalid", message, path))

    def _too_small(self, minimum: int, value: Any, path: str) -> None:
        if not self._builtin:
            rule = f"{self._in_body(path)} should be greater than or equal to {minimum}"
        elif minimum == 1:
            rule = "must be greater than 0"
        else:
            rule = f"must be greater than or equal to {minimum}"
        self.findings.causes.append(Cause("FieldValueInvalid", f"Invalid value: {value}: {rule}", path))

    def _in_body(self, path: str) -> str:
        return f"{path.removeprefix(self._relative_to)} in body"

    def _struct(self, path: str) -> str:
        """The Go struct that holds a field: `DeploymentSpec` for spec.replicas, `ConfigMap` for data."""
        if path.startswith("metadata."):
            return "ObjectMeta"
        return f"{self._kind}{path.split('.')[0].capitalize()}" if "." in path else self._kind

    def _time(self, go: str, value: str) -> None:
        layout = "2006-01-02T15:04:05.000000Z07:00" if go == "microtime" else "2006-01-02T15:04:05Z07:00"
        wrong = _unparsed(value, micro=go == "microtime")
        if wrong is not None:
            given, part = wrong
            self.findings.decoding.append(f'parsing time "{value}" as "{layout}": cannot parse "{given}" as "{part}"')


def _known(shape: Mapping[Any, Any]) -> dict[str, Any]:
    return {key.removesuffix("!"): item for key, item in shape.items() if key is not ...}


_PARTS = (
    (r"\d{4}", "2006"),
    (r"-", "-"),
    (r"\d{2}", "01"),
    (r"-", "-"),
    (r"\d{2}", "02"),
    (r"T", "T"),
    (r"\d{2}", "15"),
    (r":", ":"),
    (r"\d{2}", "04"),
    (r":", ":"),
    (r"\d{2}", "05"),
)
_MICROS = (r"\.\d{6}(?!\d)", ".000000")
_ZONE = (r"(Z|[+-]\d{2}:\d{2})$", "Z07:00")


def _unparsed(value: str, *, micro: bool) -> tuple[str, str] | None:
    """What Go's time.Parse trips over: the rest of the text and the part of the layout; None when it parses."""
    rest = value
    for pattern, part in (*_PARTS, *((_MICROS,) if micro else ()), _ZONE):
        found = re.match(pattern, rest)
        if found is None:
            return rest, part
        rest = rest[found.end() :]
        if part == "05" and not micro:
            rest = re.sub(r"^\.\d+", "", rest)
    return None


def _type(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _is(wanted: str, value: Any) -> bool:
    given = _type(value)
    if wanted == "number":
        return given in ("integer", "number")
    if wanted == "int-or-string":
        return given in ("integer", "string")
    return given == wanted
