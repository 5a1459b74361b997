"""One stored version of an object, with its JSON kept: a list of a thousand objects is then a join of bytes."""

import copy
import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
)


def dump(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def clone(value: Any) -> Any:
    """A copy that shares nothing with the original."""
    return copy.deepcopy(value)


def ordered_metadata(metadata: Json) -> Json:
    """Metadata in the server's order, without empty maps and lists."""
    return {key: metadata[key] for key in _METADATA_ORDER if metadata.get(key) not in (None, {}, [], "")}


class Record:
    """An immutable version of one object. `document` holds everything but `kind` and `apiVersion`: never change it."""

    __slots__ = ("_body", "_metadata", "document", "key", "name", "namespace", "revision")

    def __init__(self, document: Json, revision: int) -> None:
        metadata = document["metadata"]
        self.document = document
        self.revision = revision
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace", "")
        self.key = f"{self.namespace}/{self.name}" if self.namespace else self.name
        self._body: bytes | None = None
        self._metadata: bytes | None = None

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.document["metadata"].get("labels", {})
        return labels

    @property
    def body(self) -> bytes:
        """JSON of the object without its type, opening brace included."""
        if self._body is None:
            self._body = dump(self.document)
        return self._body

    @property
    def metadata_body(self) -> bytes:
        """JSON of `{"metadata": …}` alone."""
        if self._metadata is None:
            self._metadata = dump({"metadata": self.document["metadata"]})
        return self._metadata

    def whole(self, kind: str, api_version: str) -> Json:
        """A copy of the object with its type."""
        return {"kind": kind, "apiVersion": api_version, **clone(self.document)}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a kind's log: what was there before (None for a creation) and after (None for a deletion)."""

    revision: int
    before: Record | None
    after: Record | None
    last: Record

    @property
    def type(self) -> str:
        """The watch event that an unfiltered watch sees."""
        if self.before is None:
            return "ADDED"
        return "DELETED" if self.after is None else "MODIFIED"


Documents = list[Json]
Records = list[Record]
Changes = list[Change]
