"""What the API answers: the shapes. How they are made of the books tells `shown`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import Fact
from openova_console.operations.guards import Ruling
from openova_console.operations.operation import Policy
from openova_console.operations.plan import Plan
from openova_console.operations.policies import policy_document
from openova_console.operations.words import State, StepState


class Shown(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class PolicyShown(Shown):
    """Which role asks, approves and sets aside; how many approve; seconds that an approval lasts; the pause afterwards."""

    request: str
    approve: str
    override: str
    approvals: int
    valid_s: float
    cool_down_s: float
    confirm: bool

    @classmethod
    def of(cls, policy: Policy) -> "PolicyShown":
        return cls.model_validate(policy_document(policy))


class GuardShown(Shown):
    """A guard of a kind. `override`: the role that may set it aside; null when nobody may."""

    id: str
    sentence: str
    clears: str
    override: str | None


class KindShown(Shown):
    """A kind of operation. `against` says why you may not ask for it; "" when you may. `params` is a JSON schema."""

    kind: str
    title: str
    sentence: str
    on_platform: bool
    schedulable: bool
    policy: PolicyShown
    guards: list[GuardShown]
    params: dict[str, Any]
    against: str


class Kinds(Shown):
    """Every kind of operation."""

    items: list[KindShown]


class Previewed(Shown):
    """What would happen. `refusals` and guards that do not allow stand against it; `needed`: how many have to say yes."""

    possible: bool
    title: str
    refusals: list[str]
    needed: int | None
    policy: PolicyShown
    plan: Plan | None
    guards: list[Ruling]
    facts: dict[str, Fact]
    evidence: Evidence | None


class Summary(Shown):
    """An operation in one row."""

    id: str
    kind: str
    verb: str
    title: str
    region: str
    state: State
    sentence: str
    actor: str
    caller: Literal["person", "machine", "schedule"]
    reason: str
    digest: str
    approvals_needed: int
    incident_id: str | None
    standing_id: str | None
    created_at: datetime
    expires_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    current_step: int
    wanted: str
    acknowledged_by: str


class Page(Shown):
    """Operations, newest first. `next` is the cursor of the next page; null on the last one."""

    items: list[Summary]
    next: str | None


class StepShown(Shown):
    """Where a step stands: what was sent and what came back."""

    number: int
    state: StepState
    sentence: str
    request: str
    answer: str
    attempts: int
    acts: int
    started_at: datetime | None
    acted_at: datetime | None
    ended_at: datetime | None


class ApprovalShown(Shown):
    """A person's decision."""

    id: str
    name: str
    decision: Literal["approve", "deny"]
    reason: str
    digest: str
    break_glass: bool
    at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class IncidentShown(Shown):
    """A declared incident."""

    id: str
    title: str
    by: str
    at: datetime
    ends_at: datetime
    ended_at: datetime | None
    ended_by: str


class ReviewShown(Shown):
    """Something that another person has to look at."""

    id: str
    operation_id: str | None
    what: str
    opened_by: str
    opened_at: datetime
    closed_by: str
    closed_at: datetime | None
    finding: str


class FreezeShown(Shown):
    """A freeze."""

    id: str
    scope: Literal["all", "region", "kind"]
    value: str
    reason: str
    by: str
    origin: str
    at: datetime
    until: datetime | None
    lifted_at: datetime | None
    lifted_by: str
    lifted_reason: str


class ChoiceShown(Shown):
    """What you could do now: `possible`, or `against` says why not."""

    name: str
    possible: bool
    against: str


class DetailShown(Summary):
    """An operation with everything that belongs to it."""

    params: dict[str, Any]
    policy: PolicyShown
    plan: Plan
    evidence: Evidence
    facts: dict[str, Fact]
    guards: list[Ruling]
    overrides: dict[str, str]
    steps: list[StepShown]
    approvals: list[ApprovalShown]
    choices: list[ChoiceShown]
    incident: IncidentShown | None
    reviews: list[ReviewShown]


class EventShown(Shown):
    """An event of the audit, with its number and its seal."""

    seq: int
    at: str
    event: str
    actor: str
    operation_id: str
    body: dict[str, Any]
    seal: str


class Events(Shown):
    """Events of one run, oldest first. Ask again with `after` = `next`; nothing more comes once `ended` is true."""

    items: list[EventShown]
    next: int
    state: State
    sentence: str
    ended: bool


class AuditPage(Shown):
    """Events of the audit, newest first. Ask again with `before` = `next`; null on the last page."""

    items: list[EventShown]
    next: int | None


class Freezes(Shown):
    """Freezes that stand."""

    items: list[FreezeShown]


class Incidents(Shown):
    """Incidents that last."""

    items: list[IncidentShown]


class Reviews(Shown):
    """Reviews that nobody has closed."""

    items: list[ReviewShown]


class TargetShown(Shown):
    """How it stands with a target. `sent_at`: the last that arrived; `failing`: why what waits failed last, or ""."""

    name: str
    kind: Literal["webhook", "email", ""]
    events: list[str]
    urgent_only: bool
    configured: bool
    sent_at: datetime | None
    waiting: int
    dead: int
    next_at: datetime | None
    failing: str


class Targets(Shown):
    """Every target of the settings, then those that are only left in the books (`configured` is false)."""

    items: list[TargetShown]


class Tested(Shown):
    """What came of a test message."""

    sentence: str


class DeliveryShown(Shown):
    """One notification on its way to one target. `next_at`: when it is tried next, while it waits."""

    notification_id: str
    target: str
    state: Literal["waiting", "sent", "dead"]
    attempts: int
    next_at: datetime | None
    error: str
    sent_at: datetime | None
    event: str
    title: str
    text: str
    link: str
    urgent: bool
    at: datetime


class DeliveriesPage(Shown):
    """Deliveries, newest notification first. Ask again with `skip` = `next`; null on the last page."""

    items: list[DeliveryShown]
    next: int | None
