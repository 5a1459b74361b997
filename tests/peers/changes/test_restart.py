"""A restart on real API servers: the real controllers replace the pods, and the run says what came of it."""

import pytest

from openova_console.operations.kinds.restart import RESTARTED_AT
from openova_console.operations.words import State, StepState
from openova_console.store.audit_file import verify_database
from openova_console.systems import kinds
from tests.peers.changes.asking import LIMIT_S, approved, of_deployment, restart
from tests.peers.changes.platform import SHOP, Platform, RegionServers
from tests.support.engines import Bench

EVENTS = [
    "operation.requested",
    "approval.given",
    "operation.approved",
    "operation.running",
    "write.sending",
    "write.answered",
    "step.done",
    "step.done",
    "operation.completed",
]


@pytest.mark.parametrize("workload", ["Deployment", "StatefulSet", "DaemonSet"])
async def test_every_pod_is_replaced_and_ready(bench: Bench, region: RegionServers, workload: str):
    name = f"whole-{workload.lower()}"
    region.deploy(name, workload=workload, replicas=3)
    before = region.ready_pods(name)
    row = await approved(bench, "restart-workload", restart(name, workload=workload))
    ended = await bench.until(row.id, limit_s=LIMIT_S)
    assert ended.state == State.COMPLETED, f"{ended.sentence}\n{region.last_words()}"
    after = region.ready_pods(name)
    assert len(after) == len(before) and not set(after) & set(before), "an old pod still runs"
    assert {pod["metadata"]["annotations"].get(RESTARTED_AT) for pod in after.values()} != {None}
    assert ended.sentence == f"{len(after)} of {len(after)} new pods are ready"


async def test_one_write_is_in_the_books_and_in_both_regions(bench: Bench, platform: Platform, region: RegionServers):
    region.deploy("sealed")
    writes = of_deployment(region, "sealed")
    row = await approved(bench, "restart-workload", restart("sealed"))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)
    assert "openova-console" in writes.managers
    assert bench.events(row.id) == EVENTS
    assert [step.state for step in bench.steps(row.id)] == [StepState.DONE, StepState.DONE]
    asked, answered = bench.steps(row.id)[0].request, bench.steps(row.id)[0].answer
    assert "PATCH /apis/apps/v1/namespaces/shop/deployments/sealed" in asked and '"resourceVersion"' in asked
    assert RESTARTED_AT in answered
    verified = verify_database(bench.database)
    assert verified.ok, verified
    head = ("openova-console", "openova-audit-head-region-1")
    await bench.when(lambda: all(r.api.get(kinds.CONFIG_MAPS, *head) for r in platform.regions.values()), limit_s=LIMIT_S)


async def test_a_rollout_that_hangs_is_told_as_it_stands(bench: Bench, region: RegionServers):
    """The new pods wait for a node that is not there: the run waits with them, and a person may stop it."""
    region.deploy("hangs")
    before = region.ready_pods("hangs")
    region.api.merge(kinds.DEPLOYMENTS, SHOP, "hangs", {"spec": {"paused": True}})
    region.api.merge(kinds.DEPLOYMENTS, SHOP, "hangs", {"spec": {"template": {"spec": {"nodeName": "nowhere"}}}})
    region.api.merge(kinds.DEPLOYMENTS, SHOP, "hangs", {"spec": {"paused": False}})
    row = await approved(bench, "restart-workload", restart("hangs"))
    await bench.when(
        lambda: bench.steps(row.id)[1].sentence == "0 of 2 new pods are ready, 2 old still run",
        lambda: bench.steps(row.id)[1].sentence,
        LIMIT_S,
    )
    await bench.engine.steering.steer(row.id, bench.person("olga"), "abort", reason="the node is missing")
    ended = await bench.until(row.id, limit_s=LIMIT_S)
    assert ended.state == State.CANCELLED and set(region.ready_pods("hangs")) == set(before)


async def test_the_same_name_in_the_other_region_is_another_object(bench: Bench, region: RegionServers, standby: RegionServers):
    region.deploy("twin")
    standby.deploy("twin")
    here, there = of_deployment(region, "twin"), of_deployment(standby, "twin")
    row = await approved(bench, "restart-workload", restart("twin", region="region-2"))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert (here.specs, here.mark) == (0, "") and (there.specs, there.mark) == (1, row.id)
