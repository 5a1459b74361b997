"""A changed template is rolled out as in a cluster: what may be missing, in which order, and what status says meanwhile."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_fixtures import Clock, sample, shape

from openova_console import settings as console_settings
from openova_console.lab.kube import rollouts
from openova_console.lab.kube.pace import CATCH_UP, moments
from openova_console.lab.kube.pods import PODS
from openova_console.lab.kube.region_cluster import node_names
from openova_console.lab.kube.rollout_deployments import limits
from openova_console.lab.kube.seed import seed
from openova_console.lab.kube.store import ObjectStore
from openova_console.systems.workloads import Workload
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.objects import Objects
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running

RESTARTED = "kubectl.kubernetes.io/restartedAt"
DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS = rollouts.DEPLOYMENTS, rollouts.STATEFUL_SETS, rollouts.DAEMON_SETS
CHECKOUT = (DEPLOYMENTS, "acme-prod", "checkout")
REDPANDA = (STATEFUL_SETS, "databases", "redpanda")
EXPORTER = (DAEMON_SETS, "monitoring", "node-exporter")
Json = dict[str, Any]
Where = tuple[str, str, str]


class Region:
    """One region's store with its workload controllers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = ObjectStore(now=self.clock, seed=3)
        names = {"region_id": R1, "geo_tag": R1, "is_primary": True, "peer_id": R2}
        seed(self.store, now=self.clock(), rng=random.Random(3), **names)

    def restart(self, where: Where, stamp: str = "2026-11-23T08:00:00Z") -> Json:
        annotations = {RESTARTED: stamp}
        return self.store.patch(*where, {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    def step(self, seconds: float = 1, *, stuck: bool = False) -> None:
        since = self.clock()
        self.clock.advance(seconds=seconds)
        rollouts.advance(self.store, since=since, now=self.clock(), stuck=stuck)

    def until(self, holds: Callable[[], bool], *, stuck: bool = False) -> int:
        for second in range(1, 200):
            self.step(stuck=stuck)
            if holds():
                return second
        raise AssertionError("it never held")

    def status(self, where: Where) -> Json:
        found: Json = self.store.get(*where)["status"]
        return found

    def pods(self, where: Where, *, going: bool = False) -> list[Json]:
        name = where[2]
        return [
            pod
            for pod in self.store.list(PODS, where[1])
            if pod["metadata"]["labels"].get("app.kubernetes.io/name") == name
            and (going or "deletionTimestamp" not in pod["metadata"])
        ]


def restarted(pod: Json) -> str:
    stamp: str = pod["metadata"].get("annotations", {}).get(RESTARTED, "")
    return stamp


def ready(pod: Json) -> bool:
    return any(row["type"] == "Ready" and row["status"] == "True" for row in pod["status"]["conditions"])


def conditions(status: Json) -> dict[str, tuple[str, str]]:
    return {row["type"]: (row["status"], row["reason"]) for row in status["conditions"]}


DONE = {"Available": ("True", "MinimumReplicasAvailable"), "Progressing": ("True", "NewReplicaSetAvailable")}


def test_nothing_moves_while_nothing_changes():
    region = Region()
    before = region.store.revision
    region.step(5)
    region.step(3600)
    assert region.store.revision == before


def test_a_restarted_deployment_gets_new_pods_one_by_one_and_is_never_short_of_one():
    region = Region()
    old = {pod["metadata"]["name"] for pod in region.pods(CHECKOUT)}
    changed = region.restart(CHECKOUT)
    generation = changed["metadata"]["generation"]
    assert region.status(CHECKOUT)["observedGeneration"] == generation - 1
    updated: list[int] = []

    def done() -> bool:
        status = region.status(CHECKOUT)
        alive = region.pods(CHECKOUT)
        assert status["observedGeneration"] == generation
        assert status["replicas"] == len(alive) <= 4, "a surge of a quarter of 3 is 1"
        assert sum(map(ready, alive)) >= 3, "and no pod may be missing"
        assert status["readyReplicas"] == sum(map(ready, alive))
        updated.append(status.get("updatedReplicas", 0))
        return conditions(status) == DONE and status["updatedReplicas"] == status["replicas"] == 3

    assert 6 <= region.until(done) <= 30
    assert updated == sorted(updated) and set(updated) == {0, 1, 2, 3}
    assert not old & {pod["metadata"]["name"] for pod in region.pods(CHECKOUT)}
    assert [restarted(pod) for pod in region.pods(CHECKOUT)] == ["2026-11-23T08:00:00Z"] * 3
    assert region.store.get(*CHECKOUT)["metadata"]["generation"] == generation, "the controller's own writes count for nothing"


def test_a_finished_rollout_looks_like_the_captured_one():
    region = Region()
    region.restart(CHECKOUT)
    region.step(60)
    captured = sample("200-deployment-after-restart")["response"]
    status = region.status(CHECKOUT)
    assert shape({**status, "conditions": None}) == shape({**captured["status"], "conditions": None})
    assert list(status) == list(captured["status"])
    rows = {row["type"]: row for row in captured["status"]["conditions"]}
    for row in status["conditions"]:
        like = rows[row["type"]]
        assert {**row, "lastUpdateTime": "", "lastTransitionTime": "", "message": ""} == {
            **like,
            "lastUpdateTime": "",
            "lastTransitionTime": "",
            "message": "",
        }
    assert region.store.get(*CHECKOUT)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "8"


def test_old_pods_are_still_listed_while_they_end():
    region = Region()
    region.restart(CHECKOUT)
    seen = []
    region.until(
        lambda: bool(
            seen.extend(pod for pod in region.pods(CHECKOUT, going=True) if "deletionTimestamp" in pod["metadata"])
            or len(seen) >= 3
        )
    )
    assert all(ready(pod) and not restarted(pod) for pod in seen)


def test_the_new_replica_set_has_the_pods_and_the_old_one_stays_empty():
    region = Region()
    region.restart(CHECKOUT)
    region.step(60)
    own = [s for s in region.store.list("replicasets.apps", "acme-prod") if s["metadata"]["name"].startswith("checkout-")]
    assert sorted(s["spec"]["replicas"] for s in own) == sorted(s["status"]["replicas"] for s in own) == [0, 3]
    for round_ in range(12):
        region.restart(CHECKOUT, f"2026-11-23T09:{round_:02}:00Z")
        region.step(60)
    own = [s for s in region.store.list("replicasets.apps", "acme-prod") if s["metadata"]["name"].startswith("checkout-")]
    assert len(own) == 11, "ten of them are history"


def test_a_template_that_was_there_before_gets_its_replica_set_back():
    region = Region()
    before = region.store.get(*CHECKOUT)["spec"]["template"]
    region.restart(CHECKOUT)
    region.step(60)

    def back(document: Json) -> None:
        document["spec"]["template"] = before

    region.store.apply_inside(*CHECKOUT, back)
    region.step(60)
    own = [s for s in region.store.list("replicasets.apps", "acme-prod") if s["metadata"]["name"].startswith("checkout-")]
    assert len(own) == 2
    assert {restarted(pod) for pod in region.pods(CHECKOUT)} == {""}
    assert conditions(region.status(CHECKOUT)) == DONE


def test_a_second_restart_during_the_first_ends_with_the_second():
    region = Region()
    region.restart(CHECKOUT)
    region.step(3)
    region.restart(CHECKOUT, "2026-11-23T08:00:03Z")
    region.step(60)
    assert [restarted(pod) for pod in region.pods(CHECKOUT)] == ["2026-11-23T08:00:03Z"] * 3
    assert conditions(region.status(CHECKOUT)) == DONE


def test_a_leap_of_the_clock_ends_where_small_steps_end():
    one, other = Region(), Region()
    for region in (one, other):
        region.restart(CHECKOUT)
    for _ in range(60):
        one.step()
    other.step(60)
    assert one.status(CHECKOUT) == other.status(CHECKOUT)


def test_without_images_the_rollout_stands_still_and_says_so_after_its_deadline():
    region = Region()
    region.restart(CHECKOUT)
    region.step(30, stuck=True)
    status = region.status(CHECKOUT)
    assert (status["updatedReplicas"], status["readyReplicas"], status["replicas"]) == (1, 3, 4)
    assert conditions(status)["Progressing"] == ("True", "ReplicaSetUpdated")
    (waiting,) = [pod for pod in region.pods(CHECKOUT) if not ready(pod)]
    state = waiting["status"]["containerStatuses"][0]["state"]["waiting"]
    assert state["reason"] == "ImagePullBackOff" and restarted(waiting)
    region.step(580, stuck=True)
    assert conditions(region.status(CHECKOUT))["Progressing"] == ("False", "ProgressDeadlineExceeded")
    assert conditions(region.status(CHECKOUT))["Available"] == ("True", "MinimumReplicasAvailable")
    region.step(60)
    assert conditions(region.status(CHECKOUT)) == DONE


def test_recreate_ends_every_old_pod_before_the_first_new_one():
    region = Region()

    def recreate(document: Json) -> None:
        document["spec"]["strategy"] = {"type": "Recreate"}

    region.store.apply_inside(*CHECKOUT, recreate)
    region.step(5)
    region.restart(CHECKOUT)

    def done() -> bool:
        alive = region.pods(CHECKOUT, going=True)
        assert len({restarted(pod) for pod in alive}) <= 1, "old and new never run side by side"
        return len(alive) == 3 and all(map(restarted, alive)) and conditions(region.status(CHECKOUT)) == DONE

    region.until(done)


def test_a_paused_deployment_is_not_rolled_out_until_it_is_resumed():
    region = Region()
    region.store.patch(*CHECKOUT, {"spec": {"paused": True}})
    region.restart(CHECKOUT)
    region.step(60)
    assert conditions(region.status(CHECKOUT))["Progressing"] == ("Unknown", "DeploymentPaused")
    assert {restarted(pod) for pod in region.pods(CHECKOUT)} == {""}
    region.store.patch(*CHECKOUT, {"spec": {"paused": False}})
    region.step(60)
    assert conditions(region.status(CHECKOUT)) == DONE
    assert all(map(restarted, region.pods(CHECKOUT)))


@pytest.mark.parametrize(("where", "count"), [(CHECKOUT, 3), (REDPANDA, 3), (EXPORTER, 6)])
def test_a_pod_that_somebody_deletes_comes_back(where: Where, count: int):
    region = Region()
    lost = region.pods(where)[0]["metadata"]
    region.store.delete(PODS, lost["namespace"], lost["name"])
    region.step(20)
    alive = region.pods(where)
    assert len(alive) == count and all(map(ready, alive))
    assert lost["uid"] not in {pod["metadata"]["uid"] for pod in alive}


@pytest.mark.parametrize(("where", "to"), [(CHECKOUT, 5), (CHECKOUT, 1), (CHECKOUT, 0), (REDPANDA, 5), (REDPANDA, 1)])
def test_what_is_scaled_follows(where: Where, to: int):
    region = Region()
    region.store.patch(*where, {"spec": {"replicas": to}})
    region.step(60)
    alive = region.pods(where)
    assert len(alive) == to and all(map(ready, alive)) and not any(map(restarted, alive))
    status = region.status(where)
    assert (status.get("replicas", 0), status.get("readyReplicas", 0)) == (to, to)


def test_a_stateful_set_goes_from_the_highest_ordinal_down_and_waits_for_each():
    region = Region()
    changed = region.restart(REDPANDA)
    first = region.status(REDPANDA)
    order: list[str] = []

    def done() -> bool:
        alive = region.pods(REDPANDA)
        assert sum(map(ready, alive)) >= 2, "one at a time"
        for pod in alive:
            if restarted(pod) and pod["metadata"]["name"] not in order:
                order.append(pod["metadata"]["name"])
        status = region.status(REDPANDA)
        assert status["observedGeneration"] == changed["metadata"]["generation"]
        assert status["updateRevision"] != first["updateRevision"]
        finished = status["currentRevision"] == status["updateRevision"]
        assert finished is (status.get("updatedReplicas", 0) == 3 and status["readyReplicas"] == 3)
        return finished

    region.until(done)
    assert order == ["redpanda-2", "redpanda-1", "redpanda-0"]
    status = region.status(REDPANDA)
    assert [status[n] for n in ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")] == [
        3
    ] * 5
    for pod in region.pods(REDPANDA):
        assert pod["metadata"]["labels"]["controller-revision-hash"] == status["updateRevision"]


def test_a_stateful_set_whose_new_pod_never_starts_stops_at_that_pod():
    region = Region()
    region.restart(REDPANDA)
    region.step(120, stuck=True)
    assert [pod["metadata"]["name"] for pod in region.pods(REDPANDA) if restarted(pod)] == ["redpanda-2"]
    status = region.status(REDPANDA)
    assert (status["updatedReplicas"], status["readyReplicas"]) == (1, 2)
    assert status["currentRevision"] != status["updateRevision"]


@pytest.mark.parametrize(("strategy", "updated"), [({"type": "OnDelete"}, 0), ({"rollingUpdate": {"partition": 2}}, 1)])
def test_a_stateful_set_leaves_alone_what_its_strategy_keeps(strategy: Json, updated: int):
    region = Region()
    region.store.patch(*REDPANDA, {"spec": {"updateStrategy": strategy}})
    region.restart(REDPANDA)
    region.step(60)
    assert sum(map(bool, map(restarted, region.pods(REDPANDA)))) == updated


def test_a_daemon_set_goes_from_node_to_node():
    region = Region()
    changed = region.restart(EXPORTER)

    def done() -> bool:
        alive = region.pods(EXPORTER)
        assert sum(map(ready, alive)) >= 5, "one node at a time"
        status = region.status(EXPORTER)
        assert status["observedGeneration"] == changed["metadata"]["generation"]
        assert status["desiredNumberScheduled"] == 6
        return status.get("updatedNumberScheduled") == status["numberReady"] == 6

    region.until(done)
    alive = region.pods(EXPORTER)
    assert sorted(pod["spec"]["nodeName"] for pod in alive) == sorted(node_names(R1))
    assert all(map(restarted, alive))
    assert "numberUnavailable" not in region.status(EXPORTER)


def test_a_daemon_set_follows_the_nodes():
    region = Region()
    node = region.store.get("nodes", "", node_names(R1)[0])
    node["metadata"] = {"name": "extra"}
    region.store.create("nodes", node)
    region.step(10)
    assert region.status(EXPORTER)["numberReady"] == 7
    region.store.delete("nodes", "", "extra")
    region.step(10)
    assert region.status(EXPORTER)["desiredNumberScheduled"] == region.status(EXPORTER)["numberReady"] == 6
    assert len(region.pods(EXPORTER)) == 6


@given(
    st.integers(0, 12),
    st.integers(0, 4) | st.integers(0, 100).map("{}%".format),
    st.integers(0, 4) | st.integers(0, 100).map("{}%".format),
)
def test_a_rollout_may_always_move_by_one_pod(replicas: int, surge: int | str, missing: int | str):
    rolling = {"maxSurge": surge, "maxUnavailable": missing}
    found = limits({"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}})
    assert all(number >= 0 for number in found) and sum(found) >= 1


@given(st.integers(0, 4000), st.integers(0, 999))
def test_moments_end_now_and_never_go_back_further_than_the_catch_up(seconds: int, millis: int):
    since = datetime(2026, 11, 23, tzinfo=UTC)
    now = since + timedelta(seconds=seconds, milliseconds=millis)
    found = list(moments(since, now))
    assert found[-1] == now and found == sorted(found)
    assert all(at > max(since, now - CATCH_UP) for at in found[:-1])
    assert len(found) <= CATCH_UP.total_seconds() + 1


async def test_a_restart_over_the_wire_is_rolled_out_by_the_labs_clock(here: Running):
    path = "/apis/apps/v1/namespaces/acme-prod/deployments/checkout"
    query = {"fieldManager": "openova-console", "fieldValidation": "Strict"}
    token = here.lab.folder.secret(f"{R1}-kubernetes-actor.token")
    async with here.http(f"{R1}/kubernetes", token=token) as actor:
        found = (await actor.get(path)).json()
        stamp = "2026-11-23T14:00:00Z"
        change = {
            "metadata": {
                "resourceVersion": found["metadata"]["resourceVersion"],
                "annotations": {"openova.io/operation": "op-1"},
            },
            "spec": {"template": {"metadata": {"annotations": {RESTARTED: stamp}}}},
        }
        merge = {"Content-Type": "application/merge-patch+json"}
        answer = await actor.patch(path, params=query, json=change, headers=merge)
        assert answer.status_code == 200
        assert answer.json()["metadata"]["generation"] == found["metadata"]["generation"] + 1
        await here.lab.advance(60)
        done = (await actor.get(path)).json()
        selector = {"labelSelector": "app.kubernetes.io/name=checkout"}
        listed = (await actor.get("/api/v1/namespaces/acme-prod/pods", params=selector)).json()["items"]
    assert done["status"]["observedGeneration"] == done["metadata"]["generation"]
    assert done["metadata"]["annotations"]["openova.io/operation"] == "op-1"
    assert [restarted(pod) for pod in listed] == [stamp] * 3 and all(map(ready, listed))


async def test_a_broken_release_stays_broken_until_it_is_restarted(here: Running):
    await here.go("alert_storm", 60)
    store = here.lab.regions[R1].store
    broken = [d for d in store.list(DEPLOYMENTS) if conditions(d["status"]).get("Available", ("",))[0] == "False"]
    assert len(broken) == 6
    name = broken[0]["metadata"]["name"]
    annotations = {RESTARTED: "2026-11-23T14:00:00Z"}
    store.patch(
        DEPLOYMENTS, broken[0]["metadata"]["namespace"], name, {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    )
    await here.lab.advance(60)
    assert conditions(store.get(DEPLOYMENTS, broken[0]["metadata"]["namespace"], name)["status"]) == DONE
    await here.go("healthy", 60)
    for deployment in store.list(DEPLOYMENTS):
        assert conditions(deployment["status"]) == DONE, deployment["metadata"]["name"]


async def test_the_consoles_copy_follows_a_rollout(here: Running):
    settings = console_settings.load(here.path / "console.yaml")
    snapshots = SnapshotStore()
    collector = KubernetesCollector(settings.regions[0], settings, snapshots)
    changed = asyncio.Event()
    snapshots.listen(changed.set)

    def word() -> str:
        found = snapshots.current.kube.get((R1, "workloads"))
        row = found.value[("Deployment", "acme-prod", "checkout")] if found is not None and found.value else None
        return row.word if isinstance(row, Workload) else ""

    async def until(wanted: str) -> None:
        while word() != wanted:
            changed.clear()
            await changed.wait()

    try:
        await collector.read()
        await asyncio.wait_for(until("Available"), 10)
        annotations = {RESTARTED: "2026-11-23T14:00:00Z"}
        template = {"metadata": {"annotations": annotations}}
        here.lab.regions[R1].store.patch(*CHECKOUT, {"spec": {"template": template}})
        await asyncio.wait_for(until("Progressing 0 of 3"), 10)
        await here.lab.advance(3)
        await asyncio.wait_for(until("Progressing 1 of 3"), 10)
        await here.lab.advance(60)
        await asyncio.wait_for(until("Available"), 10)
        objects = Objects({R1: collector}, {R1: "Region 1"})
        for kind in ("deployments.apps", "statefulsets.apps", "daemonsets.apps"):
            found, _ = objects.listing(R1, kind)
            assert found and {item.word for item in found} == {"Available"}
    finally:
        await collector.close()
