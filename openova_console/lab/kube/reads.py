"""GET of one object and of lists: pages that stay consistent, revisions of the past, selectors."""

import json

from openova_console.lab.kube.errors import (
    continue_too_old,
    list_too_old,
    not_found,
    too_large_revision,
)
from openova_console.lab.kube.media import View
from openova_console.lab.kube.options import Continuation, ListOptions
from openova_console.lab.kube.records import Record
from openova_console.lab.kube.store import Expired, ObjectStore


def one(store: ObjectStore, view: View, namespace: str, name: str) -> bytes:
    """The object. Raises `Refusal` 404."""
    record = store.find(view.kind, namespace, name)
    if record is None:
        raise not_found(view.kind.plural, view.kind.group, name)
    return view.one(record)


def page(store: ObjectStore, view: View, namespace: str, options: ListOptions) -> bytes:
    """One page of a list.

    Raises:
        Refusal: 410 for a revision or a continue token that is too old, 504 for a revision of the future.
    """
    records, revision = _at(store, view, namespace, options)
    if options.selective:
        records = [record for record in records if options.admits(record)]
    start = options.continuation.start if options.continuation else ""
    if start:
        records = [record for record in records if _key(record, namespace) >= start.lstrip("/")]
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if 0 < options.limit < len(records):
        rest = len(records) - options.limit
        records = records[: options.limit]
        last = _key(records[-1], namespace)
        metadata["continue"] = Continuation(revision, f"{last}\0").token()
        if not options.selective:
            metadata["remainingItemCount"] = rest
    return view.page(records, json.dumps(metadata, separators=(",", ":")).encode())


def _key(record: Record, namespace: str) -> str:
    """The key below the listed prefix: the name within a namespace, namespace/name across all."""
    return record.name if namespace else record.key


def _at(store: ObjectStore, view: View, namespace: str, options: ListOptions) -> tuple[list[Record], int]:
    """The objects to list and the revision of that list."""
    token = options.continuation
    if token is not None and token.consistent:
        try:
            return store.records(view.kind, namespace, at=token.revision), token.revision
        except Expired:
            raise continue_too_old(token.inconsistent().token()) from None
    asked = options.number()
    if asked > store.revision:
        raise too_large_revision(asked, store.revision)
    if asked and (options.match == "Exact" or (options.limit and not options.match)):
        try:
            return store.records(view.kind, namespace, at=asked), asked
        except Expired:
            raise list_too_old() from None
    return store.records(view.kind, namespace), store.revision
