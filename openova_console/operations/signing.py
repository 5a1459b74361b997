"""What an approval is bound to, and the signature that proves who gave it.

The digest is the SHA-256 of the canonical JSON of kind, parameters, plan, policy version, overrides and decision facts. The
signature is HMAC-SHA256 (RFC 2104) by a key file that only the console's own account can read; the executor checks it before
a run begins.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openova_console.handbook.canonical import canonical, sha256_of
from openova_console.operations.facts import Facts
from openova_console.operations.plan import Plan
from openova_console.store.change_tables import ApprovalRow

_SHORTEST = 32


class KeyUnusable(Exception):
    """The key file cannot be used; the message is one sentence with the cure."""


def digest_of(
    *, kind: str, params: Mapping[str, Any], plan: Plan, policy_version: str, overrides: Mapping[str, Any], facts: Facts
) -> str:
    """What people approve, as 64 hexadecimal digits."""
    return sha256_of(
        {
            "kind": kind,
            "params": dict(params),
            "plan": plan.model_dump(mode="json"),
            "policy": policy_version,
            "overrides": dict(overrides),
            "facts": {key: fact.value for key, fact in facts.items()},
        }
    )


def load_key(path: Path, *, make: bool) -> bytes:
    """The signing key.

    Args:
        make: whether to make one when there is none.

    Raises:
        KeyUnusable: it cannot be read, is too short, or others may read it.
    """
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return load_key(path, make=False)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise KeyUnusable(
            f"The key file {path} for approvals cannot be read ({reason}): see operations.approval_key_file."
        ) from None
    if mode & 0o077:
        raise KeyUnusable(f"The key file {path} for approvals may be read by others: chmod 600 it, and make a new key.")
    if len(text) < _SHORTEST:
        raise KeyUnusable(f"The key file {path} for approvals holds no key of at least {_SHORTEST} characters: make a new one.")
    return text.encode()


def sign(key: bytes, row: ApprovalRow) -> str:
    """The signature of one decision: who, which way, on what and when, and whether the sealed account's yes counts for all."""
    said = {
        "approval": row.id,
        "operation": row.operation_id,
        "user": row.user_id,
        "decision": row.decision,
        "digest": row.digest,
        "break_glass": row.break_glass,
        "at": row.at.isoformat(),
        "expires": row.expires_at.isoformat(),
    }
    return sign_document(key, said)


def is_signed(key: bytes, row: ApprovalRow) -> bool:
    """Whether this row was written by a console that holds the key, and not changed since."""
    return hmac.compare_digest(sign(key, row), row.signature)


def sign_document(key: bytes, document: Mapping[str, Any]) -> str:
    """The signature of any record (a decision, a standing approval, a freeze that goes to the other console)."""
    return hmac.new(key, canonical(dict(document)).encode(), hashlib.sha256).hexdigest()
