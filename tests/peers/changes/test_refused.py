"""What the API server does not allow: refused with the missing right in the sentence, and nothing written."""

from pathlib import Path

import pytest

from openova_console.operations.requests import Refused
from openova_console.operations.rights import READER
from openova_console.operations.words import State, StepState
from openova_console.systems.kinds import Resource
from tests.peers.changes.asking import LIMIT_S, approved, go_on, of_deployment, restart
from tests.peers.changes.platform import Platform, RegionServers
from tests.support.engines import engine_on

ASKS = State.PAUSED_BY_FAILED_STEP
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)


async def test_who_may_see_nothing_cannot_even_ask(platform: Platform, region: RegionServers, tmp_path: Path):
    region.deploy("hidden")
    writes = of_deployment(region, "hidden")
    async with engine_on(platform.write_config("viewer.yaml", actor="viewer"), tmp_path) as bench:
        with pytest.raises(Refused, match=r"403.*get deployments\.apps in shop") as caught:
            await bench.ask("restart-workload", restart("hidden"))
    assert "viewer-region-1" not in str(caught.value), "the token is in the sentence"
    assert (writes.specs, writes.mark, writes.sent) == (0, "", 0)


async def test_who_may_only_look_gets_no_further_than_the_write(platform: Platform, region: RegionServers, tmp_path: Path):
    """The reader sees Deployments and may change none; when the right is there a person lets the run go on."""
    region.deploy("seen")
    writes = of_deployment(region, "seen")
    async with engine_on(platform.write_config("reader.yaml", actor=READER), tmp_path, other_console=False) as bench:
        row = await approved(bench, "restart-workload", restart("seen"))
        asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
        assert "403" in asked.sentence and "patch deployments.apps in shop" in asked.sentence
        assert bench.steps(row.id)[0].state == StepState.FAILED and "write.refused" in bench.events(row.id)
        assert (writes.specs, writes.mark, writes.sent) == (0, "", 1)

        rules = [
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        ]
        region.api.apply(CLUSTER_ROLES, {"metadata": {"name": "given"}, "rules": rules})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "given"}
        account = {"kind": "ServiceAccount", "name": READER, "namespace": "openova-console"}
        region.api.apply(BINDINGS, {"metadata": {"name": "given"}, "roleRef": role, "subjects": [account]})
        try:
            await bench.when(lambda: _may_patch(region), limit_s=LIMIT_S)
            await go_on(bench, row, "the right is given")
            assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
        finally:
            region.api.delete(BINDINGS, None, "given")
        assert (writes.specs, writes.mark) == (1, row.id)


def _may_patch(region: RegionServers) -> bool:
    asked = {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": "shop"}
    return region.api.allows(f"system:serviceaccount:openova-console:{READER}", asked)


async def test_a_stolen_or_old_token_is_named(platform: Platform, region: RegionServers, tmp_path: Path):
    region.deploy("stale")
    writes = of_deployment(region, "stale")
    for one in platform.regions.values():
        one.tokens["nobody"] = tmp_path / f"{one.id}.token"
        one.tokens["nobody"].write_text("stolen\n")
    async with engine_on(platform.write_config("nobody.yaml", actor="nobody"), tmp_path) as bench:
        with pytest.raises(Refused, match=r"401.*check its token"):
            await bench.ask("restart-workload", restart("stale"))
    assert (writes.specs, writes.mark, writes.sent) == (0, "", 0)
