"""What an audit event says, in one sentence for a person; credentials are hidden once more."""

import json
from collections.abc import Mapping
from typing import Any

from openova_console.handbook.redaction import redact_text, redacted

_LONGEST = 400
_FIRST_LINE = 120
_TOLD = ("sentence", "reason", "finding", "why", "answer", "request")


def detail(body: Mapping[str, Any]) -> str:
    """What an event's body says, in one line."""
    said = next((body[name] for name in _TOLD if isinstance(body.get(name), str) and body[name]), "")
    return redact_text(said or json.dumps(redacted(dict(body)), ensure_ascii=False, sort_keys=True))[:_LONGEST]


_SAID: Mapping[str, tuple[str, str]] = {
    "operation.requested": ("Asked for: ", "reason"),
    "approval.given": ("Approved: ", "reason"),
    "approval.denied": ("Denied: ", "reason"),
    "approval.revoked": ("The approval was taken back", ""),
    "console.changed": ("", "done"),
    "freeze.set": ("Frozen: ", "reason"),
    "freeze.lifted": ("Lifted: ", "lifted_reason"),
    "incident.declared": ("Declared: ", "title"),
    "incident.ended": ("Ended: ", "reason"),
    "person.signed_in": ("Signed in from ", "address"),
    "person.signed_out": ("Signed out", ""),
    "person.password_changed": ("Changed the password", ""),
    "person.confirmed": ("Gave the password again", ""),
    "person.sign_in_failed": ("A sign-in failed, from ", "address"),
    "person.confirmation_failed": ("A wrong password was given again, from ", "address"),
    "person.locked_out": ("Locked out after failed sign-ins, from ", "address"),
    "account.break_glass": ("The sealed account signed in from ", "address"),
}
"""Event → how its sentence begins, and the part of its body that goes on."""


def said(event: str, body: Mapping[str, Any]) -> str:
    """What an event says, in one sentence for a person."""
    if event not in _SAID:
        # What a write sent and what came back is long: its first line says which write it was.
        return detail(body).split("\n")[0][:_FIRST_LINE] if event.startswith("write.") else detail(body)
    begins, name = _SAID[event]
    rest = body.get(name)
    text = begins + (rest if isinstance(rest, str) else "")
    return redact_text(text.removesuffix(": "))[:_LONGEST] or detail(body)
