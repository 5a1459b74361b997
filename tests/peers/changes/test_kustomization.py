"""Suspend and resume against the real kustomize-controller: what it applies, what it leaves alone, what it says of it.

Flux downloads, builds, applies and corrects; only the source's status is written by the test (see `servers/flux.py`).
"""

from typing import Any

import pytest

from openova_console.operations.kinds.restart import RESTARTED_AT
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.systems import kinds
from tests.peers.changes.asking import LIMIT_S, Writes, approved, kustomization, of_deployment, restart
from tests.peers.changes.platform import SHOP, RegionServers, workload_document
from tests.peers.servers.flux import NAMESPACE, SOURCE
from tests.support.engines import Bench

SUSPEND, RESUME = "suspend-kustomization", "resume-kustomization"
ASKS = State.PAUSED_BY_FAILED_STEP
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40


def settings_map(name: str, colour: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SHOP}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"colour": colour}}


def tree(name: str, colour: str) -> dict[str, Any]:
    """The files below a path of the Kustomization's own."""
    return {
        f"{name}/kustomization.yaml": {"resources": ["settings.yaml"]},
        f"{name}/settings.yaml": settings_map(name, colour),
    }


def document(name: str) -> dict[str, Any]:
    spec = {"interval": "1h", "path": f"./{name}", "prune": True, "sourceRef": {"kind": "GitRepository", "name": SOURCE}}
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def colour(region: RegionServers, name: str) -> str:
    return str(region.api.get(kinds.CONFIG_MAPS, SHOP, name).get("data", {}).get("colour", ""))


def status(region: RegionServers, name: str) -> dict[str, Any]:
    found: dict[str, Any] = region.api.get(kinds.KUSTOMIZATIONS, NAMESPACE, name).get("status") or {}
    return found


def ready(region: RegionServers, name: str) -> str:
    conditions = status(region, name).get("conditions") or []
    return next((c["status"] for c in conditions if c["type"] == "Ready"), "")


async def applied(bench: Bench, region: RegionServers, name: str) -> None:
    """Flux has taken the Kustomization up."""
    if not region.api.get(kinds.CONFIG_MAPS, SHOP, f"{name}-namespace"):
        region.api.apply(kinds.CONFIG_MAPS, {"metadata": {"name": f"{name}-namespace", "namespace": SHOP}})
    region.source.push(FIRST, tree(name, "red"))
    region.api.apply(kinds.KUSTOMIZATIONS, document(name))
    await bench.when(
        lambda: ready(region, name) == "True" and colour(region, name) == "red", lambda: region.flux.last_words(), LIMIT_S
    )


async def ended(bench: Bench, kind: str, name: str, key: str, *states: State):
    row = await approved(bench, kind, kustomization(name), key=key)
    return await bench.until(row.id, *states, limit_s=LIMIT_S)


async def test_suspended_it_is_left_alone_and_resumed_the_newest_revision_is_applied(bench: Bench, region: RegionServers):
    await applied(bench, region, "paint")
    writes = Writes(region, kinds.KUSTOMIZATIONS, NAMESPACE, "paint")
    suspended = await ended(bench, SUSPEND, "paint", "k1")
    assert suspended.state == State.COMPLETED and "is suspended" in suspended.sentence

    newest = region.source.push(SECOND, tree("paint", "blue"))
    region.api.merge(kinds.CONFIG_MAPS, SHOP, "paint", {"data": {"colour": "green"}})
    # Flux writes a request down even then: it has seen it, and has applied nothing.
    asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
    region.api.merge(kinds.KUSTOMIZATIONS, NAMESPACE, "paint", asked)
    await bench.when(lambda: status(region, "paint").get("lastHandledReconcileAt") == "now", limit_s=LIMIT_S)
    assert colour(region, "paint") == "green" and ready(region, "paint") == "True", "Ready stays as it was"
    assert status(region, "paint")["lastAppliedRevision"].endswith(FIRST)

    resumed = await ended(bench, RESUME, "paint", "k2")
    assert resumed.state == State.COMPLETED, f"{resumed.sentence}\n{region.flux.last_words()}"
    assert resumed.sentence == f"{newest} is applied"
    assert (status(region, "paint")["lastAppliedRevision"], colour(region, "paint")) == (newest, "blue")
    assert (writes.specs, writes.sent, writes.mark) == (2, 2, resumed.id)


async def test_a_resume_that_flux_cannot_apply_asks_and_says_why(bench: Bench, region: RegionServers):
    await applied(bench, region, "broken")
    assert (await ended(bench, SUSPEND, "broken", "k1")).state == State.COMPLETED
    region.source.push(SECOND, {"broken/kustomization.yaml": {"resources": ["missing.yaml"]}})
    asked = await ended(bench, RESUME, "broken", "k2", ASKS)
    assert asked.sentence.endswith("Flux could not apply it (BuildFailed)")
    assert colour(region, "broken") == "red"


async def reconciled(bench: Bench, region: RegionServers, name: str, word: str) -> None:
    """Flux has gone through it once more."""
    asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": word}}}
    region.api.merge(kinds.KUSTOMIZATIONS, NAMESPACE, name, asked)
    await bench.when(lambda: status(region, name).get("lastHandledReconcileAt") == word, limit_s=LIMIT_S)
    await bench.when(lambda: ready(region, name) == "True", limit_s=LIMIT_S)


async def test_flux_lets_a_restart_of_what_it_applies_stand(bench: Bench, region: RegionServers):
    """The annotation that makes new pods belongs to the console, not to Git: Flux corrects what is its own, and nothing else."""
    region.api.apply(kinds.CONFIG_MAPS, {"metadata": {"name": "any", "namespace": SHOP}})
    files = {"owned/kustomization.yaml": {"resources": ["web.yaml"]}, "owned/web.yaml": workload_document("owned")}
    region.source.push(THIRD, files)
    region.api.apply(kinds.KUSTOMIZATIONS, document("owned"))
    await bench.when(lambda: len(region.ready_pods("owned")) == 2, lambda: region.flux.last_words(), LIMIT_S)
    row = await approved(bench, "restart-workload", restart("owned"))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    writes = of_deployment(region, "owned")
    at = writes.now["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT]
    region.api.merge(kinds.DEPLOYMENTS, SHOP, "owned", {"spec": {"replicas": 3}})
    await reconciled(bench, region, "owned", "after the restart")
    assert writes.now["spec"]["replicas"] == 2, "Flux has corrected what Git says"
    await bench.when(lambda: len(region.ready_pods("owned")) == 2, limit_s=LIMIT_S)
    assert {pod["metadata"]["annotations"][RESTARTED_AT] for pod in region.ready_pods("owned").values()} == {at}
    assert writes.now["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] == at and writes.mark == row.id


async def test_what_a_parent_applies_is_refused_because_the_parent_would_put_it_back(bench: Bench, region: RegionServers):
    """The labels by which the parent is known are those that the real controller writes."""
    child = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", **document("child")}
    child["spec"]["suspend"] = False
    files = {"parent/kustomization.yaml": {"resources": ["child.yaml"]}, "parent/child.yaml": child, **tree("child", "red")}
    region.api.apply(kinds.CONFIG_MAPS, {"metadata": {"name": "any", "namespace": SHOP}})
    region.source.push(THIRD, files)
    region.api.apply(kinds.KUSTOMIZATIONS, document("parent"))
    await bench.when(lambda: ready(region, "child") == "True", lambda: region.flux.last_words(), LIMIT_S)
    with pytest.raises(Refused, match="Kustomization flux-system/parent, and would undo the change"):
        await bench.ask(SUSPEND, kustomization("child"))
    assert (await ended(bench, SUSPEND, "parent", "k2")).state == State.COMPLETED
    assert (await ended(bench, SUSPEND, "child", "k3")).state == State.COMPLETED
    # Once the parent applies again, Git has the last word: the child is not suspended any more.
    assert (await ended(bench, RESUME, "parent", "k4")).state == State.COMPLETED
    assert not region.api.get(kinds.KUSTOMIZATIONS, NAMESPACE, "child")["spec"].get("suspend")


async def test_a_parent_whose_git_says_nothing_of_suspend_leaves_it_alone(bench: Bench, region: RegionServers):
    """More careful than Flux: what a parent applies is refused all the same, since Git may say so with the next commit."""
    child = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", **document("quiet")}
    files = {"elder/kustomization.yaml": {"resources": ["child.yaml"]}, "elder/child.yaml": child, **tree("quiet", "red")}
    region.api.apply(kinds.CONFIG_MAPS, {"metadata": {"name": "any", "namespace": SHOP}})
    region.source.push(THIRD, files)
    region.api.apply(kinds.KUSTOMIZATIONS, document("elder"))
    await bench.when(lambda: ready(region, "quiet") == "True", lambda: region.flux.last_words(), LIMIT_S)
    assert (await ended(bench, SUSPEND, "elder", "k1")).state == State.COMPLETED
    assert (await ended(bench, SUSPEND, "quiet", "k2")).state == State.COMPLETED
    assert (await ended(bench, RESUME, "elder", "k3")).state == State.COMPLETED
    await reconciled(bench, region, "elder", "once more")
    assert region.api.get(kinds.KUSTOMIZATIONS, NAMESPACE, "quiet")["spec"]["suspend"] is True
    with pytest.raises(Refused, match="would undo the change"):
        await bench.ask(RESUME, kustomization("quiet"), key="k4")
