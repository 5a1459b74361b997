"""What a step's handler does: check, act, landed, verify. Handlers speak with systems; the executor keeps the books."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from openova_console.operations.plan import Step
from openova_console.systems.permit import Permit


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found right before the write.

    Attributes:
        found: "ready" to act; "done" when the write has landed already; "drifted" when a field that the plan relies on changed.
        version: what `act` has to pass as its precondition.
        sentence: for a person, with the field that drifted.
    """

    found: Literal["ready", "done", "drifted"]
    version: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Acted:
    """What was sent and what came back, both redacted and short."""

    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying found: "yes", "not yet", or "no" (it will not come by waiting)."""

    found: Literal["yes", "not yet", "no"]
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)


class Handler(Protocol):
    """One kind of step."""

    async def check(self, step: Step) -> Checked:
        """Re-read, compare what the plan relies on. Raises `Fault`."""
        ...

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        """Send exactly the write of the plan. Raises `Fault`; after `Unreachable` with `sent` the outcome is unknown."""
        ...

    async def landed(self, step: Step) -> bool | None:
        """Whether the write is seen to have been made; None when that cannot be seen. Never raises `Fault`."""
        ...

    async def verify(self, step: Step) -> Verified:
        """Whether what the step is for has come about. Raises `Fault`."""
        ...


class Looking:
    """What handlers share that only look: there is nothing to check, to send or to have landed."""

    async def check(self, step: Step) -> Checked:
        return Checked("ready")

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        return Acted("", "")

    async def landed(self, step: Step) -> bool | None:
        return True
