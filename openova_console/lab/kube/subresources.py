"""The scale of workloads and the eviction of pods."""

from collections.abc import Mapping
from typing import Any

from openova_console.lab.kube import bodies, golang, writes
from openova_console.lab.kube.errors import Cause, Refusal, bad_request, conflict, invalid, not_found
from openova_console.lab.kube.kinds import Kind, Scale
from openova_console.lab.kube.paths import Asked
from openova_console.lab.kube.records import Json, clone, dump
from openova_console.lab.kube.selectors import by_labels
from openova_console.lab.kube.store import Conflict, NotFound, ObjectStore
from openova_console.lab.kube.writes import Answer


def scale(store: ObjectStore, kind: Kind, asked: Asked) -> Json:
    """GET of the scale. Raises `Refusal` 404."""
    if store.find(kind, asked.namespace, asked.name) is None:
        raise not_found(kind.plural, kind.group, asked.name)
    return _scale(store.get(kind, asked.namespace, asked.name), _paths(kind))


def rescale(store: ObjectStore, kind: Kind, asked: Asked, query: Mapping[str, str], media: str, text: bytes) -> Answer:
    """PUT or PATCH of the scale. Raises `Refusal` 400, 404, 409, 415, 422."""
    options = bodies.write_options(query, asked.verb)
    current = scale(store, kind, asked)
    patching = asked.verb == "patch"
    if patching:
        wanted = writes.patched(current, media, writes.decoded_patch(kind, media, query, text))
    else:
        wanted = _decoded(text)
    metadata = wanted["metadata"]
    bodies.same_name(metadata, asked)
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    _judge(wanted, asked.name, replicas, patching=patching)
    document = clone(store.get(kind, asked.namespace, asked.name))
    _put(document, _paths(kind).replicas, replicas)
    try:
        stored = store.update(
            kind,
            document,
            uid=metadata.get("uid") or "",
            revision=metadata.get("resourceVersion") or "",
            dry_run=options.dry_run,
        )
    except Conflict:
        raise conflict(kind.plural, kind.group, asked.name) from None
    return Answer(200, _scale(stored, _paths(kind)))


def evict(store: ObjectStore, asked: Asked, query: Mapping[str, str], text: bytes) -> Answer:
    """POST of an eviction: deletes the pod unless a disruption budget forbids it. Raises `Refusal` 404, 409, 429."""
    options = bodies.write_options(query, "create")
    wanted = bodies.parsed(text, "Eviction")
    if (wanted.get("metadata") or {}).get("name") != asked.name:
        raise bad_request("name in URL does not match name in Eviction object")
    pod = store.find("pods", asked.namespace, asked.name)
    if pod is None:
        raise not_found("pods", "", asked.name)
    held = (wanted.get("deleteOptions") or {}).get("preconditions") or {}
    for budget in store.records("poddisruptionbudgets.policy", asked.namespace):
        _within(budget.document, pod.labels)
    try:
        store.delete(
            "pods",
            asked.namespace,
            asked.name,
            uid=held.get("uid") or "",
            revision=held.get("resourceVersion") or "",
            dry_run=options.dry_run,
        )
    except NotFound:
        raise not_found("pods", "", asked.name) from None
    except Conflict as lost:
        raise conflict("pods", "", asked.name, f"the {lost.what} in the precondition does not match") from None
    return Answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


def _within(budget: Json, labels: dict[str, str]) -> None:
    wanted = ((budget.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    status = budget.get("status") or {}
    covered = all(labels.get(key) == value for key, value in wanted.items())
    if not covered or status.get("disruptionsAllowed", 0) > 0:
        return
    needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    message = f"The disruption budget {budget['metadata']['name']} needs {needs} healthy pods and has {has} currently"
    raise Refusal(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        details={"causes": [{"reason": "DisruptionBudget", "message": message}]},
    )


def _decoded(text: bytes) -> Json:
    body = bodies.parsed(text, "Scale")
    if body.get("kind", "Scale") != "Scale":
        raise bad_request("expected an object of kind Scale")
    if not isinstance(body.setdefault("metadata", {}), dict):
        raise bad_request("expected metadata to be an object")
    return body


def _judge(wanted: Json, name: str, replicas: Any, *, patching: bool) -> None:
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        given = golang.type_of(replicas)
        told = f"json: cannot unmarshal {given} into Go struct field ScaleSpec.spec.replicas of type int32"
        if patching:
            raise bodies.not_patchable(dump(wanted).decode(), told)
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {told}')
    if replicas < 0:
        cause = Cause("FieldValueInvalid", f"Invalid value: {replicas}: must be greater than or equal to 0", "spec.replicas")
        raise invalid("Scale", "autoscaling", name, [cause])


def _paths(kind: Kind) -> Scale:
    if kind.scale is None:
        raise KeyError(f"{kind.key} has no scale")
    return kind.scale


def _scale(document: Json, paths: Scale) -> Json:
    metadata = {
        key: document["metadata"][key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in document["metadata"]
    }
    status: Json = {"replicas": _read(document, paths.observed) or 0}
    selector = _selector(document, paths)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": _read(document, paths.replicas) or 0},
        "status": status,
    }


def _selector(document: Json, paths: Scale) -> str:
    if paths.selector:
        return str(_read(document, paths.selector) or "")
    labels = _read(document, "spec.selector.matchLabels") or {}
    text = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    by_labels(text)
    return text


def _read(document: Any, path: str) -> Any:
    for token in path.split("."):
        document = document.get(token) if isinstance(document, dict) else None
    return document


def _put(document: Json, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for token in parents:
        document = document.setdefault(token, {})
    document[last] = value
