"""What is wrong with an endpoint right now: the scenario's faults, and on top of them those set by hand.

A fault is written as text: `up`, `refuse`, `freeze`, `slow:6`, `garbage:html`, and for a witness `answers:servfail`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import ENDPOINTS, WITNESSES

GARBAGE: Final = ("wrong_type", "truncated", "html", "huge", "drip", "bad_tls")
ANSWERS: Final = (
    "servfail",
    "refused",
    "nxdomain",
    "silent",
    "stale",
    "serve_stale",
    "forged",
    "empty",
    "truncate",
    "late",
    "wrong_id",
    "honest",
)


class FaultError(Exception):
    """A fault that does not exist, or not for this endpoint."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One endpoint's state.

    Attributes:
        kind: `up`; `refuse` closes the listener and resets its connections; `freeze` keeps them open and moves no byte;
            `slow` answers after `seconds`; `garbage` answers with what `detail` says; `answers` makes a witness lie so.
    """

    kind: str = "up"
    seconds: float = 0.0
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read a fault as written above. Raises `FaultError` with the sentence that says what exists."""
        kind, _, detail = text.partition(":")
        if kind in ("up", "refuse", "freeze") and not detail:
            return cls(kind)
        if kind == "slow":
            try:
                seconds = float(detail)
            except ValueError:
                seconds = -1.0
            if 0 < seconds <= 600:
                return cls("slow", seconds)
        if (kind == "garbage" and detail in GARBAGE) or (kind == "answers" and detail in ANSWERS):
            return cls(kind, detail=detail)
        raise FaultError(
            f"{text!r} is not a state; there are: up, refuse, freeze, slow:SECONDS, garbage:KIND ({', '.join(GARBAGE)}) "
            f"and, for a witness, answers:KIND ({', '.join(ANSWERS)})"
        )

    def __str__(self) -> str:
        if self.kind == "slow":
            return f"slow:{self.seconds:g}"
        return f"{self.kind}:{self.detail}" if self.detail else self.kind


UP: Final = Fault()


class Faults:
    """Every endpoint's state."""

    def __init__(self) -> None:
        self._scenario: dict[str, Fault] = {}
        self._by_hand: dict[str, Fault] = {}

    def state(self, endpoint: str) -> Fault:
        """What is wrong with `endpoint`; what was set by hand wins over the scenario."""
        return self._by_hand.get(endpoint) or self._scenario.get(endpoint, UP)

    def by_hand(self, endpoint: str) -> Fault:
        """What was set by hand alone."""
        return self._by_hand.get(endpoint, UP)

    def all(self) -> dict[str, str]:
        """Every endpoint's state as text."""
        return {endpoint: str(self.state(endpoint)) for endpoint in ENDPOINTS}

    def set_scenario(self, faults: Mapping[str, Fault]) -> None:
        """Replace the scenario's faults, and forget those set by hand: a scenario starts from a known state."""
        self._scenario = dict(faults)
        self._by_hand = {}

    def set(self, endpoint: str, fault: Fault) -> None:
        """Set one endpoint's state by hand. Raises `FaultError` when there is no such endpoint, or not that state."""
        if endpoint not in ENDPOINTS:
            raise FaultError(f"{endpoint!r} is not an endpoint; there are: {', '.join(ENDPOINTS)}")
        if fault.kind == "answers" and endpoint not in WITNESSES:
            raise FaultError(f"answers:{fault.detail} is for a witness; {endpoint} is none")
        self._by_hand[endpoint] = fault
