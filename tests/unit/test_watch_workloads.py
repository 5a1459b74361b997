"""How far a workload is: three kinds that count differently, read alike, and a copy that stays small."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.words import Verdict
from openova_console.systems import kinds
from openova_console.systems.errors import Fault
from openova_console.systems.workloads import KINDS, Workload, workload
from openova_console.watch.collectors.kubernetes import Copy
from openova_console.watch.kube.workloads import WORKLOADS, trimmed
from openova_console.watch.mirror import without_bookkeeping
from openova_console.watch.objects import Objects
from tests.support.factories import NOW, untimed

Json = dict[str, Any]
DONE = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
ROLLS = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "has timed out"}
GONE = {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "does not have"}


def item(*, wanted: int | None = 3, generation: int = 2, paused: bool = False, **status: Any) -> Json:
    spec: Json = {"replicas": wanted, "selector": {"matchLabels": {"app": "web"}}} | ({"paused": True} if paused else {})
    return {"metadata": {"namespace": "shop", "name": "web", "generation": generation}, "spec": spec, "status": status}


def deployment(total: int = 3, updated: int = 3, available: int = 3, *conditions: Json, seen: int = 2, **more: Any) -> Json:
    counts = {"replicas": total, "updatedReplicas": updated, "availableReplicas": available}
    return item(observedGeneration=seen, **counts, conditions=list(conditions), **more)


def stateful(updated: int = 3, available: int = 3, update: str = "web-1") -> Json:
    counts = {"replicas": 3, "updatedReplicas": updated, "availableReplicas": available}
    return item(observedGeneration=2, **counts, currentRevision="web-1", updateRevision=update)


def daemon(updated: int = 6, available: int = 6, desired: int = 6) -> Json:
    counts = {"desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": available}
    return item(wanted=None, observedGeneration=2, **counts)


def read(resource: kinds.Resource, document: Json) -> Workload:
    return workload(resource, document, source="test")


def listed(resource: kinds.Resource, document: Json) -> tuple[Verdict, str, str]:
    class Cluster:
        def copy_of(self, wanted: kinds.Resource) -> Copy:
            return Copy({("shop", "web"): document}, NOW, "", False) if wanted == resource else Copy({}, None, "", True)

    clusters: Any = {"region-1": Cluster()}
    (found,), _ = Objects(clusters, {"region-1": "Region 1"}).listing("region-1", f"{resource.plural}.apps")
    return found.verdict, found.word, found.sentence


@pytest.mark.parametrize(
    ("resource", "document", "verdict", "word"),
    [
        (kinds.DEPLOYMENTS, deployment(3, 3, 3, DONE), Verdict.OK, "Available"),
        (kinds.DEPLOYMENTS, deployment(4, 1, 3, ROLLS), Verdict.WARN, "Progressing 1 of 3"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 2, ROLLS), Verdict.WARN, "Progressing 2 of 3"),
        (kinds.DEPLOYMENTS, deployment(4, 3, 3, ROLLS), Verdict.WARN, "Progressing 3 of 3"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 3, DONE, seen=1), Verdict.WARN, "Progressing 0 of 3"),
        (kinds.DEPLOYMENTS, deployment(4, 1, 3, LATE), Verdict.BREACH, "Stuck 1 of 3"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 2, DONE), Verdict.WARN, "2 of 3 available"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 0, GONE), Verdict.BREACH, "0 of 3 available"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 1, DONE, GONE), Verdict.BREACH, "1 of 3 available"),
        (kinds.DEPLOYMENTS, deployment(0, 0, 0, DONE, wanted=0), Verdict.OK, "Scaled to 0"),
        (kinds.DEPLOYMENTS, deployment(3, 3, 3, paused=True), Verdict.WARN, "Paused 3 of 3"),
        (kinds.DEPLOYMENTS, item(), Verdict.UNKNOWN, "No status"),
        (kinds.STATEFUL_SETS, stateful(), Verdict.OK, "Available"),
        (kinds.STATEFUL_SETS, stateful(1, 2, "web-2"), Verdict.WARN, "Progressing 1 of 3"),
        (kinds.STATEFUL_SETS, stateful(3, 2), Verdict.WARN, "2 of 3 available"),
        (kinds.STATEFUL_SETS, stateful(3, 0), Verdict.BREACH, "0 of 3 available"),
        (kinds.DAEMON_SETS, daemon(), Verdict.OK, "Available"),
        (kinds.DAEMON_SETS, daemon(2, 5), Verdict.WARN, "Progressing 2 of 6"),
        (kinds.DAEMON_SETS, daemon(6, 5), Verdict.WARN, "5 of 6 available"),
        (kinds.DAEMON_SETS, daemon(0, 0, 0), Verdict.OK, "Scaled to 0"),
        (kinds.DAEMON_SETS, item(wanted=None), Verdict.UNKNOWN, "No status"),
    ],
)
def test_a_list_says_how_far_a_workload_is(resource, document, verdict, word):
    assert listed(resource, document)[:2] == (verdict, word)


def test_a_list_says_why_it_is_not_well():
    assert listed(kinds.DEPLOYMENTS, deployment(4, 1, 3, LATE))[2] == "has timed out"
    assert listed(kinds.DEPLOYMENTS, deployment(3, 3, 0, GONE))[2] == "does not have"
    assert listed(kinds.STATEFUL_SETS, stateful(3, 0))[2] == "None of its pods is available"
    assert listed(kinds.DEPLOYMENTS, deployment(seen=1))[2] == "The controller has not seen the newest change yet"
    verdict, word, sentence = listed(kinds.DEPLOYMENTS, {"metadata": {"name": "web"}, "status": "odd"})
    assert (verdict, word) == (Verdict.UNKNOWN, "Unreadable") and "status should be an object" in sentence


@given(
    st.integers(0, 9),
    st.integers(0, 12),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 3),
    st.sampled_from([DONE, ROLLS, LATE, {}]),
)
def test_green_only_when_every_pod_is_updated_available_and_seen(wanted, total, updated, available, seen, progress):
    rows = [progress] if progress else []
    found = read(kinds.DEPLOYMENTS, deployment(total, updated, available, *rows, seen=seen, wanted=wanted))
    if found.state == "available":
        assert seen >= 2 and updated >= wanted > 0 and available >= wanted and total <= wanted and progress not in (LATE, ROLLS)


@untimed
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["replicas", "observedGeneration", "conditions", "template", "metadata", "spec", "containers", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_shape_crashes_the_copy_or_the_reading(junk):
    odd = {"metadata": {"name": "web", "namespace": "shop", "annotations": junk}, "spec": junk, "status": junk}
    for resource in KINDS:
        try:
            read(resource, trimmed(odd))
        except Fault as fault:
            assert "cannot be read" in fault.sentence
    found = WORKLOADS.read({resource: {("shop", "web"): odd} for resource in KINDS}, "test")
    assert set(found) == {(kinds.kind_of(resource), "shop", "web") for resource in KINDS}


def whole(number: int = 0) -> Json:
    """A Deployment as people write them."""
    env = [{"name": f"SETTING_{n}", "value": "x" * 60} for n in range(40)]
    container = {"name": "web", "image": "registry.example/web:1", "env": env, "resources": {"limits": {"memory": "1Gi"}}}
    document = deployment(3, 3, 3, DONE)
    document["metadata"] |= {
        "name": f"web-{number}",
        "labels": {"app": "web"},
        "managedFields": [{"manager": "x", "fieldsV1": {f"f:{n}": {} for n in range(200)}}],
        "annotations": {
            "openova.io/operation": "op-1",
            "kubectl.kubernetes.io/default-container": "web",
            "kubectl.kubernetes.io/last-applied-configuration": "y" * 4000,
            "meta.helm.sh/release-name": "web",
        },
    }
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T00:00:00Z", "checksum/config": "abc"}
    document["spec"]["template"] = {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [container]},
    }
    return document


def test_the_copy_keeps_what_is_read_and_nothing_else():
    document = whole()
    kept = trimmed(document)
    assert kept["metadata"]["annotations"] == {"openova.io/operation": "op-1", "kubectl.kubernetes.io/default-container": "web"}
    assert "managedFields" not in kept["metadata"]
    assert kept["spec"] == {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"annotations": document["spec"]["template"]["metadata"]["annotations"]},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
        },
    }
    assert kept["status"] == document["status"]
    assert read(kinds.DEPLOYMENTS, kept) == read(kinds.DEPLOYMENTS, document)


def test_five_hundred_cost_little():
    copies = [trimmed(whole(number)) for number in range(500)]
    assert len(json.dumps(copies)) < 500 * 1024
    assert len(json.dumps([whole(number) for number in range(500)])) > 5 * len(json.dumps(copies))


def test_every_other_object_keeps_the_consoles_own_marks_alone():
    assert without_bookkeeping(whole())["metadata"]["annotations"] == {"openova.io/operation": "op-1"}
    assert "annotations" not in without_bookkeeping({"metadata": {"annotations": {"a": "b"}}})["metadata"]
    assert without_bookkeeping({"metadata": {"annotations": 7}}) == {"metadata": {}}


def test_a_mark_of_an_operation_makes_no_difference_between_regions():
    class Cluster:
        def __init__(self, *, mark: bool) -> None:
            document = trimmed(whole())
            if not mark:
                document["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "web"}
            self._item = document

        def copy_of(self, wanted: kinds.Resource) -> Copy:
            return Copy({("shop", "web-0"): self._item}, NOW, "", False)

    clusters: Any = {"region-1": Cluster(mark=True), "region-2": Cluster(mark=False)}
    shown = Objects(clusters, {"region-1": "Region 1", "region-2": "Region 2"}).show(
        "region-1", "deployments.apps", "shop", "web-0"
    )
    assert shown is not None
    assert (shown.difference, shown.elsewhere) == ("", "the same in Region 2, as far as it is read")
