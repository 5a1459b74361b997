"""Label and field selectors of lists and watches."""

import re
from collections.abc import Callable
from typing import Any

from openova_console.lab.kube.errors import bad_request
from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.records import Record

Matches = Callable[[Record], bool]
_SET = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s+(?P<not>not)?in\s*\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s*(?P<sign>==|!=|=)\s*(?P<value>[^\s!=,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<not>!)?\s*(?P<key>[^\s!=,()]+)\s*$")
_FIELDS = {
    "pods": ("spec.nodeName", "status.phase", "spec.restartPolicy"),
    "nodes": ("spec.unschedulable",),
    "events": ("involvedObject.name", "involvedObject.namespace", "involvedObject.kind", "reason", "type"),
}


def by_labels(selector: str) -> Matches | None:
    """What a label selector admits; None when it admits everything. Raises `Refusal` 400 when it cannot be read."""
    tests = [_label_test(part) for part in re.split(r",(?![^()]*\))", selector)] if selector.strip() else []
    return (lambda record: all(test(record.labels) for test in tests)) if tests else None


def _label_test(part: str) -> Callable[[dict[str, str]], bool]:
    if found := _EQUAL.match(part):
        key, value = found["key"], found["value"]
        if found["sign"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _SET.match(part):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["not"]:
            return lambda labels: labels.get(key) not in values
        return lambda labels: labels.get(key) in values
    if found := _EXISTS.match(part):
        key, absent = found["key"], bool(found["not"])
        return lambda labels: (key in labels) is not absent
    words = part.split()
    if len(words) > 1:
        told = f"found '{words[1]}', expected: in, notin, =, ==, !=, gt, lt"
    else:
        told = f"found '{'=' if '===' in part else part}', expected: identifier"
    raise bad_request(f"unable to parse requirement: {told}")


def by_fields(selector: str, kind: Kind) -> Matches | None:
    """What a field selector admits; None when it admits everything. Raises `Refusal` 400 for an unknown field."""
    tests = [_field_test(part, kind) for part in selector.split(",")] if selector.strip() else []
    return (lambda record: all(test(record) for test in tests)) if tests else None


def _field_test(part: str, kind: Kind) -> Matches:
    found = _EQUAL.match(part)
    if found is None:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    field, value, wanted = found["key"], found["value"], found["sign"] != "!="
    if field not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind.key, ())):
        if kind.builtin and kind.key not in _FIELDS:
            raise bad_request(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')
        raise bad_request(f"field label not supported: {field}")
    return lambda record: (_value(record.document, field) == value) is wanted


def _value(document: Any, path: str) -> str:
    for token in path.split("."):
        document = document.get(token) if isinstance(document, dict) else None
    if isinstance(document, bool):
        return str(document).lower()
    return "" if document is None else str(document)
