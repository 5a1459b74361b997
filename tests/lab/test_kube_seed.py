"""The seeded region: healthy, valid by its own schemas, shaped like captured objects, and its clocks run."""

import random
import time
from datetime import datetime, timedelta

import pytest
from kube_fixtures import Clock, sample

from openova_console.lab.kube.bodies import checked
from openova_console.lab.kube.kinds import SERVED
from openova_console.lab.kube.paths import Asked
from openova_console.lab.kube.seed import seed, tick
from openova_console.lab.kube.store import ObjectStore


def region(clock: Clock, region_id: str = "region-1", peer_id: str = "region-2", *, primary: bool = True) -> ObjectStore:
    store = ObjectStore(now=clock, seed=3)
    seed(
        store,
        region_id=region_id,
        geo_tag=region_id,
        is_primary=primary,
        peer_id=peer_id,
        now=clock(),
        rng=random.Random(3),
    )
    return store


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def primary(clock: Clock) -> ObjectStore:
    return region(clock)


@pytest.fixture(scope="module")
def standby(clock: Clock) -> ObjectStore:
    return region(clock, "region-2", "region-1", primary=False)


def true_conditions(body: dict) -> dict[str, str]:
    return {row["type"]: row["status"] for row in body["status"]["conditions"]}


@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.key)
def test_every_object_is_valid_by_its_own_schema(primary, standby, kind):
    for store in (primary, standby):
        for body in store.list(kind):
            _, warnings = checked(body, kind, Asked("", "update", version=kind.versions[0]), "Warn")
            assert warnings == []
            assert not kind.namespaced or store.find("namespaces", "", body["metadata"]["namespace"]) is not None


def test_region_is_healthy(primary, clock):
    nodes = primary.list("nodes")
    assert len(nodes) == 6
    assert all(true_conditions(node)["Ready"] == "True" for node in nodes)
    assert all(node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.34.") for node in nodes)
    flux = [
        body
        for kind in ("gitrepositories.source", "kustomizations.kustomize", "helmreleases.helm")
        for body in primary.list(f"{kind}.toolkit.fluxcd.io")
    ]
    assert len(flux) == 41
    assert all(true_conditions(body)["Ready"] == "True" for body in flux)
    certificates = primary.list("certificates.cert-manager.io")
    ends = [datetime.fromisoformat(body["status"]["notAfter"]) for body in certificates]
    assert len(ends) == 8
    assert min(ends) - clock() > timedelta(days=30)
    assert 40 <= len(primary.list("pods")) <= 80


def test_one_region_is_primary_in_every_respect(primary, standby):
    for store, me in ((primary, "region-1"), (standby, "region-2")):
        lease = store.get("leases.coordination.k8s.io", "failover-controller", "openova-active")
        assert lease["spec"]["holderIdentity"] == "region-1"
        replica = store.get("clusters.postgresql.cnpg.io", "databases", "postgres")["spec"]["replica"]
        assert replica["self"] == f"postgres-{me}"
        assert (replica["primary"] == replica["self"]) is (me == "region-1")
        for gslb in store.list("gslbs.k8gb.absa.oss"):
            assert gslb["spec"]["strategy"]["primaryGeoTag"] == "region-1"
            assert gslb["status"]["geoTag"] == me
    suspended = {body["metadata"]["name"] for body in standby.list("cronjobs.batch") if body["spec"]["suspend"]}
    assert {"process-data-requests", "enforce-data-retention", "cleanup-audit-logs"} <= suspended
    assert not any(body["spec"]["suspend"] for body in primary.list("cronjobs.batch"))


def test_both_regions_hold_the_same_data_and_revisions(primary, standby):
    for key in ("systemID", "timelineID"):
        values = {s.get("clusters.postgresql.cnpg.io", "databases", "postgres")["status"][key] for s in (primary, standby)}
        assert len(values) == 1
    revisions = {
        body["status"]["lastAppliedRevision"]
        for store in (primary, standby)
        for body in store.list("kustomizations.kustomize.toolkit.fluxcd.io")
        if not body["metadata"]["name"].startswith("acme") and body["metadata"]["name"] != "tenants"
    }
    assert len(revisions) == 1


def missing(captured: object, ours: object, path: str = "") -> list[str]:
    """Where our value lacks a key of the captured one, or has another type."""
    if isinstance(captured, dict) and isinstance(ours, dict):
        return [
            line
            for key, value in captured.items()
            for line in (missing(value, ours[key], f"{path}.{key}") if key in ours else [f"{path}.{key}"])
        ]
    if isinstance(captured, list) and isinstance(ours, list):
        return missing(captured[0], ours[0], f"{path}[]") if captured and ours else []
    return [] if type(captured) is type(ours) else [f"{path}: {type(ours).__name__}"]


@pytest.mark.parametrize(
    ("name", "kind", "optional"),
    [
        ("flux-kustomization-ready", "kustomizations.kustomize.toolkit.fluxcd.io", {".status.lastHandledReconcileAt"}),
        ("flux-gitrepository-ready", "gitrepositories.source.toolkit.fluxcd.io", set()),
        ("certmanager-certificate-ready", "certificates.cert-manager.io", set()),
        ("flagger-canary-succeeded", "canaries.flagger.app", {".spec.analysis.webhooks[].metadata"}),
        ("flagger-httproute", "httproutes.gateway.networking.k8s.io", set()),
        ("200-deployment-after-restart", "deployments.apps", {".spec.template.metadata"}),
        (
            "200-node-kwok",
            "nodes",
            {".status.phase", ".metadata.annotations", ".metadata.labels"},
        ),
    ],
)
def test_seeded_objects_have_what_captured_ones_have(primary, name, kind, optional):
    captured = sample(name)
    captured = captured.get("response", captured)
    ours = primary.list(kind)[0]
    for body in (captured, ours):
        body["metadata"].pop("annotations", None)
    lacking = [
        path
        for path in missing(captured, ours)
        if not any(
            path.startswith(known)
            for known in (*optional, ".metadata.labels", ".metadata.ownerReferences", ".spec.selector.matchLabels")
        )
    ]
    assert lacking == []


def test_newest_backup_is_recent_and_new_ones_are_made():
    clock = Clock()
    store = region(clock)

    def newest() -> datetime:
        done = [b["status"] for b in store.list("backups.velero.io") if b["status"]["phase"] == "Completed"]
        return max(datetime.fromisoformat(status["completionTimestamp"]) for status in done)

    assert clock() - newest() < timedelta(hours=1, minutes=5)
    before = len(store.list("backups.velero.io"))
    for _ in range(3):
        clock.advance(minutes=60 - clock.at.minute)
        tick(store, now=clock())
        assert any(b["status"]["phase"] == "InProgress" for b in store.list("backups.velero.io"))
        clock.advance(minutes=2)
        tick(store, now=clock())
        assert clock() - newest() < timedelta(minutes=5)
    assert len(store.list("backups.velero.io")) == before + 3


def test_leases_are_renewed_unless_paused():
    clock = Clock()
    store = region(clock)
    key = "leases.coordination.k8s.io/failover-controller/openova-active"

    def renewed() -> str:
        return store.get("leases.coordination.k8s.io", "failover-controller", "openova-active")["spec"]["renewTime"]

    first = renewed()
    clock.advance(seconds=10)
    tick(store, now=clock(), paused={key})
    assert renewed() == first
    tick(store, now=clock())
    assert renewed() == clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_nodes_report_every_five_minutes():
    clock = Clock()
    store = region(clock)
    for _ in range(330):
        clock.advance(seconds=1)
        tick(store, now=clock())
    for node in store.list("nodes"):
        beat = datetime.fromisoformat(node["status"]["conditions"][0]["lastHeartbeatTime"])
        assert clock() - beat <= timedelta(minutes=5)


def test_cron_jobs_make_jobs_that_complete_and_suspended_ones_do_not():
    for primary_region in (True, False):
        clock = Clock()
        store = region(clock, primary=primary_region)
        clock.advance(hours=18, seconds=5)
        tick(store, now=clock())
        clock.advance(seconds=1)
        tick(store, now=clock())
        name = f"process-data-requests-{int(datetime(2026, 11, 24, 2, tzinfo=clock().tzinfo).timestamp() // 60)}"
        started = store.find("jobs.batch", "platform-services", name)
        assert (started is not None) is primary_region
        if started is None:
            continue
        clock.advance(seconds=30)
        tick(store, now=clock())
        done = store.get("jobs.batch", "platform-services", name)["status"]
        assert done["succeeded"] == 1
        assert {row["type"] for row in done["conditions"]} == {"SuccessCriteriaMet", "Complete"}


def test_job_made_by_hand_runs_and_succeeds():
    clock = Clock()
    store = region(clock)
    cron_job = store.get("cronjobs.batch", "secrets", "rotate-db-credentials")
    spec = cron_job["spec"]["jobTemplate"]["spec"]
    store.create("jobs.batch", {"metadata": {"name": "by-hand", "namespace": "secrets"}, "spec": spec})
    tick(store, now=clock())
    assert store.get("jobs.batch", "secrets", "by-hand")["status"]["active"] == 1
    clock.advance(seconds=30)
    tick(store, now=clock())
    assert store.get("jobs.batch", "secrets", "by-hand")["status"]["succeeded"] == 1


def test_postgres_is_backed_up_daily():
    clock = Clock()
    store = region(clock)
    before = len(store.list("backups.postgresql.cnpg.io"))
    clock.advance(hours=18, minutes=5)
    tick(store, now=clock())
    assert len(store.list("backups.postgresql.cnpg.io")) == before + 3
    status = store.get("clusters.postgresql.cnpg.io", "databases", "postgres")["status"]
    assert status["lastSuccessfulBackup"] == "2026-11-24T02:04:00Z"


def test_tick_is_cheap():
    clock = Clock()
    store = region(clock)
    started = time.perf_counter()
    for _ in range(100):
        clock.advance(seconds=1)
        tick(store, now=clock())
    assert (time.perf_counter() - started) / 100 < 0.02
