"""What a request asks for, read from its method, path and query as the API server's request-info resolver does."""

from collections.abc import Mapping
from dataclasses import dataclass

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_PARTS = ("status", "finalize")
TRUE = ("1", "t", "T", "true", "True", "TRUE", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the words of authorisation. `is_resource` is False for `/version`, `/apis` and the like."""

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    of_namespace: bool = False


def asked_for(method: str, path: str, query: Mapping[str, str]) -> Asked:
    """Read a request. Never raises: what makes no sense is a path that nothing serves."""
    verb = _VERBS.get(method, method.lower())
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return Asked(path, verb)
    namespace, of_namespace = "", False
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_PARTS:
            rest, of_namespace = rest[2:], True
    plural, name, subresource = rest[0], rest[1] if len(rest) > 1 else "", "/".join(rest[2:])
    return Asked(
        path,
        _resource_verb(verb, name, query),
        True,
        group,
        version,
        plural,
        namespace,
        name or _named(verb, query),
        subresource,
        of_namespace,
    )


def watches(query: Mapping[str, str]) -> bool:
    """Whether the query asks for a stream of changes."""
    return "watch" in query and query["watch"] in TRUE


def _resource_verb(verb: str, name: str, query: Mapping[str, str]) -> str:
    if verb == "get" and not name:
        return "watch" if watches(query) else "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb


def _named(verb: str, query: Mapping[str, str]) -> str:
    """A list or a watch of one name counts as naming it, for authorisation and its messages."""
    selector = query.get("fieldSelector", "")
    if verb == "get" and selector.startswith("metadata.name=") and "," not in selector:
        return selector.removeprefix("metadata.name=").removeprefix("=")
    return ""
