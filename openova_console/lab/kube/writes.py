"""POST, PUT, PATCH and DELETE of objects and of their status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openova_console.lab.kube import bodies, golang, patches
from openova_console.lab.kube.errors import (
    Cause,
    NoSuchPath,
    Refusal,
    already_exists,
    bad_request,
    conflict,
    invalid,
    method_not_allowed,
    not_found,
)
from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.paths import Asked
from openova_console.lab.kube.records import Json, dump
from openova_console.lab.kube.store import AlreadyExists, Conflict, NotFound, ObjectStore
from openova_console.lab.kube.versions import Part

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status code, an object, and warnings for the headers."""

    code: int
    body: Json
    warnings: list[str] = field(default_factory=list)


def create(store: ObjectStore, kind: Kind, asked: Asked, query: Mapping[str, str], text: bytes) -> Answer:
    """POST to a collection. Raises `Refusal` 400, 404 (namespace), 405, 409 (name taken), 422."""
    options = bodies.write_options(query, "create")
    if kind.namespaced and not asked.namespace:
        raise method_not_allowed() if kind.builtin else NoSuchPath(asked.path)
    body = bodies.placed(bodies.decoded(text, kind, asked), kind, asked)
    body, warnings = bodies.checked(body, kind, asked, options.validation)
    _namespace_exists(store, kind, asked.namespace)
    bodies.named(body, kind)
    if body["metadata"].get("resourceVersion"):
        raise Refusal(500, "", "resourceVersion should not be set on objects to be created")
    for mine in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "managedFields", "selfLink"):
        body["metadata"].pop(mine, None)
    if kind.status:
        body.pop("status", None)
    try:
        made = store.create(kind, body, dry_run=options.dry_run)
    except AlreadyExists:
        raise already_exists(kind.plural, kind.group, body["metadata"]["name"]) from None
    return Answer(201, _typed(made, kind, asked), warnings)


def replace(store: ObjectStore, kind: Kind, asked: Asked, query: Mapping[str, str], text: bytes) -> Answer:
    """PUT of an object or of its status. Raises `Refusal` 400, 404, 409, 422."""
    options = bodies.write_options(query, "update")
    body = bodies.placed(bodies.decoded(text, kind, asked), kind, asked)
    revision = str(body["metadata"].get("resourceVersion") or "")
    exists = store.find(kind, asked.namespace, asked.name) is not None
    if exists and not revision and not kind.unconditional:
        raise bodies.revision_required(kind, asked.name)
    body, warnings = bodies.checked(body, kind, asked, options.validation)
    if not exists:
        if kind.upsert and not asked.subresource:
            _namespace_exists(store, kind, asked.namespace)
            return Answer(201, _typed(store.create(kind, body, dry_run=options.dry_run), kind, asked), warnings)
        raise not_found(kind.plural, kind.group, asked.name)
    stored = _stored(store, kind, asked, body, revision, dry_run=options.dry_run)
    return Answer(200, _typed(stored, kind, asked), warnings)


def patch(store: ObjectStore, kind: Kind, asked: Asked, query: Mapping[str, str], media: str, text: bytes) -> Answer:
    """PATCH of an object or of its status. Raises `Refusal` 400, 404, 409, 415, 422."""
    options = bodies.write_options(query, "patch")
    change = decoded_patch(kind, media, query, text)
    record = store.find(kind, asked.namespace, asked.name)
    if record is None:
        raise not_found(kind.plural, kind.group, asked.name)
    current = record.whole(kind.kind, kind.api_version(asked.version))
    body = patched(current, media, change)
    _same_identity(body, current, kind, asked)
    body, warnings = bodies.checked(body, kind, asked, options.validation, patched=(change, media == STRATEGIC))
    _same_uid(body, current, kind)
    revision = str(body["metadata"].get("resourceVersion") or "")
    stored = _stored(store, kind, asked, body, revision, dry_run=options.dry_run)
    return Answer(200, _typed(stored, kind, asked), warnings)


def delete(store: ObjectStore, kind: Kind, asked: Asked, query: Mapping[str, str], text: bytes) -> Answer:
    """DELETE of an object. Raises `Refusal` 400, 404, 409."""
    options = bodies.write_options(query, "delete")
    uid, revision = bodies.preconditions(text)
    try:
        gone, finished = store.delete(kind, asked.namespace, asked.name, uid=uid, revision=revision, dry_run=options.dry_run)
    except NotFound:
        raise not_found(kind.plural, kind.group, asked.name) from None
    except Conflict as lost:
        raise _lost_precondition(kind, asked, lost) from None
    if not finished or kind.key == "pods":
        return Answer(200, _typed(gone, kind, asked))
    details: Json = {"name": asked.name, "group": kind.group, "kind": kind.plural, "uid": gone["metadata"]["uid"]}
    if not kind.group:
        del details["group"]
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return Answer(200, status)


def decoded_patch(kind: Kind, media: str, query: Mapping[str, str], text: bytes) -> Any:
    """The patch in a body. Raises `Refusal` 415 for another media type, 400 for no JSON, 422 for a nameless apply."""
    known = (JSON_PATCH, MERGE, APPLY) if not kind.builtin else (JSON_PATCH, MERGE, STRATEGIC, APPLY)
    if media not in known:
        if not kind.builtin:
            accepted = ", ".join(known)
            message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            raise Refusal(415, "UnsupportedMediaType", message)
        raise Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
    if media == APPLY:
        raise _apply(query)
    try:
        return golang.decode(text)
    except golang.NotJson as error:
        raise bad_request(f"{'' if media == STRATEGIC else 'error decoding patch: '}{error}") from None


def _apply(query: Mapping[str, str]) -> Refusal:
    """Server-side apply: nameless it is refused as the real server does; the lab does not track field owners."""
    if not query.get("fieldManager"):
        cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
        return invalid("PatchOptions", "meta.k8s.io", "", [cause])
    return Refusal(501, "", "the lab does not answer server-side apply: it tracks no field owners")


def patched(current: Json, media: str, change: Any) -> Json:
    """The object after the patch. Raises `Refusal` 400 for no patch, 422 for one that cannot be applied."""
    if media == JSON_PATCH:
        try:
            body = patches.json_patch(current, change)
        except patches.PatchMalformed as error:
            raise bad_request(f"error decoding patch: {error}") from None
        except patches.PatchFailed:
            message = "the server rejected our request due to an error in our request"
            raise Refusal(422, "Invalid", message, details={}) from None
    elif not isinstance(change, dict):
        given = golang.type_of(change)
        raise bad_request(f"error decoding patch: json: cannot unmarshal {given} into Go value of type map[string]interface {{}}")
    else:
        body = (patches.strategic_patch if media == STRATEGIC else patches.merge_patch)(current, change)
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        raise bad_request("the patched object has no metadata")
    return body


def _same_identity(body: Json, current: Json, kind: Kind, asked: Asked) -> None:
    """Raises `Refusal` 400 or 422 when a patch renames the object or changes its type."""
    if kind.builtin and (body.get("apiVersion"), body.get("kind")) != (current["apiVersion"], current["kind"]):
        unregistered = f'no kind "{body.get("kind")}" is registered for version "{body.get("apiVersion")}"'
        raise bodies.not_patchable(dump(body).decode(), f'{unregistered} in scheme "pkg/runtime/scheme.go:110"')
    bodies.same_type(body, kind, asked)
    bodies.same_name(body["metadata"], asked)
    if kind.namespaced and body["metadata"].get("namespace") != asked.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _same_uid(body: Json, current: Json, kind: Kind) -> None:
    """Raises `Refusal` 422 when a patch sets another uid; the server names the cause twice."""
    metadata = body["metadata"]
    uid = metadata.get("uid")
    if uid and uid != current["metadata"]["uid"]:
        cause = Cause("FieldValueInvalid", f'Invalid value: "{uid}": field is immutable', "metadata.uid")
        raise invalid(kind.kind, kind.group, metadata["name"], [cause, cause])


def _stored(store: ObjectStore, kind: Kind, asked: Asked, body: Json, revision: str, *, dry_run: bool) -> Json:
    part: Part = "status" if asked.subresource == "status" else "main"
    metadata = body["metadata"]
    if revision and not revision.isdigit():
        raise Refusal(500, "", f'strconv.ParseUint: parsing "{revision}": invalid syntax')
    try:
        return store.update(kind, body, part=part, revision=revision, uid=str(metadata.get("uid") or ""), dry_run=dry_run)
    except NotFound:
        raise not_found(kind.plural, kind.group, asked.name) from None
    except Conflict as lost:
        if lost.what == "resourceVersion":
            raise conflict(kind.plural, kind.group, asked.name) from None
        raise conflict(kind.plural, kind.group, asked.name, _other_uid(kind, asked, lost)) from None


def _other_uid(kind: Kind, asked: Asked, lost: Conflict) -> str:
    place = kind.plural if kind.builtin else f"{kind.group}/{kind.plural}"
    key = "/".join(part for part in ("/registry", place, asked.namespace, asked.name) if part)
    return (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {lost.wanted}, UID in object meta: {lost.found}"
    )


def _lost_precondition(kind: Kind, asked: Asked, lost: Conflict) -> Refusal:
    what, after = ("UID", "deleted and then recreated") if lost.what == "uid" else ("ResourceVersion", "modified")
    why = (
        f"the {what} in the precondition ({lost.wanted}) does not match the {what} in record ({lost.found}). "
        f"The object might have been {after}"
    )
    return conflict(kind.kind, kind.group, asked.name, why)


def _namespace_exists(store: ObjectStore, kind: Kind, namespace: str) -> None:
    if kind.namespaced and store.find("namespaces", "", namespace) is None:
        raise not_found("namespaces", "", namespace)


def _typed(document: Json, kind: Kind, asked: Asked) -> Json:
    """The object in the version that was asked for."""
    return document | {"apiVersion": kind.api_version(asked.version)}
