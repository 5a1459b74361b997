"""Refusals of the API server: `kind: Status` bodies with the reasons, messages and details of the real one."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """A request that the server refuses; `body` is the Status object that goes over the wire."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        continuation: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.continuation = continuation

    @property
    def body(self) -> Json:
        """The Status object, keys in the server's order; `reason` and `details` are left out when there are none."""
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continuation} if self.continuation else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        status["code"] = self.code
        return status


class NoSuchPath(Exception):
    """A path that nothing serves: the real server answers a bare text, not a Status object."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One field error: `reason` is a metav1.CauseType, `field` the dotted path."""

    reason: str
    message: str
    field: str


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, or the bare resource in the core group."""
    return f"{resource}.{group}" if group else resource


def target(kind: str, group: str, name: str = "") -> Json:
    """`details` of a Status: name and group are left out when empty."""
    details: Json = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = kind
    return details


def bad_request(message: str) -> Refusal:
    """400 for a body or a parameter that cannot be read."""
    return Refusal(400, "BadRequest", message)


def not_found(resource: str, group: str, name: str) -> Refusal:
    """404 for an object that does not exist."""
    message = f'{qualified(resource, group)} "{name}" not found'
    return Refusal(404, "NotFound", message, details=target(resource, group, name))


def already_exists(resource: str, group: str, name: str) -> Refusal:
    """409 for a name that is taken: the same code as a conflict, another reason."""
    message = f'{qualified(resource, group)} "{name}" already exists'
    return Refusal(409, "AlreadyExists", message, details=target(resource, group, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, group: str, name: str, why: str = MODIFIED) -> Refusal:
    """409 for a write whose precondition does not hold."""
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}'
    return Refusal(409, "Conflict", message, details=target(resource, group, name))


def invalid(kind: str, group: str, name: str, causes: Iterable[Cause]) -> Refusal:
    """422 with one cause per wrong field."""
    listed = list(causes)
    sentences = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in listed))
    told = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    details = target(kind, group, name)
    if not kind:
        del details["kind"]
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in listed]
    return Refusal(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {told}', details=details)


def method_not_allowed() -> Refusal:
    """405 for a verb that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return Refusal(405, "MethodNotAllowed", message, details={})


def no_such_resource() -> Refusal:
    """404 for a path below a built-in API group that nothing serves."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", details={})


def too_large_revision(asked: int, current: int) -> Refusal:
    """504 for a list that asks for a revision of the future."""
    return Refusal(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {current}",
        details={
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    )


def list_too_old() -> Refusal:
    """410 for a list at a compacted revision."""
    return Refusal(410, "Expired", "The resourceVersion for the provided list is too old.")


def continue_too_old(fresh: str) -> Refusal:
    """410 for an expired continue token; `fresh` continues with an inconsistent rest of the list."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return Refusal(410, "Expired", message, continuation=fresh)


def watch_too_old(asked: int, oldest: int) -> Refusal:
    """The 410 that a watch reports inside its stream."""
    return Refusal(410, "Expired", f"too old resource version: {asked} ({oldest})")


def bad_revision(value: str, *, listing: bool = False) -> Refusal:
    """A resourceVersion that is no number: 400 for a list, 500 without a reason for a watch."""
    message = (
        f"resourceVersion: Invalid value: {json.dumps(value)}: strconv.ParseUint: parsing {json.dumps(value)}: invalid syntax"
    )
    if listing:
        return bad_request(f"invalid resource version: {message}")
    return Refusal(500, "", message)
