"""How the next version of an object follows from the stored one and a write."""

from typing import Literal

from openova_console.lab.kube.kinds import Kind
from openova_console.lab.kube.records import Json, clone, ordered_metadata

Part = Literal["main", "status", "all"]

_FIXED = ("name", "namespace", "uid", "creationTimestamp", "generation", "generateName", "deletionTimestamp")


def merged(kind: Kind, old: Json, wanted: Json, part: Part) -> Json:
    """The document to store: `wanted` where `part` reaches, `old` elsewhere.

    "main" leaves the status of a kind with a status subresource, "status" changes nothing else
    (but annotations of built-in kinds), "all" is for
    controllers. The generation moves when anything but metadata and status changed.
    """
    if part == "status":
        new: Json = clone(old)
        if kind.builtin and "annotations" in wanted["metadata"]:
            new["metadata"]["annotations"] = clone(wanted["metadata"]["annotations"])
        new.pop("status", None)
        if "status" in wanted:
            new["status"] = clone(wanted["status"])
        return new
    new = {key: clone(value) for key, value in wanted.items() if key not in ("kind", "apiVersion", "metadata")}
    if part == "main" and kind.status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    fixed = {key: old["metadata"][key] for key in (*_FIXED, "resourceVersion") if key in old["metadata"]}
    free = {key: clone(value) for key, value in wanted["metadata"].items() if key not in (*_FIXED, "managedFields")}
    new = {"metadata": ordered_metadata(free | fixed), **new}
    if kind.counts_generations and _content(kind, new) != _content(kind, old):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    return new


def _content(kind: Kind, document: Json) -> Json:
    """What the generation counts: a Deployment's annotations belong to it."""
    ignored = ("metadata", "status") if kind.status else ("metadata",)
    content = {key: value for key, value in document.items() if key not in ignored}
    if kind.key == "deployments.apps":
        content["annotations"] = document["metadata"].get("annotations", {})
    return content


def merge_into(target: Json, changes: Json) -> None:
    """Merge maps into maps, in place; everything else replaces."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge_into(target[key], value)
        else:
            target[key] = value
