"""External Secrets Operator: PushSecret objects (external-secrets.io/v1alpha1), read from the mirrored copy.

Traps: `syncedPushSecrets` is keyed "<Kind>/<store>" and then "<remoteKey>/<property>"; a reference may choose stores by
label instead of by name; `refreshInterval` is a Go duration and may be "0". Messages of a condition are text from the
provider: only which of the known stores they name is kept.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from openova_console.handbook.push_secrets import PushSecret
from openova_console.systems import shape
from openova_console.systems.conditions import condition
from openova_console.systems.durations import go_duration

DEFAULT_INTERVAL_S = 3600.0


def push_secrets(items: Iterable[Mapping[str, Any]], *, source: str) -> tuple[PushSecret, ...]:
    """Every PushSecret, by namespace and name. Raises `Malformed`."""
    found = [push_secret(item, source=source) for item in items]
    return tuple(sorted(found, key=lambda push: (push.namespace, push.name)))


def push_secret(item: Mapping[str, Any], *, source: str) -> PushSecret:
    """One PushSecret. Raises `Malformed`."""
    references = shape.rows(source, item, "spec", "secretStoreRefs")
    stores = tuple(dict.fromkeys(name for r in references if (name := shape.text(source, r, "name"))))
    synced = _synced(source, item)
    ready = condition(source, item, "Ready")
    interval = go_duration(shape.text(source, item, "spec", "refreshInterval"))
    return PushSecret(
        namespace=shape.text(source, item, "metadata", "namespace"),
        name=shape.require(source, item, "metadata", "name", kind=str),
        stores=stores,
        by_label=any(not shape.text(source, r, "name") for r in references),
        keys=_keys(source, item, synced),
        synced=synced,
        ready=None if ready is None or ready.status == "Unknown" else ready.status == "True",
        reason=ready.reason[:40] if ready else "",
        failing_stores=tuple(store for store in {*stores, *synced} if ready and store in ready.message),
        changed_at=ready.changed_at if ready else None,
        refreshed_at=shape.instant(source, item, "status", "refreshTime"),
        interval_s=DEFAULT_INTERVAL_S if interval is None else interval,
    )


def _keys(source: str, item: Mapping[str, Any], synced: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Remote keys in the spec; where `dataTo` makes them by a rule, what the status says was written."""
    written = {
        shape.require(source, row, "match", "remoteRef", "remoteKey", kind=str)
        for row in shape.rows(source, item, "spec", "data")
    }
    return tuple(sorted(written or {key for keys in synced.values() for key in keys}))


def _synced(source: str, item: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    status = shape.optional(source, item, "status", "syncedPushSecrets", kind=dict) or {}
    found: dict[str, frozenset[str]] = {}
    for store in status:
        rows = shape.require(source, status, store, kind=dict)
        keys = {shape.require(source, rows, row, "match", "remoteRef", "remoteKey", kind=str) for row in rows}
        found[store.rpartition("/")[2]] = frozenset(keys)
    return found
