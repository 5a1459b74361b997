"""An in-memory store with the manners of etcd behind an API server: one revision that grows with every write.

Each kind keeps a bounded log of its changes. A watch reads the log from a revision on; a list at an older revision is
rebuilt by walking the log back. What has left the log or was compacted raises `Expired`. As in a cluster, the store
compacts itself every five minutes up to the revision of five minutes before.

Writes come from the API (with preconditions) and from scenario code, which changes objects as a controller would
(`apply_inside`). A write that changes nothing moves nothing. All calls belong to one event loop.
"""

import random
import uuid
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from openova_console.lab.kube.kinds import SERVED, Kind, kind_of
from openova_console.lab.kube.records import Change, Changes, Documents, Json, Record, Records, clone, ordered_metadata
from openova_console.lab.kube.versions import Part, merge_into, merged

COMPACT_EVERY = timedelta(minutes=5)


class StoreError(Exception):
    """A write or a read that the store refuses."""


class NotFound(StoreError):
    """There is no such object."""


class AlreadyExists(StoreError):
    """The name is taken."""


class Conflict(StoreError):
    """A precondition does not hold; `found` is what is stored."""

    def __init__(self, what: Literal["uid", "resourceVersion"], wanted: str, found: str) -> None:
        super().__init__(f"{what} is {found}, not {wanted}")
        self.what, self.wanted, self.found = what, wanted, found


class Expired(StoreError):
    """The revision has left the log; `oldest` is the first one that can still be read on from."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"revisions before {oldest} are gone")
        self.oldest = oldest


class _Shelf:
    """The objects of one kind, their log and who listens to it."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.log: list[Change] = []
        self.floor = 0
        self.listeners: set[Callable[[], None]] = set()
        self.in_order: list[Record] | None = None


class ObjectStore:
    """Objects of every served kind.

    Args:
        now: the lab's clock, UTC.
        seed: uids and generated names follow from it.
        history: changes kept per kind; older ones expire.
    """

    def __init__(self, *, now: Callable[[], datetime], seed: int = 0, history: int = 2000) -> None:
        self.now = now
        self._random = random.Random(seed)
        self._history = history
        self._revision = 1
        self._compacted = 0
        self._mark = (now(), 1)
        self._shelves = {kind: _Shelf() for kind in SERVED}

    @property
    def revision(self) -> int:
        """The revision of the latest write."""
        return self._revision

    def stamp(self) -> str:
        """The present as metadata writes it: RFC 3339, whole seconds, Z."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def unique(self, length: int = 5) -> str:
        """A suffix for generated names, from the alphabet that Kubernetes uses."""
        return "".join(self._random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))

    def find(self, kind: Kind | str, namespace: str, name: str) -> Record | None:
        """The stored version of an object, or None."""
        return self._shelf(kind).records.get(f"{namespace}/{name}" if namespace else name)

    def get(self, kind: Kind | str, namespace: str, name: str) -> Json:
        """A copy of an object with its type. Raises `NotFound`."""
        kind = kind_of(kind) if isinstance(kind, str) else kind
        return self._existing(kind, namespace, name).whole(kind.kind, kind.api_version())

    def list(self, kind: Kind | str, namespace: str = "") -> Documents:
        """Copies of the objects of a kind in the order of their keys; all namespaces by default."""
        kind = kind_of(kind) if isinstance(kind, str) else kind
        return [record.whole(kind.kind, kind.api_version()) for record in self.records(kind, namespace)]

    def records(self, kind: Kind | str, namespace: str = "", *, at: int | None = None) -> Records:
        """Stored versions in the order of their keys, now or at an older revision. Raises `Expired`."""
        shelf = self._shelf(kind)
        if at is not None and at < self._revision:
            found = self._rebuilt(shelf, at)
        else:
            if shelf.in_order is None:
                shelf.in_order = sorted(shelf.records.values(), key=lambda record: record.key)
            found = shelf.in_order
        return [record for record in found if record.namespace == namespace] if namespace else list(found)

    def create(self, kind: Kind | str, document: Json, *, dry_run: bool = False) -> Json:
        """Store a new object and return a copy with its type. Raises `AlreadyExists`."""
        kind = kind_of(kind) if isinstance(kind, str) else kind
        new = {key: clone(value) for key, value in document.items() if key not in ("kind", "apiVersion")}
        metadata = new.setdefault("metadata", {})
        if not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + self.unique()
        if self.find(kind, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise AlreadyExists(metadata["name"])
        metadata |= {"uid": self._uid(), "creationTimestamp": metadata.get("creationTimestamp") or self.stamp()}
        if kind.counts_generations:
            metadata["generation"] = 1
        else:
            metadata.pop("generation", None)
        record = self._commit(kind, None, new, dry_run)
        return record.whole(kind.kind, kind.api_version())

    def update(
        self,
        kind: Kind | str,
        document: Json,
        *,
        part: Part = "main",
        revision: str = "",
        uid: str = "",
        dry_run: bool = False,
    ) -> Json:
        """Replace an object, or only its status.

        Args:
            document: the whole object as it shall be; what `part` does not cover is ignored.
            part: "main" leaves the status of a kind with a status subresource, "status" changes nothing else, "all" is
                for controllers.
            revision: refuse unless this resourceVersion is the stored one; empty for no condition.
            uid: refuse unless this is the stored uid; empty for no condition.

        Raises:
            NotFound, Conflict.
        """
        kind = kind_of(kind) if isinstance(kind, str) else kind
        metadata = document["metadata"]
        old = self._existing(kind, metadata.get("namespace", ""), metadata["name"])
        _hold(old, uid, revision)
        new = merged(kind, old.document, document, part)
        if new == old.document:
            return old.whole(kind.kind, kind.api_version())
        record = self._commit(kind, old, new, dry_run)
        return record.whole(kind.kind, kind.api_version())

    def patch(self, kind: Kind | str, namespace: str, name: str, changes: Json) -> Json:
        """Set top-level parts of an object as a controller would; nested maps are merged. Raises `NotFound`."""

        def merge(document: Json) -> None:
            merge_into(document, clone(changes))

        return self.apply_inside(kind, namespace, name, merge)

    def apply_inside(self, kind: Kind | str, namespace: str, name: str, mutate: Callable[[Json], Any]) -> Json:
        """Let `mutate` change a copy of the object in place and store it, without preconditions.

        Status changes leave `metadata.generation`, changes of anything but status and metadata move it.
        Raises `NotFound`.
        """
        document = self.get(kind, namespace, name)
        mutate(document)
        return self.update(kind, document, part="all")

    def delete(
        self, kind: Kind | str, namespace: str, name: str, *, uid: str = "", revision: str = "", dry_run: bool = False
    ) -> tuple[Json, bool]:
        """Delete an object, or mark it while finalizers hold it.

        Returns the object and whether it is gone. Raises `NotFound`, `Conflict`.
        """
        kind = kind_of(kind) if isinstance(kind, str) else kind
        old = self._existing(kind, namespace, name)
        _hold(old, uid, revision)
        if old.document["metadata"].get("finalizers"):
            return self._marked(kind, old, self.now(), 0, dry_run), False
        last = self._commit(kind, old, None, dry_run)
        return last.whole(kind.kind, kind.api_version()), True

    def terminate(self, kind: Kind | str, namespace: str, name: str, *, at: datetime, grace_s: int) -> Json:
        """Mark an object as going, as a deletion with a grace period (seconds) does. Raises `NotFound`."""
        kind = kind_of(kind) if isinstance(kind, str) else kind
        return self._marked(kind, self._existing(kind, namespace, name), at, grace_s, False)

    def changes(self, kind: Kind | str, after: int) -> Changes:
        """The changes of a kind after a revision, oldest first. Raises `Expired`."""
        shelf = self._shelf(kind)
        if after < shelf.floor:
            raise Expired(shelf.floor)
        return shelf.log[bisect_right(shelf.log, after, key=lambda change: change.revision) :]

    def subscribe(self, kind: Kind | str, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change of a kind; returns what ends that."""
        listeners = self._shelf(kind).listeners
        listeners.add(listener)
        return lambda: listeners.discard(listener)

    def compact(self) -> None:
        """Forget every older revision, as etcd does: lists that continue or ask for one of them get 410."""
        self._compacted = self._revision

    def restart(self) -> None:
        """Forget the logs, as an API server that starts anew: watches from an older revision get 410."""
        for shelf in self._shelves.values():
            shelf.log.clear()
            shelf.floor = self._revision

    def _shelf(self, kind: Kind | str) -> _Shelf:
        return self._shelves[kind_of(kind) if isinstance(kind, str) else kind]

    def _existing(self, kind: Kind, namespace: str, name: str) -> Record:
        record = self.find(kind, namespace, name)
        if record is None:
            raise NotFound(name)
        return record

    def _marked(self, kind: Kind, old: Record, at: datetime, grace_s: int, dry_run: bool) -> Json:
        new = clone(old.document)
        gone = (at + timedelta(seconds=grace_s)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        new["metadata"] |= {"deletionTimestamp": gone, "deletionGracePeriodSeconds": grace_s}
        return self._commit(kind, old, new, dry_run).whole(kind.kind, kind.api_version())

    def _uid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _commit(self, kind: Kind, old: Record | None, new: Json | None, dry_run: bool) -> Record:
        """Write the next revision; a dry run only says what it would be."""
        revision = self._revision + 1
        document = clone(old.document) if new is None and old is not None else new
        assert document is not None
        stored_revision = "" if dry_run and old is None else str(self._revision if dry_run else revision)
        document["metadata"] = ordered_metadata(document["metadata"] | {"resourceVersion": stored_revision})
        record = Record(document, revision)
        if dry_run:
            return record
        self._compact_in_time()
        shelf = self._shelves[kind]
        self._revision = revision
        if new is None:
            del shelf.records[record.key]
        else:
            shelf.records[record.key] = record
        shelf.in_order = None
        shelf.log.append(Change(revision, old, None if new is None else record, record))
        if len(shelf.log) > 2 * self._history:
            shelf.floor = shelf.log[-self._history - 1].revision
            del shelf.log[: -self._history]
        for listener in tuple(shelf.listeners):
            listener()
        return record

    def _compact_in_time(self) -> None:
        at, revision = self._mark
        if self.now() - at >= COMPACT_EVERY:
            self._compacted = max(self._compacted, revision)
            self._mark = (self.now(), self._revision)

    def _rebuilt(self, shelf: _Shelf, at: int) -> Records:
        if at < self._compacted or at < shelf.floor:
            raise Expired(max(self._compacted, shelf.floor))
        records = dict(shelf.records)
        for change in reversed(shelf.log):
            if change.revision <= at:
                break
            if change.before is None:
                del records[change.last.key]
            else:
                records[change.last.key] = change.before
        return sorted(records.values(), key=lambda record: record.key)


def _hold(old: Record, uid: str, revision: str) -> None:
    metadata = old.document["metadata"]
    if uid and uid != metadata["uid"]:
        raise Conflict("uid", uid, metadata["uid"])
    if revision and revision != metadata["resourceVersion"]:
        raise Conflict("resourceVersion", revision, metadata["resourceVersion"])
