"""accounts and history

Revision: 0001
After: nothing
"""

import sqlalchemy as sa
from alembic import op

from openova_console.store.database import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_VERDICT = "verdict IN ('ok', 'warn', 'unknown', 'breach')"
_ROLE = "role IN ('viewer', 'operator', 'approver', 'security-officer', 'admin')"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("name_key", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("password_changed_at", UTCDateTime(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.CheckConstraint(_ROLE, name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name_key", name=op.f("uq_users_name_key")),
    )
    op.create_table(
        "auth_sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_auth_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_auth_sessions_token_sha256")),
    )
    op.create_index(op.f("ix_auth_sessions_user_id"), "auth_sessions", ["user_id"])
    op.create_index(op.f("ix_auth_sessions_expires_at"), "auth_sessions", ["expires_at"])
    op.create_table(
        "sign_in_failures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failures")),
    )
    for columns in (["account", "address", "at"], ["address", "at"], ["at"]):
        op.create_index(op.f("ix_sign_in_failures_" + "_".join(columns)), "sign_in_failures", columns)
    op.create_table(
        "setup_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_codes")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_setup_codes_code_sha256")),
    )
    op.create_table(
        "samples",
        sa.Column("series", sa.String(length=120), nullable=False),
        sa.Column("observed_at", UTCDateTime(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.CheckConstraint(_VERDICT, name=op.f("ck_samples_verdict")),
        sa.PrimaryKeyConstraint("series", "observed_at", name=op.f("pk_samples")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_samples_observed_at"), "samples", ["observed_at"])
    op.create_table(
        "rollups",
        sa.Column("series", sa.String(length=120), nullable=False),
        sa.Column("bucket_start", UTCDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Float(), nullable=True),
        sa.Column("maximum", sa.Float(), nullable=True),
        sa.Column("mean", sa.Float(), nullable=True),
        sa.Column("last", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("unknown_count", sa.Integer(), nullable=False),
        sa.CheckConstraint(_VERDICT, name=op.f("ck_rollups_verdict")),
        sa.PrimaryKeyConstraint("series", "bucket_start", name=op.f("pk_rollups")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_rollups_bucket_start"), "rollups", ["bucket_start"])


def downgrade() -> None:
    for table in ("rollups", "samples", "setup_codes", "sign_in_failures", "auth_sessions", "users"):
        op.drop_table(table)
