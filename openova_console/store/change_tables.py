"""The tables of the engine of change: operations and their steps, approvals, brakes, tokens, audit and notifications.

JSON is stored as canonical text (`handbook.canonical`): what is hashed is what is stored. Instants are UTC.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from openova_console.store import tables  # noqa: F401 - the operations refer to the accounts
from openova_console.store.database import UTCDateTime

OPERATION_STATES = (
    "draft",
    "pending_approval",
    "approved",
    "running",
    "paused_by_failed_step",
    "paused_by_operator",
    "paused_by_recovery",
    "verifying",
    "completed",
    "completed_with_exceptions",
    "failed",
    "cancelled",
    "expired",
    "voided",
)
STEP_STATES = ("planned", "checking", "acting", "verifying", "done", "skipped", "failed", "unknown")


def one_of(column: str, words: tuple[str, ...]) -> str:
    """A check that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


class OperationRow(SQLModel, table=True):
    """One request to change the platform.

    `id` is deterministic: from the requester and the idempotency key, the schedule and its fire time, or the alert and its
    start. `lane` is "region/resource": one run at a time per lane. `fence` grows with each executor that takes the run over.
    """

    __tablename__ = "operations"
    __table_args__ = (
        CheckConstraint(one_of("state", OPERATION_STATES), name="state"),
        Index(None, "state"),
        Index(None, "created_at"),
        Index(None, "kind", "lane", "ended_at"),
    )

    id: str = Field(primary_key=True, max_length=32)
    kind: str = Field(max_length=40)
    verb: str = Field(max_length=40)
    title: str = Field(max_length=200)
    region: str = Field(max_length=63)
    lane: str = Field(max_length=300)
    params: str = Field(sa_type=Text)
    plan: str = Field(sa_type=Text)
    evidence: str = Field(sa_type=Text)
    facts: str = Field(sa_type=Text)
    guards: str = Field(sa_type=Text)
    overrides: str = Field(sa_type=Text)
    digest: str = Field(max_length=64)
    policy: str = Field(sa_type=Text)
    request_sha256: str = Field(max_length=64)
    state: str = Field(max_length=32)
    sentence: str = Field(sa_type=Text)
    actor: str = Field(max_length=80)
    owner_id: int | None = Field(default=None, index=True)
    caller: str = Field(max_length=12)
    reason: str = Field(max_length=500)
    incident_id: str | None = Field(default=None, max_length=32)
    standing_id: str | None = Field(default=None, max_length=32)
    approvals_needed: int
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    current_step: int = 0
    wanted: str = Field(default="", max_length=12)
    executor: str = Field(default="", max_length=90)
    fence: int = 0
    acknowledged_by: str = Field(default="", max_length=80)
    changes: int = 0


class StepRow(SQLModel, table=True):
    """One step of an operation: what was sent and what came back, both redacted."""

    __tablename__ = "operation_steps"
    __table_args__ = (CheckConstraint(one_of("state", STEP_STATES), name="state"),)

    operation_id: str = Field(primary_key=True, max_length=32, foreign_key="operations.id", ondelete="RESTRICT")
    number: int = Field(primary_key=True)
    state: str = Field(max_length=12)
    sentence: str = Field(sa_type=Text)
    request: str = Field(sa_type=Text)
    answer: str = Field(sa_type=Text)
    attempts: int = 0
    acts: int = 0
    by: str = Field(default="", max_length=80)
    started_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ApprovalRow(SQLModel, table=True):
    """One person's decision about one operation. A yes is signed; it is used once, and never changed afterwards."""

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint(one_of("decision", ("approve", "deny")), name="decision"),
        Index(None, "operation_id"),
    )

    id: str = Field(primary_key=True, max_length=32)
    operation_id: str = Field(max_length=32, foreign_key="operations.id", ondelete="RESTRICT")
    user_id: int
    name: str = Field(max_length=64)
    decision: str = Field(max_length=8)
    reason: str = Field(max_length=500)
    digest: str = Field(max_length=64)
    signature: str = Field(max_length=64)
    break_glass: bool = False
    at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class StandingApprovalRow(SQLModel, table=True):
    """A yes to what a schedule or an alert mapping will ask for, within limits. Made by an operation that people approved."""

    __tablename__ = "standing_approvals"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=80)
    kind: str = Field(max_length=40)
    source: str = Field(max_length=120)
    template: str = Field(sa_type=Text)
    limits: str = Field(sa_type=Text)
    signature: str = Field(max_length=64)
    operation_id: str = Field(max_length=32)
    granted_by: str = Field(max_length=200)
    granted_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    revoked_by: str = Field(default="", max_length=80)


class FreezeRow(SQLModel, table=True):
    """The kill switch. `scope` is "all", "region" or "kind", `value` names which; `origin` is the console that froze."""

    __tablename__ = "freezes"
    __table_args__ = (CheckConstraint(one_of("scope", ("all", "region", "kind")), name="scope"),)

    id: str = Field(primary_key=True, max_length=32)
    scope: str = Field(max_length=8)
    value: str = Field(max_length=63)
    reason: str = Field(max_length=500)
    by: str = Field(max_length=80)
    origin: str = Field(max_length=63)
    at: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lifted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lifted_by: str = Field(default="", max_length=80)
    lifted_reason: str = Field(default="", max_length=500)


class IncidentRow(SQLModel, table=True):
    """A declared incident: while it lasts, one approval is enough for whoever did not declare it."""

    __tablename__ = "incidents"

    id: str = Field(primary_key=True, max_length=32)
    title: str = Field(max_length=200)
    by: str = Field(max_length=80)
    by_id: int
    at: datetime = Field(sa_type=UTCDateTime)
    ends_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_by: str = Field(default="", max_length=80)


class ReviewRow(SQLModel, table=True):
    """Something that must be looked at afterwards: break-glass, an override. Open until another person closes it."""

    __tablename__ = "reviews"
    __table_args__ = (Index(None, "closed_at"),)

    id: str = Field(primary_key=True, max_length=32)
    operation_id: str | None = Field(default=None, max_length=32)
    what: str = Field(max_length=300)
    opened_by: str = Field(max_length=80)
    opened_by_id: int | None = None
    opened_at: datetime = Field(sa_type=UTCDateTime)
    closed_by: str = Field(default="", max_length=80)
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    finding: str = Field(default="", max_length=1000)


class PolicyRow(SQLModel, table=True):
    """A change of policy that people approved: the newest version counts, on top of the settings."""

    __tablename__ = "policies"

    version: int = Field(primary_key=True)
    document: str = Field(sa_type=Text)
    operation_id: str = Field(max_length=32)
    at: datetime = Field(sa_type=UTCDateTime)


class MachineToken(SQLModel, table=True):
    """A machine's bearer token, as its SHA-256. It counts as its owner and never decides."""

    __tablename__ = "machine_tokens"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=64)
    token_sha256: str = Field(max_length=64, unique=True)
    owner_id: int = Field(foreign_key="users.id", ondelete="RESTRICT", index=True)
    scopes: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UTCDateTime)
    created_by: str = Field(max_length=80)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    revoked_by: str = Field(default="", max_length=80)


class AuditEvent(SQLModel, table=True):
    """One sealed event. `seq` has no gaps; `seal` is the SHA-256 over the event and the seal before it."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "operation_id"), Index(None, "at"), Index(None, "event"))

    seq: int = Field(primary_key=True)
    at: str = Field(max_length=32)
    event: str = Field(max_length=60)
    actor: str = Field(max_length=80)
    operation_id: str = Field(default="", max_length=32)
    body: str = Field(sa_type=Text)
    previous: str = Field(max_length=64)
    seal: str = Field(max_length=64)


class AnchorRow(SQLModel, table=True):
    """Where the head of the audit was written outside this database, and whether that worked."""

    __tablename__ = "audit_anchors"
    __table_args__ = (Index(None, "at"),)

    id: int | None = Field(default=None, primary_key=True)
    seq: int
    seal: str = Field(max_length=64)
    place: str = Field(max_length=120)
    ok: bool
    sentence: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UTCDateTime)


class NotificationRow(SQLModel, table=True):
    """Something that waits for a person, or that a person must hear of. `key` makes it one, however often it is said."""

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "at"),)

    id: str = Field(primary_key=True, max_length=32)
    key: str = Field(max_length=120, unique=True)
    event: str = Field(max_length=60)
    title: str = Field(max_length=200)
    text: str = Field(sa_type=Text)
    link: str = Field(max_length=300)
    urgent: bool = False
    at: datetime = Field(sa_type=UTCDateTime)


class DeliveryRow(SQLModel, table=True):
    """One notification on its way to one target: tried again with growing pauses, at last a dead letter."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", ("waiting", "sent", "dead")), name="state"),
        Index(None, "state", "next_at"),
    )

    notification_id: str = Field(primary_key=True, max_length=32, foreign_key="notifications.id", ondelete="CASCADE")
    target: str = Field(primary_key=True, max_length=80)
    state: str = Field(max_length=8)
    attempts: int = 0
    next_at: datetime = Field(sa_type=UTCDateTime)
    error: str = Field(default="", max_length=500)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ReplicaRow(SQLModel, table=True):
    """One process of the console among several. One whose beat has stopped is dead; one other takes its runs over."""

    __tablename__ = "replicas"

    id: str = Field(primary_key=True, max_length=63)
    boot: str = Field(max_length=90)
    beat_at: datetime = Field(sa_type=UTCDateTime)
    taken_by: str = Field(default="", max_length=63)
