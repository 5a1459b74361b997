"""Gathers the evidence of one request: what the watch knows, what the console's own books say, and a fresh look at the objects.

Nothing is concluded here but classes of freshness; guards conclude. What could not be read is an unknown item with the reason.
"""

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from openova_console.operations import brakes, ledger
from openova_console.operations.clusters import Clusters
from openova_console.operations.evidence import Evidence, Item, fresh, unknown
from openova_console.operations.facts import Fact
from openova_console.operations.operation import Books, Operation, Policy, Target, Wanted
from openova_console.operations.pointer import of_key, value_at, values_at
from openova_console.operations.windows import in_window
from openova_console.operations.words import ENDED
from openova_console.settings import Settings
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, reading
from openova_console.systems import kinds
from openova_console.systems.errors import Absent, Fault

_OWNER = of_key("metadata", "labels", "kustomize.toolkit.fluxcd.io/name")
_OWNER_NAMESPACE = of_key("metadata", "labels", "kustomize.toolkit.fluxcd.io/namespace")


class World(Protocol):
    """What is known of the platform, by evidence key. The console's is `world.WatchedWorld`."""

    def items(self, now: datetime) -> dict[str, Item]:
        """Every item that the watch can give at `now`."""
        ...


class Gatherer:
    """See the module."""

    def __init__(self, settings: Settings, engine: Engine, clusters: Clusters, world: World, freezes: "brakes.Freezes") -> None:
        self._settings, self._engine, self._clusters, self._world, self._freezes = settings, engine, clusters, world, freezes

    async def evidence(
        self, operation: Operation, params: Any, target: Target, policy: Policy, *, now: datetime, operation_id: str = ""
    ) -> Evidence:
        """Everything that guards and plan of this request may ask for."""
        items = dict(self._world.items(now)) if operation.on_platform else {}
        looked, own, other = await asyncio.gather(
            self._objects(operation.wanted(params), now),
            in_thread(self._books, operation, params, target, policy, now, operation_id),
            self._others(operation, now),
        )
        items |= looked | own
        items["freezes.other"] = other
        items["change_window"] = in_window(self._settings.operations.windows, now)
        for region in self._settings.regions:
            items[f"region.{region.id}.actor"] = fresh(self._clusters.may_act(region.id), at=now, source="settings")
        return Evidence(at=now, items=items)

    async def _others(self, operation: Operation, now: datetime) -> Item:
        """The other console's freezes; what changes this console alone does not wait for another region to answer."""
        if not operation.on_platform:
            return unknown("it was not asked: this changes nothing on the platform")
        return await self._freezes.others(now)

    async def _objects(self, wanted: Iterable[Wanted], now: datetime) -> dict[str, Item]:
        found: dict[str, Item] = {}
        for one in wanted:
            found[f"object.{one.object.key}"], document = await self._object(one, now)
            found[f"owner.{one.object.key}"] = await self._owner(one, document, now)
        return found

    async def _object(self, wanted: Wanted, now: datetime) -> tuple[Item, dict[str, Any] | None]:
        object_, source = wanted.object, f"{wanted.object.region}: GET {wanted.object.path}"
        try:
            api = await self._clusters.of(object_.region)
            document = (await api.get(object_.resource, object_.namespace, object_.name)).body
        except Absent:
            return fresh({"absent": True}, "it is not there", at=now, source=source), None
        except Fault as fault:
            return unknown(fault.sentence, source=source), None
        value = {
            "uid": value_at(document, "/metadata/uid"),
            "generation": value_at(document, "/metadata/generation"),
            "fields": values_at(document, wanted.fields),
        }
        return fresh(value, at=now, source=source), document

    async def _owner(self, wanted: Wanted, document: dict[str, Any] | None, now: datetime) -> Item:
        """Which Kustomization applies the object, and whether that one is suspended."""
        if document is None:
            return unknown("the object itself could not be read")
        name = value_at(document, _OWNER)
        if not name:
            return fresh({"owner": ""}, at=now)
        namespace = value_at(document, _OWNER_NAMESPACE) or wanted.object.namespace
        try:
            api = await self._clusters.of(wanted.object.region)
            owner = (await api.get(kinds.KUSTOMIZATIONS, namespace, name)).body
        except Absent:
            return fresh({"owner": ""}, at=now)
        except Fault as fault:
            return unknown(fault.sentence)
        suspended = value_at(owner, "/spec/suspend") is True
        return fresh({"owner": f"Kustomization {namespace}/{name}", "suspended": suspended}, at=now)

    def _books(
        self, operation: Operation, params: Any, target: Target, policy: Policy, now: datetime, operation_id: str
    ) -> dict[str, Item]:
        with reading(self._engine) as opened:
            runs = [
                {
                    "id": r.id,
                    "title": r.title,
                    "region": r.region,
                    "resource": r.lane.partition("/")[2],
                    "state": r.state,
                    "kind": r.kind,
                    "begun": r.started_at is not None,
                }
                for r in ledger.in_flight(opened)
            ]
            return {
                "runs": fresh(runs, at=now, source="the console's own books"),
                "freezes": fresh(self._freezes.own(opened, now), at=now, source="the console's own books"),
                "cool_down": fresh(_cool_down(opened, operation.kind, target, policy, operation_id), at=now),
                **operation.books(Books(opened, self._settings, now), params),
            }


def _cool_down(opened: Session, kind: str, target: Target, policy: Policy, operation_id: str) -> dict[str, Any]:
    """When the pause after the last run of this kind on this object ends; no end when there is none."""
    if not policy.cool_down_s:
        return {}
    last = opened.exec(
        select(OperationRow)
        .where(
            OperationRow.kind == kind,
            OperationRow.lane == target.lane,
            OperationRow.id != operation_id,
            col(OperationRow.started_at).is_not(None),
            col(OperationRow.state).in_([s.value for s in ENDED]),
        )
        .order_by(col(OperationRow.ended_at).desc())
    ).first()
    if last is None or last.ended_at is None or last.acknowledged_by:
        return {}
    return {"operation": last.id, "ends_at": (last.ended_at + timedelta(seconds=policy.cool_down_s)).isoformat()}


def object_facts(evidence: Evidence) -> dict[str, Fact]:
    """The decision facts of every object that was read: uid, generation, and the fields that count."""
    found: dict[str, Fact] = {}
    for key, item in evidence.under("object.").items():
        name = key.removeprefix("object.")
        if not item.known:
            found[name] = Fact(value="not known")
            continue
        if item.value.get("absent"):
            found[name] = Fact(value="absent")
            continue
        found[f"{name} uid"] = Fact(value=str(item.value["uid"]))
        found[f"{name} generation"] = Fact(value=str(item.value["generation"]))
        for pointer, value in item.value["fields"].items():
            found[f"{name} {pointer}"] = Fact(value=json.dumps(value, sort_keys=True))
    return found
