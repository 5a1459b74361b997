"""Flagger in the lab: once per interval it moves each Canary that has a release on its way, as Flagger 1.44 does.

One Canary gets a new version now and then, so that there is something to see. Status, HTTPRoute and Events are written in the
order and with the words of Flagger; a gate that is closed (Waiting, WaitingPromotion) stays closed, because nobody opens it here.
"""

import hashlib
import math
from collections.abc import Callable
from datetime import datetime, timedelta

from openova_console.lab.kube.planting import moment, stamp
from openova_console.lab.kube.records import Json, Record
from openova_console.lab.kube.store import NotFound, ObjectStore

CANARIES, ROUTES = "canaries.flagger.app", "httproutes.gateway.networking.k8s.io"
RELEASED = "checkout"
"""The Canary that gets new versions."""
REST_S = 240.0
"""How long it rests between two releases."""
FAILS_FROM = 20
"""A version that is bad shows it at this percentage of the traffic."""
_CATCH_UP = timedelta(minutes=20)
_EVENTS_KEPT = timedelta(hours=1)
_UNITS = {"s": 1, "m": 60, "h": 3600}

MESSAGES = {
    "Waiting": ("Unknown", "Waiting for approval."),
    "Progressing": ("Unknown", "New revision detected, progressing canary analysis."),
    "WaitingPromotion": ("Unknown", "Waiting for approval."),
    "Promoting": ("Unknown", "Canary analysis completed, starting primary rolling update."),
    "Finalising": ("Unknown", "Canary analysis completed, routing all traffic to primary."),
    "Succeeded": ("True", "Canary analysis completed successfully, promotion finished."),
    "Failed": ("False", "Canary analysis failed, Deployment scaled to zero."),
}
"""Status and message of the condition Promoted in each phase."""


def advance(store: ObjectStore, *, now: datetime, awake: datetime, failing: bool) -> None:
    """Let every tick that is due up to `now` happen.

    Args:
        awake: since when Flagger runs without a break: there was no tick before.
        failing: whether the version that is being released is bad.
    """
    for record in store.records(ROUTES):
        _serve(store, record)
    for record in store.records(CANARIES):
        status = record.document.get("status", {})
        if "lastTransitionTime" not in status or record.document["spec"].get("suspend"):
            continue
        every = timedelta(seconds=interval_s(record.document))
        due = max(_due(record, status, every), awake, now - _CATCH_UP)
        while due <= now:
            _tick(store, record.namespace, record.name, due, failing)
            changed = store.find(CANARIES, record.namespace, record.name)
            if changed is None:
                break
            due = max(_due(changed, changed.document["status"], every), due + every)


def interval_s(canary: Json) -> int:
    """Seconds between two ticks."""
    written: str = canary["spec"]["analysis"]["interval"]
    return max(10, int(written[:-1]) * _UNITS[written[-1]])


def _due(record: Record, status: Json, every: timedelta) -> datetime:
    if status["phase"] in ("Succeeded", "Initialized"):
        if record.name != RELEASED:
            return datetime.max.replace(tzinfo=moment(status["lastTransitionTime"]).tzinfo)
        return moment(status["lastTransitionTime"]) + timedelta(seconds=REST_S)
    return moment(status["lastTransitionTime"]) + every


def _tick(store: ObjectStore, namespace: str, name: str, at: datetime, failing: bool) -> None:
    """One tick of one Canary."""
    canary = store.get(CANARIES, namespace, name)
    try:
        route = store.get(ROUTES, namespace, name)
    except NotFound:
        return
    if not accepted(route):
        tell(store, canary, at, f"HTTPRoute {name}.{namespace} parent edge is not ready", warning=True)
        return
    status, analysis = canary["status"], canary["spec"]["analysis"]
    phase, weight, failed = status["phase"], weight_of(route), status["failedChecks"]
    if phase in ("Succeeded", "Initialized") or (phase == "Failed" and not failing and _rested(status, at)):
        _start(store, canary, at)
    elif phase == "Progressing" and failing and failed >= analysis["threshold"]:
        roll_back(store, canary, at)
    elif phase == "Progressing" and failing and weight >= FAILS_FROM:
        set_status(store, canary, at, failedChecks=failed + 1)
        tell(store, canary, at, f"Halt {name}.{namespace} advancement success rate 91.30% < 99%", warning=True)
    elif phase == "Progressing" and weight < analysis["maxWeight"]:
        set_weight(store, canary, weight + analysis["stepWeight"])
        set_status(store, canary, at, canaryWeight=weight + analysis["stepWeight"])
        tell(store, canary, at, f"Advance {name}.{namespace} canary weight {weight + analysis['stepWeight']}")
    elif phase == "Progressing":
        tell(store, canary, at, f"Copying {name}.{namespace} template spec to {name}-primary.{namespace}")
        set_phase(store, canary, at, "Promoting", canaryWeight=status["canaryWeight"])
    elif phase == "Promoting":
        tell(store, canary, at, "Routing all traffic to primary")
        set_weight(store, canary, 0)
        set_phase(store, canary, at, "Finalising")
    elif phase == "Finalising":
        tell(store, canary, at, f"Promotion completed! Scaling down {name}.{namespace}")
        set_phase(store, canary, at, "Succeeded", lastPromotedSpec=status["lastAppliedSpec"])
    elif phase in ("Failed", "WaitingPromotion"):
        set_status(store, canary, at)


def _rested(status: Json, at: datetime) -> bool:
    return at - moment(status["conditions"][0]["lastUpdateTime"]) >= timedelta(seconds=REST_S)


def _start(store: ObjectStore, canary: Json, at: datetime) -> None:
    metadata = canary["metadata"]
    tell(store, canary, at, f"New revision detected! Scaling up {metadata['name']}.{metadata['namespace']}")
    set_phase(store, canary, at, "Progressing", lastAppliedSpec=next_revision(canary))


def next_revision(canary: Json) -> str:
    """The hash of the version after the one that was applied last: the same in both regions."""
    words = f"{canary['metadata']['name']}/{canary['status']['lastAppliedSpec']}"
    return hashlib.sha1(words.encode(), usedforsecurity=False).hexdigest()[:9]


def roll_back(store: ObjectStore, canary: Json, at: datetime) -> None:
    """All traffic to the primary, phase Failed."""
    name, namespace = canary["metadata"]["name"], canary["metadata"]["namespace"]
    failed = canary["status"]["failedChecks"]
    tell(store, canary, at, f"Rolling back {name}.{namespace} failed checks threshold reached {failed}", warning=True)
    set_weight(store, canary, 0)
    tell(store, canary, at, f"Canary failed! Scaling down {name}.{namespace}", warning=True)
    set_phase(store, canary, at, "Failed")


def set_phase(store: ObjectStore, canary: Json, at: datetime, phase: str, **fields: object) -> None:
    """Enter a phase as Flagger does: counters go back to 0, the condition follows."""
    state, message = MESSAGES[phase]
    before = canary["status"]["conditions"][0]
    condition = {
        "type": "Promoted",
        "status": state,
        "reason": phase,
        "message": message,
        "lastUpdateTime": stamp(at),
        "lastTransitionTime": before["lastTransitionTime"] if before["status"] == state else stamp(at),
    }
    fresh = {"phase": phase, "canaryWeight": 0, "failedChecks": 0, "iterations": 0, "conditions": [condition]}
    set_status(store, canary, at, **(fresh | fields))


def set_status(store: ObjectStore, canary: Json, at: datetime, **fields: object) -> None:
    """Write status fields; the time of the last transition moves with every write."""
    metadata = canary["metadata"]
    changes = {"status": {**fields, "lastTransitionTime": stamp(at)}}
    store.patch(CANARIES, metadata["namespace"], metadata["name"], changes)


def set_weight(store: ObjectStore, canary: Json, weight: int) -> None:
    """Write the route, and let the gateway take it over."""
    name, namespace = canary["metadata"]["name"], canary["metadata"]["namespace"]
    route = store.apply_inside(ROUTES, namespace, name, divide(weight))
    store.apply_inside(ROUTES, namespace, name, _taken_over(route["metadata"]["generation"]))


def divide(weight: int) -> Callable[[Json], None]:
    """A change of an HTTPRoute: `weight` percent to the canary, the rest to the primary."""

    def change(route: Json) -> None:
        primary, split = route["spec"]["rules"][0]["backendRefs"]
        primary["weight"], split["weight"] = 100 - weight, weight

    return change


def _serve(store: ObjectStore, record: Record) -> None:
    """The gateway takes over what somebody else has changed, unless it refuses the route."""
    conditions = [row for parent in record.document["status"]["parents"] for row in parent["conditions"]]
    generation = record.document["metadata"]["generation"]
    if accepted(record.document) and any(row["observedGeneration"] != generation for row in conditions):
        store.apply_inside(ROUTES, record.namespace, record.name, _taken_over(generation))


def _taken_over(generation: int) -> Callable[[Json], None]:
    def change(route: Json) -> None:
        for parent in route["status"]["parents"]:
            for row in parent["conditions"]:
                row["observedGeneration"] = generation

    return change


def weight_of(route: Json) -> int:
    """Percent of the traffic that goes to the canary."""
    weight: int = route["spec"]["rules"][0]["backendRefs"][1]["weight"]
    return weight


def accepted(route: Json) -> bool:
    """Whether every gateway accepts the route."""
    conditions = [row for parent in route["status"]["parents"] for row in parent["conditions"]]
    return all(row["status"] == "True" for row in conditions if row["type"] == "Accepted")


def tell(store: ObjectStore, canary: Json, at: datetime, message: str, *, warning: bool = False) -> None:
    """Record an Event; one that repeats is counted, one that is an hour old is gone."""
    metadata = canary["metadata"]
    own = [r for r in store.records("events", metadata["namespace"]) if _about(r, metadata["uid"])]
    for old in own:
        if at - moment(old.document["lastTimestamp"]) > _EVENTS_KEPT:
            store.delete("events", old.namespace, old.name)
        elif old.document["message"] == message:
            counted = {"count": old.document["count"] + 1, "lastTimestamp": stamp(at)}
            store.patch("events", old.namespace, old.name, counted)
            return
    suffix = f"{math.floor(at.timestamp() * 1e9) + len(own):x}"
    subject = {"apiVersion": canary["apiVersion"], "kind": canary["kind"], "name": metadata["name"]}
    event: Json = {
        "metadata": {"name": f"{metadata['name']}.{suffix}", "namespace": metadata["namespace"], "creationTimestamp": stamp(at)},
        "involvedObject": {
            **subject,
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "reason": "Synced",
        "message": message,
        "source": {"component": "flagger"},
        "firstTimestamp": stamp(at),
        "lastTimestamp": stamp(at),
        "count": 1,
        "type": "Warning" if warning else "Normal",
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    if store.find("events", metadata["namespace"], event["metadata"]["name"]) is None:
        store.create("events", event)


def _about(record: Record, uid: str) -> bool:
    found: bool = record.document["involvedObject"].get("uid") == uid
    return found
