"""What one kind of operation is: its parameters, its plan, its guards, its policy, and what it needs of the platform.

A kind is data and pure functions. `operations.catalogue` holds all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence, Item
from openova_console.operations.facts import Fact
from openova_console.operations.plan import Data, ObjectRef, Plan
from openova_console.settings import Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do what with one kind of operation.

    Attributes:
        request, approve, override: the role that each needs.
        approvals: how many different people must say yes.
        valid_s: seconds until an approval, and the request that waits for it, ends.
        cool_down_s: seconds after a run during which the same is not done again without an acknowledgement.
        confirm: whether approving asks for the password again.
    """

    request: Role = Role.OPERATOR
    approve: Role = Role.APPROVER
    override: Role = Role.APPROVER
    approvals: int = 1
    valid_s: float = 3600
    cool_down_s: float = 0
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """One right that the actor's account needs, as RBAC writes it. An empty namespace means every namespace."""

    verbs: tuple[str, ...]
    group: str
    plural: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What one request is about. `region` is "" for the console itself; `resource` is within the region."""

    verb: str
    region: str
    resource: str
    title: str

    @property
    def lane(self) -> str:
        """Runs in one lane go one after the other."""
        return f"{self.region or 'console'}/{self.resource}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object whose state a decision rests on, and the fields (JSON pointers) that count."""

    object: ObjectRef
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the pure functions of a kind see it."""

    operation_id: str
    params: Any
    target: Target
    now: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """The console's own database, as a kind reads it for evidence about the console itself."""

    session: Session
    settings: Settings
    now: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind.

    Attributes:
        kind: stable word in addresses and settings.
        title, sentence: for people: what it is, what it does.
        params: the model that parses its parameters.
        target: what a request is about.
        wanted: the objects that are read for it.
        plan: the steps. Raises `PlanError` when it cannot be planned, with one sentence.
        guards: ids beyond those that hold everywhere.
        policy: as long as the settings say nothing else.
        access: what the actor's account must be allowed.
        facts: further decision facts from the evidence.
        on_platform: False for operations on the console's own accounts and policy.
        schedulable: whether a schedule or an alert mapping may ask for it.
        books: evidence from the console's own database, by key.
        asks: why this caller may not ask for exactly this; "" when he may.
        needed: how many people must say yes to exactly this.
    """

    kind: str
    title: str
    sentence: str
    params: type[Data]
    target: Callable[[Any], Target]
    plan: Callable[[Request, Evidence], Plan]
    guards: tuple[str, ...] = ()
    policy: Policy = Policy()
    access: tuple[Access, ...] = ()
    wanted: Callable[[Any], tuple[Wanted, ...]] = lambda _params: ()
    facts: Callable[[Request, Evidence], Mapping[str, Fact]] = lambda _request, _evidence: {}
    on_platform: bool = True
    schedulable: bool = False
    books: Callable[[Books, Any], Mapping[str, Item]] = lambda _books, _params: {}
    asks: Callable[[Caller, Any], str] = lambda _caller, _params: ""
    needed: Callable[[Policy, Any, Evidence], int] = lambda policy, _params, _evidence: policy.approvals


class PlanError(Exception):
    """The operation cannot be planned from what is known; the message is one sentence."""


class BadParams(Exception):
    """Parameters that cannot be used: one sentence per field, by field."""

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {sentence}" for field, sentence in mistakes.items()))
        self.mistakes = mistakes


def parse(operation: Operation, params: Any) -> Any:
    """The parameters as the kind's model. Raises `BadParams`."""
    if not isinstance(params, Mapping):
        raise BadParams({"params": "must be an object of named values"})
    try:
        return operation.params.model_validate(dict(params))
    except ValidationError as error:
        mistakes = {".".join(str(part) for part in e["loc"]) or "params": plain_mistake(e) for e in error.errors()}
        raise BadParams(mistakes) from None


def plain_mistake(error: Any) -> str:
    """Pydantic's words in ours, without the value that was sent."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is no parameter of this operation"
        case "value_error":
            return str(error["ctx"]["error"]) if "ctx" in error else str(error["msg"])
        case "string_pattern_mismatch":
            return "is no valid name: use lower-case letters, digits and dashes"
        case _:
            return str(error["msg"])[:1].lower() + str(error["msg"])[1:]
