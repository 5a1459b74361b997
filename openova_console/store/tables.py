"""The tables. `table=True` models do not validate: the rooms that write them check their input first."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from openova_console.store.database import UTCDateTime

_ROLES = ("viewer", "operator", "approver", "security-officer", "admin")
_VERDICTS = ("ok", "warn", "unknown", "breach")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


class User(SQLModel, table=True):
    """A local account. `name_key` is the lower-case name: two accounts may not differ by case only.

    `vouched_at` is when somebody else last made it, reset its password or changed its role: a fresh account may not approve.
    `break_glass` marks the sealed account for whoever is alone on call: using it tells everybody.
    """

    __tablename__ = "users"
    __table_args__ = (CheckConstraint(_one_of("role", _ROLES), name="role"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=64)
    name_key: str = Field(max_length=64, unique=True)
    password_hash: str = Field(max_length=255)
    role: str = Field(max_length=20)
    disabled: bool = False
    created_at: datetime = Field(sa_type=UTCDateTime)
    password_changed_at: datetime = Field(sa_type=UTCDateTime)
    must_change: bool = False
    vouched_at: datetime = Field(sa_type=UTCDateTime)
    break_glass: bool = False


class AuthSession(SQLModel, table=True):
    """A signed-in browser. The token itself is never stored, only its SHA-256.

    `confirmed_at` is when the person last proved the password again in this session.
    """

    __tablename__ = "auth_sessions"

    id: str = Field(primary_key=True, max_length=32)
    token_sha256: str = Field(max_length=64, unique=True)
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    last_seen_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
    address: str = Field(max_length=64)
    user_agent: str = Field(max_length=200)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SignInFailure(SQLModel, table=True):
    """One attempt to sign in that has not succeeded; kept so that a restart does not forgive."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index(None, "account", "address", "at"),
        Index(None, "address", "at"),
        Index(None, "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(max_length=64)
    address: str = Field(max_length=64)
    at: datetime = Field(sa_type=UTCDateTime)


class SetupCode(SQLModel, table=True):
    """The one-time code with which the first administrator is made."""

    __tablename__ = "setup_codes"

    id: int | None = Field(default=None, primary_key=True)
    code_sha256: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Sample(SQLModel, table=True):
    """One measured value of one series. `value` is None when nothing could be measured; its verdict is then unknown."""

    __tablename__ = "samples"
    __table_args__ = (
        CheckConstraint(_one_of("verdict", _VERDICTS), name="verdict"),
        Index(None, "observed_at"),
        {"sqlite_with_rowid": False},
    )

    series: str = Field(primary_key=True, max_length=120)
    observed_at: datetime = Field(primary_key=True, sa_type=UTCDateTime)
    value: float | None = None
    verdict: str = Field(max_length=8)


class Rollup(SQLModel, table=True):
    """Five minutes of one series. `count` is the samples with a value, `unknown_count` those without."""

    __tablename__ = "rollups"
    __table_args__ = (
        CheckConstraint(_one_of("verdict", _VERDICTS), name="verdict"),
        Index(None, "bucket_start"),
        {"sqlite_with_rowid": False},
    )

    series: str = Field(primary_key=True, max_length=120)
    bucket_start: datetime = Field(primary_key=True, sa_type=UTCDateTime)
    count: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    last: float | None = None
    verdict: str = Field(max_length=8)
    unknown_count: int
