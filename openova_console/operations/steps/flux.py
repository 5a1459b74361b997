"""Steps that verify what Flux does with a Kustomization. They write nothing."""

from collections.abc import Mapping
from typing import Any

from openova_console.operations.clusters import Clusters
from openova_console.operations.plan import ObjectRef, Step
from openova_console.operations.pointer import value_at
from openova_console.operations.steps.base import Looking, Verified
from openova_console.operations.steps.kubernetes import object_of
from openova_console.systems import kinds
from openova_console.systems.conditions import condition


class _FluxLook(Looking):
    """A look at one Kustomization."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    async def _read(self, wanted: ObjectRef) -> Mapping[str, Any]:
        api = await self._clusters.of(wanted.region)
        return (await api.get(wanted.resource, wanted.namespace, wanted.name)).body


class Suspended(_FluxLook):
    """`flux.suspended`: it is suspended, and nobody has put that back."""

    async def verify(self, step: Step) -> Verified:
        found = await self._read(object_of(step))
        if value_at(found, "/spec/suspend") is True:
            return Verified("yes", "It is suspended: Flux applies nothing there until it is resumed")
        return Verified("no", "It is not suspended any more: somebody, or Git, has put it back")


class Applied(_FluxLook):
    """`flux.applied`: the source's newest revision is applied and ready."""

    async def verify(self, step: Step) -> Verified:
        wanted = object_of(step)
        found = await self._read(wanted)
        source = step.arguments["source"]
        if source["kind"] != "GitRepository":
            return judge_applied(found, None)
        place = ObjectRef.of(wanted.region, kinds.GIT_REPOSITORIES, source["namespace"], source["name"])
        return judge_applied(found, str(value_at(await self._read(place), "/status/artifact/revision") or ""))


def judge_applied(kustomization: Mapping[str, Any], newest: str | None) -> Verified:
    """Whether a Kustomization has applied the newest revision of its source.

    Args:
        newest: the source's revision; "" when the source has none, which proves nothing; None when the source is of a kind that
            is not read: then the last attempt has to have been applied.
    """
    if value_at(kustomization, "/spec/suspend") is True:
        return Verified("no", "It is suspended again")
    status = kustomization.get("status") or {}
    generation = value_at(kustomization, "/metadata/generation")
    ready = condition("Flux", kustomization, "Ready")
    # A failure leaves the status' own observedGeneration behind: only the condition tells what it is about.
    if ready is not None and ready.status == "False" and ready.observed_generation == generation:
        if ready.reason == "DependencyNotReady":
            return Verified("not yet", "Flux waits for what this depends on")
        return Verified("no", f"Flux could not apply it ({ready.reason})")
    if ready is None or status.get("observedGeneration") != generation:
        return Verified("not yet", "Flux has not seen the change yet")
    applied = status.get("lastAppliedRevision") or ""
    if newest is None:
        newest = str(status.get("lastAttemptedRevision") or "")
    if ready.status == "True" and applied and applied == newest:
        return Verified("yes", f"{applied} is applied", {"revision": applied})
    return Verified("not yet", f"{applied or 'Nothing'} is applied, {newest or 'an unknown revision'} is the newest")
