"""The three ways to patch that the lab answers: JSON merge patch, JSON patch and strategic merge patch."""

from typing import Any

from openova_console.lab.kube.golang import type_of
from openova_console.lab.kube.records import clone


class PatchFailed(Exception):
    """A JSON patch that cannot be applied: a `test` that fails or a path that is not there."""


class PatchMalformed(Exception):
    """A body that is not a patch of the announced kind."""


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, maps are merged, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902. Raises `PatchFailed`, and `PatchMalformed` when the body is no list of operations."""
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        given = type_of(operations[0] if isinstance(operations, list) and operations else operations)
        raise PatchMalformed(f"json: cannot unmarshal {given} into Go value of type []handlers.jsonPatchOp")
    result = clone(target)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    name, path = operation.get("op"), _tokens(operation.get("path"))
    if name in ("add", "replace", "test") and "value" not in operation:
        raise PatchFailed("value is missing")
    if name == "test":
        if _peek(document, path) != operation["value"]:
            raise PatchFailed("testing value failed")
        return document
    if name in ("move", "copy"):
        source = _tokens(operation.get("from"))
        value = clone(_read(document, source))
        if name == "move":
            document = _remove(document, source)
        return _add(document, path, value)
    if name == "remove":
        return _remove(document, path)
    if name == "replace":
        return _replace(document, path, clone(operation["value"]))
    if name == "add":
        return _add(document, path, clone(operation["value"]))
    raise PatchFailed(f"unexpected kind: {name}")


def _tokens(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise PatchFailed("the path is not a JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_place(token, len(document) - 1)]
        else:
            raise PatchFailed(f"missing path {token}")
    return document


def _peek(document: Any, path: list[str]) -> Any:
    """Like `_read`, but a missing key of a map reads as null."""
    parent = _read(document, path[:-1]) if path else document
    if path and isinstance(parent, dict):
        return parent.get(path[-1])
    return _read(document, path)


def _replace(document: Any, path: list[str], value: Any) -> Any:
    """The server's library replaces a missing key of a map without complaint."""
    parent = _read(document, path[:-1]) if path else None
    if isinstance(parent, dict):
        parent[path[-1]] = value
        return document
    return _add(_remove(document, path), path, value) if path else value


def _place(token: str, last: int) -> int:
    if not token.isdigit() or int(token) > last:
        raise PatchFailed(f"no such place {token}")
    return int(token)


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, key = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if key == "-" else _place(key, len(parent)), value)
    elif isinstance(parent, dict):
        parent[key] = value
    else:
        raise PatchFailed(f"missing path {key}")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    _read(document, path)
    parent, key = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_place(key, len(parent) - 1)]
    else:
        del parent[key]
    return document


_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "conditions": "type",
    "ownerReferences": "uid",
}


def strategic_patch(target: Any, patch: Any, field: str = "") -> Any:
    """A merge patch that joins the known lists of built-in kinds by key and obeys `$patch` and `$retainKeys`."""
    if isinstance(patch, list):
        key = _MERGE_KEYS.get(field)
        if key is None or not all(isinstance(item, dict) for item in patch):
            return _united(target, patch) if field == "finalizers" else clone(patch)
        return _joined(target if isinstance(target, list) else [], patch, key)
    if not isinstance(patch, dict):
        return clone(patch)
    if patch.get("$patch") == "replace":
        return {name: clone(value) for name, value in patch.items() if name != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {name: value for name, value in result.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            result.pop(name, None)
        else:
            result[name] = strategic_patch(result.get(name), value, name)
    return result


def _united(target: Any, patch: list[Any]) -> list[Any]:
    present = list(target) if isinstance(target, list) else []
    return present + [item for item in patch if item not in present]


def _joined(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [clone(item) for item in patch if "$patch" not in item]
    result = list(target)
    for item in patch:
        place = next((i for i, old in enumerate(result) if old.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(strategic_patch({}, item))
        else:
            result[place] = strategic_patch(result[place], item)
    return result
