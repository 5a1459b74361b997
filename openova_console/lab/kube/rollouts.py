"""Rollouts in the lab: Deployments, StatefulSets and DaemonSets bring their pods to their template, one action per second.

What holds in a real cluster holds here: a Deployment grows its new ReplicaSet within maxSurge and shrinks the old ones within
maxUnavailable, a StatefulSet goes from its highest ordinal down, a DaemonSet from node to node; status follows the pods. A
workload whose status says that all is done is left alone, unless a pod is missing: a scenario may put another status there.
"""

from collections import Counter
from datetime import datetime

from openova_console.lab.kube import pods, rollout_deployments, rollout_sets
from openova_console.lab.kube.pace import moments
from openova_console.lab.kube.store import ObjectStore

DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS = "deployments.apps", "statefulsets.apps", "daemonsets.apps"


def advance(store: ObjectStore, *, since: datetime, now: datetime, stuck: bool) -> None:
    """Let everything happen that happens after `since` up to `now`.

    Args:
        stuck: new pods never become Ready, because no image can be pulled.
    """
    for at in moments(since, now):
        if not _second(store, at, stuck):
            break


def _second(store: ObjectStore, at: datetime, stuck: bool) -> bool:
    """One second; says whether anything is still under way."""
    busy = pods.kubelet(store, at, stuck=stuck)
    held = pods.held(store)
    short = _short(store, held)
    for record in store.records(DEPLOYMENTS):
        uid = record.document["metadata"]["uid"]
        if uid in short or not rollout_deployments.settled(record.document):
            busy = True
            rollout_deployments.roll(store, record, at)
    for record in store.records(STATEFUL_SETS):
        if not rollout_sets.stateful_settled(record.document, held):
            busy = True
            rollout_sets.roll_stateful(store, record, at)
    nodes = [node.name for node in store.records("nodes")]
    for record in store.records(DAEMON_SETS):
        if not rollout_sets.daemon_settled(record.document, held, len(nodes)):
            busy = True
            rollout_sets.roll_daemon(store, record, nodes, at)
    return busy


def _short(store: ObjectStore, held: Counter[str]) -> set[str]:
    """The uids of Deployments of which a ReplicaSet has not the pods that it should have."""
    found = set()
    for record in store.records(rollout_deployments.REPLICA_SETS):
        metadata = record.document["metadata"]
        if held[metadata["uid"]] != record.document["spec"].get("replicas", 0):
            found |= {owner["uid"] for owner in metadata.get("ownerReferences", [])}
    return found
