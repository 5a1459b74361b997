"""What a guard is: a named pure rule over evidence that answers allow, hold or block, and says what clears it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence
from openova_console.operations.plan import Data
from openova_console.operations.words import Answer


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked for, as guards see it.

    Attributes:
        kind, verb: of the operation, e.g. "restart-workload", "restart".
        region: the region that it changes; "" for the console itself.
        resource: what in it, e.g. "deployments.apps/shop/checkout".
        objects: keys of the objects that the plan relies on (`ObjectRef.key`).
        regions: every region that is written to.
        operation_id: of the operation itself, so that it does not get in its own way; "" before there is one.
        params: as parsed.
        now: UTC.
    """

    kind: str
    verb: str
    region: str
    resource: str
    now: datetime
    objects: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    operation_id: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


class Ruling(Data):
    """What a guard said. `clears` tells what would change its answer; empty when it allows."""

    guard: str
    answer: Answer
    sentence: str
    clears: str = ""
    overridden: bool = False


ALWAYS = "at the request, at every approval, when the run begins, and before every write"


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Attributes:
        id: stable word, e.g. "freeze".
        sentence: what it protects, for the catalogue.
        inputs: evidence keys (or their beginnings) that it reads.
        clears: what clears it, in general.
        override: the role that may set it aside; None when nobody may.
        rule: the pure function; gives answer and sentence.
        judged: when it is applied.
    """

    id: str
    sentence: str
    inputs: tuple[str, ...]
    clears: str
    override: Role | None
    rule: Callable[[Subject, Evidence], tuple[Answer, str]]
    judged: str = ALWAYS

    def judge(self, subject: Subject, evidence: Evidence) -> Ruling:
        """Apply the rule."""
        answer, sentence = self.rule(subject, evidence)
        clears = "" if answer is Answer.ALLOW else self.clears
        return Ruling(guard=self.id, answer=answer, sentence=sentence, clears=clears)


def allow(sentence: str) -> tuple[Answer, str]:
    return Answer.ALLOW, sentence


def hold(sentence: str) -> tuple[Answer, str]:
    return Answer.HOLD, sentence


def block(sentence: str) -> tuple[Answer, str]:
    return Answer.BLOCK, sentence
