"""What callers send: every body and every query, bounded, and refused when it holds more than it may."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from openova_console.operations.authority import REASON_LIMIT
from openova_console.operations.reads import GROUPS
from openova_console.operations.steering import Wish
from openova_console.operations.words import State

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_KIND = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
ID = r"^[0-9a-f]{32}$"

Id = Annotated[str, Field(pattern=ID)]
Plain = Annotated[str, Field(max_length=200, pattern=_PLAIN)]
Kind = Annotated[str, Field(pattern=_KIND)]
Reason = Annotated[str, Field(max_length=REASON_LIMIT, description="In a few words: what others read at three in the morning")]
Word = Annotated[str, Field(max_length=40, pattern=_KIND)]

# Written out for the schema: a name of a group, or a state.
States = Literal[
    "", "waiting", "asking", "ended", "draft", "pending_approval", "approved", "running", "paused_by_failed_step",
    "paused_by_operator", "paused_by_recovery", "verifying", "completed", "completed_with_exceptions", "failed", "cancelled",
    "expired", "voided",
]  # fmt: skip
assert set(States.__args__) == {"", *GROUPS, *State}, "the filter names every state"  # type: ignore[attr-defined]


def _text(value: object) -> object:
    # Without this "5" would be five seconds after the beginning of 1970.
    if not isinstance(value, str) or not _INSTANT.match(value):
        raise ValueError("must be an instant as text, e.g. 2026-03-01T12:00:00Z")
    return value


def _usable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies beyond what a calendar holds") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_usable)]


class Sent(BaseModel):
    """A body or a query. An unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Preview(Sent):
    """Which operation, with which parameters; `overrides` tries what setting guards aside would do: guard → reason."""

    kind: Kind
    params: dict[str, Any] = Field(max_length=40)
    overrides: dict[Word, Reason] = Field(default_factory=dict, max_length=20)


class Requested(Preview):
    """A request. Overrides need the id of a declared incident."""

    reason: Reason
    incident_id: Id | None = None


class Approved(Sent):
    """A yes to the plan with this digest."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    reason: Annotated[str, Field(max_length=REASON_LIMIT)] = ""


class Reasoned(Sent):
    """A decision that needs nothing but its reason."""

    reason: Reason


class Steered(Reasoned):
    """What a run should do."""

    wish: Wish


class Frozen(Reasoned):
    """What to freeze: all, one region, or one kind of operation, named by `value`."""

    scope: Literal["all", "region", "kind"]
    value: Annotated[str, Field(max_length=63, pattern=_PLAIN)] = ""
    until: Instant | None = None


class Declared(Sent):
    """An incident, in a few words."""

    title: Annotated[str, Field(max_length=200)]


class Found(Sent):
    """What a review has found."""

    finding: Reason


class OperationsQuery(Sent):
    """Which operations; what is empty leaves everything. `cursor` is `next` of the page before."""

    state: States = ""
    kind: Annotated[str, Field(max_length=40, pattern=_PLAIN)] = ""
    region: Annotated[str, Field(max_length=63, pattern=_PLAIN)] = ""
    actor: Annotated[str, Field(max_length=80, pattern=_PLAIN)] = ""
    since: Instant | None = Field(None, description="Requested at this instant or later")
    cursor: Id | None = None
    limit: int = Field(50, ge=1, le=200)


class EventsQuery(Sent):
    """Which events of a run: those after this number; `wait`: for how many seconds an answer may be held back for one."""

    after: int = Field(0, ge=0, le=2**53)
    wait: float = Field(0, ge=0, le=60)


class AuditQuery(Sent):
    """Which events of the audit, newest first. `before`: only events before this number, for the next page."""

    words: Plain = ""
    event: Annotated[str, Field(max_length=60, pattern=_PLAIN)] = ""
    actor: Annotated[str, Field(max_length=80, pattern=_PLAIN)] = ""
    operation: Id | None = None
    before: int | None = Field(None, ge=1, le=2**53)
    limit: int = Field(50, ge=1, le=500)


class DeliveriesQuery(Sent):
    """Which deliveries; what is empty leaves everything. `skip` is `next` of the page before."""

    state: Literal["", "waiting", "sent", "dead"] = ""
    target: Annotated[str, Field(max_length=63, pattern=_PLAIN)] = ""
    skip: int = Field(0, ge=0, le=1_000_000)
    limit: int = Field(50, ge=1, le=200)


class Tried(Sent):
    """Which target, by its name in the settings."""

    target: Annotated[str, Field(min_length=1, max_length=63, pattern=_PLAIN)]


class LiftQuery(Sent):
    """Why a freeze is lifted."""

    reason: Reason


Answers = Mapping[int | str, dict[str, Any]]
