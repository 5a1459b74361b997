"""Bodies of writes: decoded, held against the request's path and against the kind's fields, in the server's words."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from openova_console.lab.kube import golang
from openova_console.lab.kube.errors import Cause, Refusal, bad_request, invalid
from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.paths import Asked
from openova_console.lab.kube.records import Json, dump
from openova_console.lab.kube.schema import Checker
from openova_console.lab.kube.shapes_common import METADATA

Validation = Literal["Ignore", "Warn", "Strict"]
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_UNCHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
_BLOCKING = ("FieldValueRequired", "FieldValueTypeInvalid", "FieldValueNotSupported")
_TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SCHEME = 'in scheme "pkg/runtime/scheme.go:110"'


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The query of a write."""

    dry_run: bool
    validation: Validation


def write_options(query: Mapping[str, str], verb: str) -> WriteOptions:
    """Parse dryRun and fieldValidation. Raises `Refusal` 422."""
    options = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}.get(verb, "DeleteOptions")
    dry_run, validation = query.get("dryRun", ""), query.get("fieldValidation", "") or "Warn"
    causes = []
    if dry_run not in ("", "All"):
        message = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
        causes.append(Cause("FieldValueNotSupported", message, "dryRun"))
    if validation not in ("Ignore", "Warn", "Strict"):
        message = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
        causes.append(Cause("FieldValueNotSupported", message, "fieldValidation"))
    if causes:
        raise invalid(options, "meta.k8s.io", "", causes)
    return WriteOptions(bool(dry_run), cast(Validation, validation))


def parsed(text: bytes, kind: str) -> Json:
    """A JSON object in a body. Raises `Refusal` 400."""
    wrong = f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error"
    try:
        body = golang.decode(text)
    except golang.NotJson as error:
        raise bad_request(f"{wrong}: {error} ({golang.summary(text)})") from None
    if not isinstance(body, dict):
        told = f"json: cannot unmarshal {golang.type_of(body)} into Go value of type {_TYPE_META}"
        raise bad_request(f"{wrong}: {told} ({golang.summary(text)})")
    return body


def decoded(text: bytes, kind: Kind, asked: Asked) -> Json:
    """An object in a POST or PUT body. Raises `Refusal` 400 for no JSON or for another type, 422 for another kind."""
    body = parsed(text, kind.kind)
    expected = kind.api_version(asked.version)
    if kind.builtin:
        body = {"apiVersion": expected, "kind": kind.kind} | {k: v for k, v in body.items() if v or k != "kind"}
        if (body["apiVersion"], body["kind"]) != (expected, kind.kind):
            unregistered = f'no kind "{body["kind"]}" is registered for version "{body["apiVersion"]}" {_SCHEME}'
            raise bad_request(_not_handled(body["kind"], kind, asked, unregistered))
    elif not body.get("kind"):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing in "
            f"'{text.decode('utf-8', 'replace')}' ({golang.summary(text)})"
        )
    same_type(body, kind, asked)
    if not isinstance(body.setdefault("metadata", {}), dict):
        given = golang.type_of(body["metadata"])
        told = f"json: cannot unmarshal {given} into Go struct field {kind.kind}.metadata of type v1.ObjectMeta"
        raise bad_request(_not_handled(kind.kind, kind, asked, told))
    return body


def same_type(body: Json, kind: Kind, asked: Asked) -> None:
    """Raises `Refusal` 400 for another apiVersion, 422 for another kind, unless the body is of the asked type."""
    expected = kind.api_version(asked.version)
    given = body.get("apiVersion")
    if given != expected:
        raise bad_request(f"the API version in the data ({given}) does not match the expected API version ({expected})")
    if body.get("kind") != kind.kind:
        kind_given, name = str(body.get("kind")), str((body.get("metadata") or {}).get("name", ""))
        cause = Cause("FieldValueInvalid", f'Invalid value: "{kind_given}": must be {kind.kind}', "kind")
        raise invalid(kind_given, kind.group, name, [cause])


def _not_handled(given: str, kind: Kind, asked: Asked, why: str) -> str:
    return f'{given} in version "{asked.version}" cannot be handled as a {kind.kind}: {why}'


def placed(body: Json, kind: Kind, asked: Asked) -> Json:
    """The body with its namespace and name settled by the path. Raises `Refusal` 400 when they disagree."""
    metadata = body["metadata"]
    if kind.namespaced:
        if metadata.get("namespace", asked.namespace) not in ("", asked.namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = asked.namespace
    if asked.name:
        same_name(metadata, asked)
    return body


def same_name(metadata: Json, asked: Asked) -> None:
    """Raises `Refusal` 400 unless the object is called as the path says."""
    name = metadata.get("name")
    if not name:
        raise bad_request(f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided")
    if name != asked.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({asked.name})")


def named(body: Json, kind: Kind) -> None:
    """Raises `Refusal` 422 unless a new object has a usable name or a prefix for one."""
    metadata = body["metadata"]
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    if not name and not prefix:
        cause = Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
        raise invalid(kind.kind, kind.group, "", _with_unchecked(kind, [cause]))
    tried = name or f"{prefix}x"
    if not _NAME.match(tried) or len(tried) > 253:
        told = f"Invalid value: {json.dumps(name or prefix)}: {_NAME_RULE}"
        cause = Cause("FieldValueInvalid", told, "metadata.name")
        raise invalid(kind.kind, kind.group, name, [cause])


def checked(
    body: Json, kind: Kind, asked: Asked, validation: Validation, *, patched: tuple[Any, bool] | None = None
) -> tuple[Json, list[str]]:
    """The object without unknown fields, and the warnings that go into the answer's headers.

    Args:
        patched: the object is the result of a patch: the patch, and whether it was a strategic one. What cannot be
            decoded is then a 422 that quotes the whole object (or the strategic patch).

    Raises:
        Refusal: 400 for what cannot be decoded, 422 for fields that break a rule.
    """
    metadata = Checker(kind.kind, builtin=True)
    kept_metadata = metadata.check({"metadata": METADATA}, {"metadata": body["metadata"]})["metadata"]
    relative_to = "status." if asked.subresource == "status" else ""
    content = Checker(kind.kind, builtin=kind.builtin, relative_to=relative_to)
    kept = content.check(kind.shape, {key: value for key, value in body.items() if key != "metadata"})
    kept["metadata"] = kept_metadata
    unknown = [f'unknown field "{path}"' for path in (*metadata.findings.unknown, *content.findings.unknown)]
    decoding = [*metadata.findings.decoding, *content.findings.decoding]
    if not kind.builtin:
        decoding = [line.replace("ObjectMeta.metadata.", "ObjectMeta.") for line in decoding]
    if decoding or (unknown and validation == "Strict"):
        why = decoding[0] if decoding else f"strict decoding error: {', '.join(unknown)}"
        types = [*metadata.findings.types, *content.findings.types]
        raise _undecodable(body, kind, asked, why, types, patched)
    if content.findings.causes:
        raise invalid(kind.kind, kind.group, kept_metadata.get("name") or "", _with_unchecked(kind, content.findings.causes))
    return kept, unknown if validation == "Warn" else []


def _with_unchecked(kind: Kind, causes: list[Cause]) -> list[Cause]:
    """A CRD with CEL rules adds that they were not checked."""
    if kind.has_rules and any(cause.reason in _BLOCKING for cause in causes):
        return [*causes, Cause("FieldValueInvalid", _UNCHECKED, "<nil>")]
    return causes


def _undecodable(body: Json, kind: Kind, asked: Asked, why: str, types: list[str], patched: tuple[Any, bool] | None) -> Refusal:
    if patched is None:
        return bad_request(_not_handled(kind.kind, kind, asked, why))
    patch, strategic = patched
    shown = golang.printed(patch) if strategic else dump(body).decode()
    if strategic and types:
        why = f"unrecognized type: {types[0]}"
    return not_patchable(shown, why)


def not_patchable(shown: str, why: str) -> Refusal:
    """422 for a patch whose result cannot be decoded; it quotes what was tried."""
    cause = Cause("FieldValueInvalid", f"Invalid value: {json.dumps(shown, ensure_ascii=False)}: {why}", "patch")
    return invalid("", "", "", [cause])


def revision_required(kind: Kind, name: str) -> Refusal:
    """422 for a PUT without a resourceVersion on a kind that does not allow blind overwriting."""
    cause = Cause("FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion")
    return invalid(kind.plural, kind.group, name, [cause])


def preconditions(text: bytes) -> tuple[str, str]:
    """uid and resourceVersion out of the DeleteOptions in a DELETE body. Raises `Refusal` 500 for no JSON."""
    if not text.strip():
        return "", ""
    try:
        options: Any = golang.decode(text)
    except golang.NotJson as error:
        raise Refusal(500, "", f"couldn't get version/kind; json parse error: {error}") from None
    wanted = options.get("preconditions") or {} if isinstance(options, dict) else {}
    return str(wanted.get("uid") or ""), str(wanted.get("resourceVersion") or "")
