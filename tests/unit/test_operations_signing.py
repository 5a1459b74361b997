"""A decision is what was signed, in every part that counts."""

from datetime import UTC, datetime, timedelta

import pytest

from openova_console.operations import signing
from openova_console.store.change_tables import ApprovalRow

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def decision() -> ApprovalRow:
    row = ApprovalRow(
        id="a" * 32,
        operation_id="b" * 32,
        user_id=7,
        name="anna",
        decision="deny",
        reason="not now",
        digest="d" * 64,
        signature="",
        at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )
    row.signature = signing.sign(KEY, row)
    return row


def test_what_was_signed_is_known_again():
    assert signing.is_signed(KEY, decision())
    assert not signing.is_signed(b"x" * 32, decision())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "c" * 32),
        ("operation_id", "c" * 32),
        ("user_id", 8),
        ("decision", "approve"),
        ("digest", "e" * 64),
        ("break_glass", True),
        ("at", NOW - timedelta(seconds=1)),
        ("expires_at", NOW + timedelta(days=1)),
    ],
)
def test_whatever_is_changed_afterwards_is_found(field: str, value: object):
    row = decision()
    setattr(row, field, value)
    assert not signing.is_signed(KEY, row)
