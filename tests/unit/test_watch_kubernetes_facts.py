"""One region's facts from its Kubernetes objects: what is there, what is missing, and what makes no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.settings import ObjectName
from openova_console.systems import errors, kinds
from openova_console.watch.collectors import kubernetes as kubernetes_module
from openova_console.watch.collectors.kubernetes import FLUX_KINDS, KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.support.factories import NOW, ago, settings, untimed

SETTINGS = settings()
ONE = SETTINGS.regions[0]


class Copy:
    """What the collector reads of a mirror."""

    def __init__(self, resource, *objects, fault=None, confirmed_at=NOW):
        self.resource, self.fault, self.exchange = resource, fault, None
        self.objects = {(o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}
        self.confirmed_at = confirmed_at
        self.error = fault.sentence if fault else ""


def ready(status="True"):
    return {"conditions": [{"type": "Ready", "status": status, "reason": "Because"}]}


def item(name, namespace="", **parts):
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **parts}


def cluster(**status):
    return item(
        "postgres",
        "databases",
        spec={"replica": {"self": "region-1", "primary": "region-1"}},
        status={"phase": "Cluster in healthy state", "readyInstances": 3, "currentPrimary": "postgres-2"} | status,
    )


def healthy_copies():
    return [
        Copy(kinds.NODES, item("a", status=ready()), item("b", status=ready("Unknown"))),
        Copy(kinds.CNPG_CLUSTERS, cluster()),
        Copy(
            kinds.KUSTOMIZATIONS, item("apps", "flux-system", status=ready()), item("old", "flux-system", spec={"suspend": True})
        ),
        Copy(kinds.HELM_RELEASES, item("cilium", "kube-system", status=ready("False"))),
        Copy(kinds.GIT_REPOSITORIES, item("platform", "flux-system", status=ready())),
        Copy(kinds.CERTIFICATES, item("web", "ingress", status={"notAfter": "2026-03-20T00:00:00Z"}), item("new", "ingress")),
        Copy(
            kinds.VELERO_BACKUPS,
            item("d1", "velero", status={"phase": "Completed", "completionTimestamp": "2026-03-01T02:09:00Z"}),
            item("d2", "velero", status={"phase": "PartiallyFailed", "completionTimestamp": "2026-03-01T11:00:00Z"}),
        ),
        Copy(kinds.LEASES, item("openova-active", "failover-controller", spec={"holderIdentity": "region-1"})),
    ]


def facts_of(*replaced, without=()):
    collector = KubernetesCollector(ONE, SETTINGS, SnapshotStore())
    copies = {c.resource.path(): c for c in healthy_copies()} | {c.resource.path(): c for c in replaced}
    collector._mirrors = {path: c for path, c in copies.items() if path not in {r.path() for r in without}}
    return collector._facts()


@pytest.fixture(autouse=True)
def _frozen(monkeypatch):
    monkeypatch.setattr(kubernetes_module, "utc_now", lambda: NOW)


def test_a_regions_facts_from_its_objects():
    facts = facts_of()
    said = facts.evidence
    assert (said.nodes_ready.value, said.nodes.value, said.nodes.observed_at) == (1, 2, NOW)
    assert (said.flux_ready.value, said.flux.value, facts.flux_suspended) == (2, 4, 1)
    assert said.flux_findings == ("HelmRelease cilium not ready: Because", "Kustomization old is suspended")
    assert said.active.value is True and facts.postgres_pod.value == "postgres-2"
    assert said.certificates_due.value == 2, "one ends in 19 days, one was never issued"
    assert said.newest_backup.value.hour == 2, "a backup that failed in parts is no recovery point"
    assert facts.lease.value.holder == "region-1"


def backup(name, phase, hour):
    times = {"startTimestamp": f"2026-03-01T{hour:02}:00:00Z", "completionTimestamp": f"2026-03-01T{hour:02}:09:00Z"}
    return item(name, "velero", status={"phase": phase, **times})


@pytest.mark.parametrize(
    ("phase", "hour", "said"),
    [
        ("PartiallyFailed", 6, "d2: PartiallyFailed"),
        ("FailedValidation", 6, "d2: FailedValidation"),
        ("InProgress", 6, ""),
        ("Failed", 1, ""),
    ],
)
def test_a_backup_that_failed_after_the_newest_good_one_is_named(phase, hour, said):
    facts = facts_of(Copy(kinds.VELERO_BACKUPS, backup("d1", "Completed", 2), backup("d2", phase, hour)))
    assert facts.evidence.failed_backup == said


def test_a_kind_that_is_not_installed_is_missing_and_says_so():
    absent = errors.NotInstalled("Region 1's Kubernetes API", "Region 1's Kubernetes API does not have this part (404)")
    for resource in (kinds.VELERO_BACKUPS, kinds.CERTIFICATES, kinds.CNPG_CLUSTERS, *FLUX_KINDS.values()):
        facts = facts_of(Copy(resource, fault=absent, confirmed_at=None))
        lost = {
            kinds.VELERO_BACKUPS: facts.evidence.newest_backup,
            kinds.CERTIFICATES: facts.evidence.certificates_due,
            kinds.CNPG_CLUSTERS: facts.evidence.active,
        }.get(resource, facts.evidence.flux)
        assert (lost.value, lost.error) == (None, f"{resource.plural} are not installed here")


@pytest.mark.parametrize(
    "broken",
    [
        item("a", status="ready"),
        item("a", status={"conditions": "none"}),
        item("a", status={"conditions": [7]}),
        item("a", spec=[1], status={"conditions": [{"type": "Ready", "status": 1}]}),
    ],
)
def test_an_object_that_makes_no_sense_makes_its_kind_unknown_and_nothing_else(broken):
    facts = facts_of(Copy(kinds.NODES, broken, item("b", status=ready())))
    assert facts.evidence.nodes.value is None and "cannot be read" in facts.evidence.nodes.error
    assert facts.evidence.flux.value == 4
    for resource in FLUX_KINDS.values():
        assert facts_of(Copy(resource, broken)).evidence.flux.value is None


@untimed
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["conditions", "replica", "type", "notAfter", "phase", "x"]), inner, max_size=3)
        ),
    )
)
def test_no_object_ever_crashes_the_facts(junk):
    odd = item("postgres", "databases", spec=junk, status=junk)
    for resource in kubernetes_module.MIRRORED:
        facts_of(Copy(resource, odd))


def test_a_copy_that_is_no_longer_confirmed_keeps_its_age():
    old = facts_of(Copy(kinds.NODES, item("a", status=ready()), confirmed_at=ago(300)))
    assert (old.evidence.nodes.value, old.evidence.nodes.observed_at) == (1, ago(300))
    assert facts_of(Copy(kinds.KUSTOMIZATIONS, confirmed_at=ago(300))).evidence.flux.observed_at == ago(300)


def test_what_was_never_read_or_is_not_there_is_missing():
    assert facts_of(without=kubernetes_module.MIRRORED).evidence.nodes.error == "nothing was read yet"
    gone = facts_of(Copy(kinds.CNPG_CLUSTERS), Copy(kinds.LEASES))
    assert gone.evidence.active.error == "no Cluster databases/postgres"
    assert gone.lease.error == "no Lease"
    failed = Copy(
        kinds.NODES, fault=errors.Refused("x", "Region 1's Kubernetes API does not allow it (403)", status=403), confirmed_at=None
    )
    assert facts_of(failed).evidence.nodes.error == "Region 1's Kubernetes API does not allow it (403)"


def test_a_cluster_without_a_ready_instance_is_not_known_to_accept_writes():
    facts = facts_of(Copy(kinds.CNPG_CLUSTERS, cluster(readyInstances=0)))
    assert facts.evidence.active.value is None
    assert facts.evidence.active.error == "the Cluster postgres is meant to accept writes, but none of its instances is ready"
    standby = cluster(readyInstances=0)
    standby["spec"]["replica"]["primary"] = "region-2"
    assert facts_of(Copy(kinds.CNPG_CLUSTERS, standby)).evidence.active.value is False


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        (errors.Unreachable("x", "refused"), False),
        (errors.TimedOut("x", "stopped answering"), False),
        (errors.TlsFailed("x", "showed a certificate that is not accepted"), None),
        (errors.Refused("x", "does not accept the console's credentials (401)", status=401), None),
        (errors.Overloaded("x", "is overloaded (429)"), None),
        (errors.Misconfigured("x", "the token file cannot be read"), None),
    ],
)
async def test_only_silence_is_an_outage(monkeypatch, fault, value):
    async def fail(*_, **__):
        raise fault

    monkeypatch.setattr(kubernetes_module, "connect", fail)
    snapshots = SnapshotStore()
    collector = KubernetesCollector(ONE, SETTINGS, snapshots)
    with pytest.raises(type(fault)):
        await collector.read()
    api = snapshots.current.regions["region-1"].evidence.api
    assert (api.value, api.error) == (value, fault.sentence)
    await collector.close()


def test_the_wanted_cluster_is_the_one_of_the_settings():
    other = ONE.model_copy(update={"postgres_cluster": ObjectName(namespace="databases", name="other")})
    collector = KubernetesCollector(other, SETTINGS, SnapshotStore())
    collector._mirrors = {c.resource.path(): c for c in healthy_copies()}
    assert collector._facts().evidence.active.error == "no Cluster databases/other"
