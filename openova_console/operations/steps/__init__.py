"""The steps' handlers, by the `action` that plans name."""

from collections.abc import Mapping

from openova_console.operations.clusters import Clusters
from openova_console.operations.steps.base import Acted, Checked, Handler, Verified
from openova_console.operations.steps.flux import Applied, Suspended
from openova_console.operations.steps.kubernetes import Patch, Rollout

__all__ = ["Acted", "Checked", "Handler", "Verified", "handlers"]


def handlers(clusters: Clusters) -> Mapping[str, Handler]:
    """Every handler. A stored plan that names none of these cannot run here and asks a person."""
    return {
        "kubernetes.patch": Patch(clusters),
        "kubernetes.rollout": Rollout(clusters),
        "flux.suspended": Suspended(clusters),
        "flux.applied": Applied(clusters),
    }
