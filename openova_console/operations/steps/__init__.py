"""The steps' handlers, by the `action` that plans name."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Engine as Database

from openova_console.operations.clusters import Clusters
from openova_console.operations.steps.base import Acted, Checked, Handler, Verified
from openova_console.operations.steps.console import ConsoleStep
from openova_console.operations.steps.console_changes import CHANGES
from openova_console.operations.steps.flux import Applied, Suspended
from openova_console.operations.steps.kubernetes import Patch, Rollout

__all__ = ["Acted", "Checked", "Handler", "Verified", "handlers"]


def handlers(clusters: Clusters, database: Database, *, key: bytes, now: Callable[[], datetime]) -> Mapping[str, Handler]:
    """Every handler. A stored plan that names none of these cannot run here and asks a person.

    Args:
        database: the console's own, which some steps change.
        key: signs what later has to prove that people approved it.
    """
    return {
        "kubernetes.patch": Patch(clusters),
        "kubernetes.rollout": Rollout(clusters),
        "flux.suspended": Suspended(clusters),
        "flux.applied": Applied(clusters),
        **{action: ConsoleStep(database, change, key=key, now=now) for action, change in CHANGES.items()},
    }
