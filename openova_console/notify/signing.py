"""Signatures after the public Standard Webhooks specification (standardwebhooks.com), so that receivers need no code of ours.

`webhook-id` is the notification's id and the same at every try; `webhook-timestamp` is the instant of this try in Unix
seconds; `webhook-signature` is "v1," and the base64 of the HMAC-SHA-256 over "id.timestamp.body" in exactly the bytes that
are sent. The key is 24 to 64 bytes, written as base64 behind "whsec_".
"""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def key_from(text: str) -> bytes:
    """The key that a secret stands for. Raises ValueError when it is none; the message never holds it."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not {PREFIX} and base64") from None
    if not text.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"must be {PREFIX} and 24 to 64 bytes as base64")
    return key


def headers(key: bytes, *, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers for one try."""
    signed = f"{id_}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
