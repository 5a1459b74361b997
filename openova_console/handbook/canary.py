"""What a Flagger Canary is and says: its plan (`spec.analysis`), its status, and the weights of its HTTPRoute.

Facts only; `delivery` judges them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

TOTAL = 100
"""The weights of a route under Flagger sum to this."""


class Phase(StrEnum):
    """`status.phase`, as Flagger spells it."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


RUNNING = frozenset({Phase.WAITING, Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FINALISING})
"""A release is on its way."""
RESTING = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FINALISING, Phase.WAITING})
"""All traffic belongs to the primary."""

WORDS = {
    Phase.INITIALIZING: "Being set up",
    Phase.INITIALIZED: "Ready",
    Phase.WAITING: "Waits for approval",
    Phase.PROGRESSING: "Progressing",
    Phase.WAITING_PROMOTION: "Waits to be promoted",
    Phase.PROMOTING: "Promoting",
    Phase.FINALISING: "Finalising",
    Phase.SUCCEEDED: "Succeeded",
    Phase.FAILED: "Failed",
    Phase.TERMINATING: "Being removed",
    Phase.TERMINATED: "Removed",
}

Strategy = Literal["canary", "a/b", "blue/green"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What one metric of the analysis must stay within.

    Attributes:
        name: as the analysis calls it.
        minimum, maximum: in the metric's own unit (`request-success-rate` %, `request-duration` ms); None where open.
        window_s: seconds over which one check looks back.
    """

    name: str
    minimum: float | None
    maximum: float | None
    window_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How a release is to go (`spec.analysis`).

    Attributes:
        interval_s: seconds between two ticks, at least 10 whatever is written.
        threshold: failed checks that end the release.
        weights: the shares of traffic that it takes in turn, rising; empty when it counts iterations instead.
        iterations: checks to pass (a/b and blue/green); 0 for weights.
        promotion_step: share that goes back per tick when promoted; 0: all at once.
        mirror: traffic is mirrored for one tick before the first share.
        bounds: metrics that are checked.
        checks: number of webhooks that are asked like a metric.
        gates: kinds of webhooks that a release can wait at, e.g. "confirm-promotion".
        skip: promoted without analysis.
    """

    strategy: Strategy
    interval_s: float
    threshold: int
    weights: tuple[int, ...]
    iterations: int
    promotion_step: int
    mirror: bool
    bounds: tuple[Bound, ...]
    checks: int
    gates: frozenset[str]
    skip: bool

    @property
    def top(self) -> int:
        """The greatest share of traffic before promotion, in percent."""
        return self.weights[-1] if self.weights else TOTAL


@dataclass(frozen=True, slots=True)
class Route:
    """How the HTTPRoute divides the traffic.

    Attributes:
        canary: percent to the canary; None when it cannot be told, and `problem` says why.
        problem: what is wrong with it, as the end of a sentence; empty when nothing is.
        behind: a gateway still serves an older state of it.
    """

    canary: int | None
    problem: str = ""
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Canary:
    """One Canary of one region.

    Attributes:
        phase: `status.phase` as written; empty before Flagger has seen it.
        deadline_s: `spec.progressDeadlineSeconds`.
        status_weight, failed, iterations: `status.canaryWeight`, `.failedChecks`, `.iterations`.
        moved_at: `status.lastTransitionTime`.
        since: when the condition Promoted last changed its reason: the start of the present phase.
        message: what the condition Promoted says.
        applied, promoted: hashes of the newest revision and of the one that serves.
        route: the HTTPRoute's weights; None when the provider has no HTTPRoute.
    """

    namespace: str
    name: str
    target: str
    phase: str
    suspended: bool
    plan: Plan
    deadline_s: float
    status_weight: int
    failed: int
    iterations: int
    moved_at: datetime | None
    since: datetime | None
    message: str
    applied: str
    promoted: str
    route: Route | None
