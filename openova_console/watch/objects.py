"""Any mirrored Kubernetes object: its conditions, its redacted text, its difference from the other region, its events.

Read from the mirrors that the collectors keep; only events are asked for on demand. What a mirror never holds (Secrets) cannot
be shown. Text is redacted before it is compared, so that a difference never carries a credential either.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from openova_console.handbook.words import Verdict
from openova_console.systems import kinds, workloads
from openova_console.systems.conditions import Condition, conditions
from openova_console.systems.errors import Fault
from openova_console.systems.events import EventFact, events
from openova_console.systems.exchange import redacted
from openova_console.watch.collectors.kubernetes import MIRRORED, KubernetesCollector
from openova_console.watch.mirror import OWN_ANNOTATIONS

TEXT_LIMIT = 64 * 1024
_OWN_TO_A_REGION = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"})

KINDS: Mapping[str, kinds.Resource] = {r.plural if not r.group else f"{r.plural}.{r.group}": r for r in dict.fromkeys(MIRRORED)}
"""The kinds that can be shown, by plural and group: the names under which addresses and buttons ask for them."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object in a list: its name and what its conditions say of it."""

    namespace: str
    name: str
    verdict: Verdict
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One object, ready to be shown.

    Attributes:
        confirmed_at: when the server last confirmed the copy.
        text: YAML, redacted, at most 64 KiB.
        difference: unified diff of specification and labels, from the other region to this one; empty when they agree.
        elsewhere: what the other region has, in words.
    """

    kind: str
    namespace: str
    name: str
    confirmed_at: datetime | None
    conditions: tuple[Condition, ...]
    text: str
    difference: str
    elsewhere: str


class Objects:
    """The objects of both regions, by region id."""

    def __init__(self, clusters: Mapping[str, KubernetesCollector], displays: Mapping[str, str]) -> None:
        self._clusters = clusters
        self._displays = displays

    def listing(self, region_id: str, kind: str) -> tuple[tuple[Item, ...], str]:
        """The objects of a kind in a region, worst first, and why there are none to show (empty when there are).

        Raises KeyError for an unknown region or kind.
        """
        copy = self._clusters[region_id].copy_of(KINDS[kind])
        if copy.confirmed_at is None:
            return (), copy.error or "Nothing was read yet"
        found = sorted((_item(KINDS[kind], key, item) for key, item in copy.objects.items()), key=_worst_first)
        return tuple(found), "" if found else f"{self._displays[region_id]} has no {KINDS[kind].plural}"

    def counts(self, region_id: str) -> Mapping[str, int | None]:
        """How many objects of each kind a region has; None while that is not known, no entry where the kind is not installed."""
        counted: dict[str, int | None] = {}
        for kind, resource in KINDS.items():
            copy = self._clusters[region_id].copy_of(resource)
            if copy.confirmed_at is not None:
                counted[kind] = len(copy.objects)
            elif not copy.not_installed:
                counted[kind] = None
        return counted

    def show(self, region_id: str, kind: str, namespace: str, name: str) -> Shown | None:
        """One object; None when it is not there. Raises KeyError for an unknown region or kind."""
        copy = self._clusters[region_id].copy_of(KINDS[kind])
        item = copy.objects.get((namespace, name))
        if item is None:
            return None
        difference, elsewhere = self._difference(region_id, kind, (namespace, name), item)
        return Shown(
            kinds.kind_of(KINDS[kind]),
            namespace,
            name,
            copy.confirmed_at,
            _conditions(item),
            as_text(item),
            difference,
            elsewhere,
        )

    async def events(self, region_id: str, kind: str, namespace: str, name: str) -> tuple[EventFact, ...]:
        """The object's events, newest first. Raises KeyError as `show`, and `Fault` when they cannot be read."""
        api = await self._clusters[region_id].api()
        return await events(api, namespace, kinds.kind_of(KINDS[kind]), name)

    def _difference(self, region_id: str, kind: str, key: tuple[str, str], item: Mapping[str, Any]) -> tuple[str, str]:
        other = next((id_ for id_ in self._clusters if id_ != region_id), None)
        if other is None:
            return "", "There is no other region"
        there, here = self._displays[other], self._displays[region_id]
        copy = self._clusters[other].copy_of(KINDS[kind])
        if copy.confirmed_at is None:
            return "", f"{there}'s objects are not known"
        twin = copy.objects.get(key)
        if twin is None:
            return "", f"{there} has no such object"
        theirs, ours = _comparable(twin), _comparable(item)
        lines = list(difflib.unified_diff(theirs, ours, there, here, n=2, lineterm=""))
        # Of a workload only a part is copied, so no more than that can be the same.
        same = f"the same in {there}" + (", as far as it is read" if KINDS[kind] in workloads.KINDS else "")
        return "\n".join(lines)[:TEXT_LIMIT], f"differs from {there}" if lines else same


def as_text(item: Mapping[str, Any]) -> str:
    """An object as redacted YAML."""
    text: str = yaml.safe_dump(redacted(item), sort_keys=False, allow_unicode=True, width=120)
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + "\n… (cut)"


def _comparable(item: Mapping[str, Any]) -> Sequence[str]:
    """What two regions' copies should have in common: labels and specification, without what the server adds."""
    metadata = {k: v for k, v in (item.get("metadata") or {}).items() if k not in _OWN_TO_A_REGION}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if not k.startswith(OWN_ANNOTATIONS)}
    metadata |= {"annotations": annotations} if annotations else {}
    kept = {"metadata": metadata, **{k: v for k, v in item.items() if k not in ("metadata", "status", "apiVersion", "kind")}}
    return as_text(kept).splitlines()


def _conditions(item: Mapping[str, Any]) -> tuple[Condition, ...]:
    try:
        return conditions("object", item)
    except Fault:
        return ()


_VERDICTS: Mapping[workloads.State, Verdict] = {
    "available": Verdict.OK,
    "scaled_to_zero": Verdict.OK,
    "progressing": Verdict.WARN,
    "paused": Verdict.WARN,
    "short": Verdict.WARN,
    "stuck": Verdict.BREACH,
    "unknown": Verdict.UNKNOWN,
}


def _workload(resource: kinds.Resource, key: tuple[str, str], item: Mapping[str, Any]) -> Item:
    """How far a workload is: by its counts, and by its own Available condition where it has one."""
    try:
        found = workloads.workload(resource, item, source="object")
    except Fault as fault:
        return Item(*key, Verdict.UNKNOWN, "Unreadable", fault.sentence)
    verdict, message = _VERDICTS[found.state], found.message
    available = {c.kind: c for c in _conditions(item)}.get("Available")
    if found.wanted and (found.available == 0 or (available is not None and available.status == "False")):
        verdict = Verdict.UNKNOWN if found.state == "unknown" else Verdict.BREACH
        message = message or (available.message if available is not None else "None of its pods is available")
    return Item(*key, verdict, found.word, message)


def _item(resource: kinds.Resource, key: tuple[str, str], item: Mapping[str, Any]) -> Item:
    """What the object's own Ready (or Promoted) condition says; an object without one says nothing."""
    if resource in workloads.KINDS:
        return _workload(resource, key, item)
    spec = item.get("spec")
    if isinstance(spec, Mapping) and spec.get("suspend") is True:
        return Item(*key, Verdict.WARN, "Suspended", "Nothing is reconciled until it is resumed")
    stated = {c.kind: c for c in _conditions(item)}
    found = stated.get("Ready") or stated.get("Promoted") or stated.get("Available")
    if found is None:
        return Item(*key, Verdict.UNKNOWN, "No condition", "")
    verdict = {"True": Verdict.OK, "False": Verdict.BREACH}.get(found.status, Verdict.UNKNOWN)
    word = found.kind if found.status == "True" else found.reason or found.status
    return Item(*key, verdict, word, found.message)


def _worst_first(item: Item) -> tuple[int, str, str]:
    order = [Verdict.BREACH, Verdict.WARN, Verdict.UNKNOWN, Verdict.OK]
    return order.index(item.verdict), item.namespace, item.name
