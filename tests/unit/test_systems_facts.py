"""Facts from Kubernetes objects: captured from real controllers, and random ones."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.systems import cert_manager, cnpg, flux, lease, nodes, velero
from openova_console.systems.errors import Fault, Malformed

CAPTURED = Path(__file__).parents[1] / "support" / "captured"
SOURCE = "Region 1's Kubernetes API"


def captured(name: str) -> dict:
    return json.loads((CAPTURED / f"{name}.json").read_text())


def test_nodes_count_ready_ones_and_name_the_others():
    ready = captured("node-kwok")
    lost = json.loads(json.dumps(ready))
    lost["metadata"]["name"] = "worker-9"
    lost["status"]["conditions"][0]["status"] = "Unknown"
    lost["spec"]["unschedulable"] = True
    found = nodes.facts([ready, lost, {"metadata": {"name": "new"}}], source=SOURCE)
    assert (found.ready, found.total) == (1, 3)
    assert found.not_ready == ("new", "worker-9")
    assert found.cordoned == ("worker-9",)
    assert found.versions == ("kwok-0.8.0",)


def test_a_lease_says_who_holds_it_and_since_when():
    found = lease.facts(captured("lease-create"), source=SOURCE)
    assert found.holder == "a"
    assert found.renewed_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.duration_s == 15
    assert lease.facts({"spec": {}}, source=SOURCE) == lease.LeaseFacts("", None, None, None, 0)


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("flux-kustomization-ready", "ready", "ReconciliationSucceeded"),
        ("flux-kustomization-suspended", "suspended", "Suspended"),
        ("flux-kustomization-artifact-unreachable", "not_ready", "Progressing"),
        ("flux-kustomization-no-source", "not_ready", "ArtifactFailed"),
        ("flux-gitrepository-ready", "ready", "Succeeded"),
    ],
)
def test_flux_objects_as_real_controllers_leave_them(name, state, reason):
    found = flux.facts([("Kustomization", captured(name))], source=SOURCE).objects[0]
    assert (found.state, found.reason) == (state, reason)
    if state == "ready":
        assert found.revision == "main@sha1:" + "2" * 40


def test_flux_that_has_not_seen_the_newest_change_is_not_ready():
    item = captured("flux-kustomization-ready")
    item["metadata"]["generation"] += 1
    assert flux.facts([("Kustomization", item)], source=SOURCE).objects[0].reason == "Outdated"


def test_flux_stalled_and_silent_objects_are_counted_apart():
    stalled = captured("flux-kustomization-ready")
    stalled["status"]["conditions"].append({"type": "Stalled", "status": "True", "reason": "BuildFailed", "message": "x" * 999})
    silent = {"metadata": {"name": "new", "namespace": "apps"}}
    found = flux.facts([("Kustomization", stalled), ("HelmRelease", silent)], source=SOURCE)
    assert (found.ready, found.total) == (0, 2)
    assert found.having("stalled")[0].reason == "BuildFailed"
    assert len(found.having("stalled")[0].message) <= 300
    assert found.having("not_ready")[0].reason == "NoStatus"


def test_helm_release_shows_its_chart_version():
    item = {
        "metadata": {"name": "cilium", "namespace": "kube-system", "generation": 2},
        "status": {
            "observedGeneration": 2,
            "conditions": [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded"}],
            "history": [{"chartVersion": "1.18.2"}, {"chartVersion": "1.18.1"}],
        },
    }
    assert flux.facts([("HelmRelease", item)], source=SOURCE).objects[0].revision == "1.18.2"


def test_certificates_sort_those_never_issued_first():
    found = cert_manager.facts(
        [captured("certmanager-certificate-ready"), captured("certmanager-certificate-missing-issuer")], source=SOURCE
    )
    assert [c.name for c in found] == ["orphan", "web-tls"]
    assert (found[0].not_after, found[0].ready, found[0].issuing, found[0].reason) == (None, False, True, "DoesNotExist")
    assert found[1].not_after == datetime(2027, 2, 21, 7, 56, 9, tzinfo=UTC)
    assert (found[1].ready, found[1].issuing, found[1].revision) == (True, False, 1)


def backup(name: str, phase: str, hour: int) -> dict:
    start, end = f"2026-11-23T{hour:02d}:00:00Z", f"2026-11-23T{hour:02d}:20:00Z"
    return {"metadata": {"name": name}, "status": {"phase": phase, "startTimestamp": start, "completionTimestamp": end}}


def test_only_a_completed_backup_is_a_recovery_point():
    items = [backup("a", "Completed", 1), backup("c", "PartiallyFailed", 3), backup("b", "Completed", 2)]
    places = [{"metadata": {"name": "default"}, "status": {"phase": "Unavailable"}}, {"metadata": {"name": "aws"}}]
    found = velero.facts(items, places, source=SOURCE)
    assert found.newest_completed.name == "b"
    assert found.newest_attempt.name == "c"
    assert found.locations == (("aws", ""), ("default", "Unavailable"))
    assert velero.facts([], [], source=SOURCE).newest_completed is None


@pytest.mark.parametrize(
    ("replica", "primary"),
    [
        (None, True),
        ({"primary": "postgres", "source": "other"}, True),
        ({"primary": "other", "source": "other"}, False),
        ({"primary": "west", "self": "west"}, True),
        ({"primary": "postgres", "self": "west"}, False),
        ({"enabled": True, "source": "other"}, False),
        ({"enabled": False, "source": "other"}, True),
        ({"source": "other"}, True),
    ],
)
def test_which_cnpg_cluster_is_primary(replica, primary):
    spec = {"instances": 3} | ({"replica": replica} if replica is not None else {})
    item = {"metadata": {"name": "postgres", "namespace": "databases"}, "spec": spec}
    assert cnpg.cluster(item, source=SOURCE).is_primary is primary


def test_a_cnpg_cluster_never_gives_its_demotion_token():
    status = {
        "phase": "Cluster in healthy state",
        "readyInstances": 2,
        "currentPrimary": "postgres-1",
        "timelineID": 4,
        "demotionToken": "c2VjcmV0",
        "lastSuccessfulBackup": "2026-11-23T02:00:00Z",
        "conditions": [{"type": "ContinuousArchiving", "status": "False", "reason": "ContinuousArchivingFailing"}],
    }
    found = cnpg.cluster({"metadata": {"name": "postgres"}, "spec": {"instances": 3}, "status": status}, source=SOURCE)
    assert found.demotion_token_present and "c2VjcmV0" not in repr(found)
    assert (found.instances, found.ready_instances, found.timeline, found.continuous_archiving) == (3, 2, 4, False)
    assert found.last_successful_backup == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_the_newest_completed_cnpg_backup_of_this_cluster():
    def one(cluster: str, phase: str, hour: int) -> dict:
        return {"spec": {"cluster": {"name": cluster}}, "status": {"phase": phase, "stoppedAt": f"2026-11-23T{hour:02d}:00:00Z"}}

    items = [one("postgres", "completed", 1), one("postgres", "failed", 5), one("other", "completed", 6), {}]
    assert cnpg.newest_backup(items, "postgres", source=SOURCE) == datetime(2026, 11, 23, 1, tzinfo=UTC)


def test_a_wrong_type_is_named_with_its_path():
    with pytest.raises(Malformed) as caught:
        cnpg.cluster({"metadata": {"name": "p"}, "status": {"readyInstances": "3"}}, source=SOURCE)
    assert caught.value.path == "status.readyInstances"
    assert caught.value.sentence == (
        f"{SOURCE} gave an answer that cannot be read: status.readyInstances should be a whole number"
    )
    with pytest.raises(Malformed) as caught:
        nodes.facts([{"metadata": {"name": "n"}, "status": {"conditions": ["Ready"]}}], source=SOURCE)
    assert caught.value.path == "status.conditions[0]"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("9999-12-31T23:59:59-14:00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("namespace", "generation", "conditions", "phase", "suspend", "replica", "primary", "notAfter", "renewTime")
OBJECT = st.fixed_dictionaries(
    {},
    optional={
        "metadata": JSON | st.fixed_dictionaries({"name": st.text(max_size=4)}, optional=dict.fromkeys(KEYS, JSON)),
        "spec": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)),
        "status": JSON
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys((*KEYS, "history", "artifact", "stoppedAt", "nodeInfo", "timelineID"), JSON)
            | {"conditions": st.lists(st.fixed_dictionaries({"type": st.just("Ready")}, optional={"status": JSON}), max_size=2)},
        ),
    },
)


@settings(max_examples=200, deadline=None)
@given(OBJECT)
def test_no_object_raises_anything_but_a_fault(item):
    readers = (
        lambda: nodes.facts([item], source=SOURCE),
        lambda: lease.facts(item, source=SOURCE),
        lambda: cnpg.cluster(item, source=SOURCE),
        lambda: cnpg.newest_backup([item], "x", source=SOURCE),
        lambda: flux.facts([("Kustomization", item)], source=SOURCE),
        lambda: cert_manager.facts([item, item], source=SOURCE),
        lambda: velero.facts([item], [item], source=SOURCE),
    )
    for reader in readers:
        try:
            reader()
        except Fault as fault:
            assert fault.sentence.startswith(SOURCE)
