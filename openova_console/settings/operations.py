"""How changes are made: who may ask, approve and set aside, how long an approval lasts, and where the engine keeps its things."""

from datetime import time
from pathlib import Path
from typing import Literal

from pydantic import Field

from openova_console.settings.base import Identifier, Seconds, Section

RoleName = Literal["viewer", "operator", "approver", "security-officer", "admin"]


class KindPolicy(Section):
    """What is asked for one kind of operation; what is not set here is as the operation itself says."""

    request: RoleName | None = None
    approve: RoleName | None = None
    override: RoleName | None = Field(None, description="Role that may set guards aside, where a guard allows that")
    approvals: int | None = Field(None, ge=0, le=5, description="How many different people")
    valid_minutes: float | None = Field(None, gt=0, le=7 * 1440, description="An approval ends after this time")
    cool_down_minutes: float | None = Field(None, ge=0, le=1440)
    confirm: bool | None = Field(None, description="Whether approving asks for the password again")


class ChangeWindow(Section):
    """A time in which changes are made, every week."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(min_length=1)
    begins: time
    ends: time
    timezone: str = "UTC"


class OperationSettings(Section):
    """The engine of change."""

    approval_key_file: Path | None = Field(None, description="Key that signs approvals; by default made in console.data_dir")
    anchor_file: Path | None = Field(None, description="Append-only file for the audit's head; by default in console.data_dir")
    runs_url: str | None = Field(
        None,
        pattern=r"^(sqlite:///|postgresql\+psycopg://)",
        description="Database of the durable runs; by default beside the console's own",
    )
    replica: Identifier = Field("console-1", description="Name of this process among several")
    namespace: str = Field("openova-console", min_length=1, description="Where audit anchors and freezes lie in both regions")
    other_console: bool = Field(True, description="Whether a console runs in the other region too, whose freezes hold here")
    fresh_account_hours: float = Field(24, ge=0, le=720, description="An account made or reset within this time cannot approve")
    incident_hours: float = Field(4, gt=0, le=24)
    standing_days: int = Field(90, ge=1, le=90, description="A standing approval lasts no longer than this")
    confirm_minutes: float = Field(5, gt=0, le=60, description="How long a password that was given again counts")
    patience_s: Seconds = Field(20, description="How long a run waits for evidence before it asks a person")
    decide_within_h: float = Field(24, gt=0, le=168, description="A run that waits for a person longer than this has failed")
    freeze: RoleName = Field("operator", description="Who may freeze and lift")
    windows: tuple[ChangeWindow, ...] = Field((), description="Change windows; without any, every time is one")
    kinds: dict[str, KindPolicy] = Field(default_factory=dict, description="Policy by kind of operation")
