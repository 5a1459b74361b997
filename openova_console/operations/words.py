"""The words of the engine: states of operations and steps, and what a guard can answer.

Architecture, "Words": draft → pending_approval → approved → running → (paused…) → verifying → an end.
"""

from enum import StrEnum


class State(StrEnum):
    """Where an operation stands."""

    DRAFT = "draft"
    PENDING = "pending_approval"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED_BY_FAILED_STEP = "paused_by_failed_step"
    PAUSED_BY_OPERATOR = "paused_by_operator"
    PAUSED_BY_RECOVERY = "paused_by_recovery"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    COMPLETED_WITH_EXCEPTIONS = "completed_with_exceptions"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    VOIDED = "voided"

    @property
    def paused(self) -> bool:
        """Whether a person is asked to go on."""
        return self in PAUSED

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in ENDED


PAUSED = frozenset({State.PAUSED_BY_FAILED_STEP, State.PAUSED_BY_OPERATOR, State.PAUSED_BY_RECOVERY})
ENDED = frozenset({State.COMPLETED, State.COMPLETED_WITH_EXCEPTIONS, State.FAILED, State.CANCELLED, State.EXPIRED, State.VOIDED})
IN_FLIGHT = frozenset({State.APPROVED, State.RUNNING, State.VERIFYING}) | PAUSED
"""States in which an operation holds its lane."""


class StepState(StrEnum):
    """Where one step stands. `UNKNOWN`: its outcome could not be observed, and a person is asked."""

    PLANNED = "planned"
    CHECKING = "checking"
    ACTING = "acting"
    VERIFYING = "verifying"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Answer(StrEnum):
    """What a guard answers. `HOLD` may clear by itself; `BLOCK` needs somebody to change something."""

    ALLOW = "allow"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 is best."""
        return ("allow", "hold", "block").index(self.value)
