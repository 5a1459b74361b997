"""From a status, an httpx error or a socket error to the `Fault` that fits, with the sentence that people read."""

import contextlib
import json
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NoReturn

import httpx

from openova_console.systems import errors

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors before the connection stood: nothing of the question has left."""
_WORD = re.compile(r"^[A-Za-z_]{1,40}$")

_FORBIDDEN = re.compile(
    r'cannot ([a-z]{1,20}) resource "([a-z0-9-]{1,63})(/[a-z]{1,30})?" in API group "([a-z0-9.-]{0,253})" '
    r'(?:in the namespace "([a-z0-9-]{1,63})"|at the cluster scope)'
)
"""How a Kubernetes API names the right that an account lacks."""


def refusal(source: str, status: int, body: bytes, headers: Mapping[str, str], call: str) -> errors.Fault:
    """The error for an answer that is not 2xx; from its body only words that fit a pattern are used."""
    document: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(body)
    said = document if isinstance(document, dict) else {}
    reason = next((w for w in (said.get("reason"), said.get("errorType")) if isinstance(w, str) and _WORD.match(w)), "")
    shown = f"{status} {reason}".strip()
    match status:
        case 401:
            sentence = f"{source} does not accept the console's credentials (401): check its token"
            return errors.Refused(source, sentence, status=status, call=call)
        case 403:
            sentence = f"{source} does not allow the console to do this (403): its account lacks the permission{_right(said)}"
            return errors.Refused(source, sentence, status=status, call=call)
        case 404:
            details = said.get("details")
            if reason == "NotFound" and isinstance(details, dict) and details.get("name"):
                return errors.Absent(source, f"{source} has no such object (404)", call=call)
            return errors.NotInstalled(source, f"{source} does not have this part (404): it is not installed there", call=call)
        case 409:
            sentence = f"{source} refused the change because the object has changed or exists already ({shown})"
            return errors.Conflict(source, sentence, reason=reason, call=call)
        case 410:
            return errors.Expired(source, f"{source} no longer has that version ({shown}): it must be listed again", call=call)
        case 429 | 503:
            sentence = f"{source} is overloaded or not ready ({shown})"
            return errors.Overloaded(source, sentence, status=status, retry_after_s=_retry_after(said, headers), call=call)
        case _ if 300 <= status < 400:
            sentence = f"{source} answered with a redirect ({status}): the address in the settings is not the service itself"
            return errors.Malformed(source, sentence, call=call)
    sentence = f"{source} refused the question ({shown})" if status < 500 else f"{source} failed by itself ({shown})"
    return errors.Failed(source, sentence, status=status, reason=reason, call=call)


def _right(said: Mapping[str, Any]) -> str:
    """The missing right as the end of a sentence; "" when the answer does not name it in the known words."""
    message = said.get("message")
    found = _FORBIDDEN.search(message[:2000]) if isinstance(message, str) else None
    if found is None:
        return ""
    verb, plural, part, group, namespace = found.groups()
    return f" to {verb} {plural}{f'.{group}' if group else ''}{part or ''} {f'in {namespace}' if namespace else 'anywhere'}"


def _retry_after(said: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    details = said.get("details")
    wish: Any = headers.get("retry-after")
    if wish is None and isinstance(details, dict):
        wish = details.get("retryAfterSeconds")
    try:
        seconds = float(wish)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= 3600 else None


def raise_transport(error: Exception, source: str, call: str) -> NoReturn:
    """Raise the `Fault` for an error of httpx or of the socket below it."""
    causes = _chain(error)
    sent = not isinstance(error, _NEVER_SENT)
    if isinstance(error, httpx.TimeoutException):
        doing = {
            httpx.ConnectTimeout: "did not take the connection in time",
            httpx.PoolTimeout: "has no free connection: earlier questions are still unanswered",
        }.get(type(error), "stopped answering")
        raise errors.TimedOut(source, f"{source} {doing}", call=call, sent=sent) from None
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            raise errors.TlsFailed(source, f"{source} {tls_reason(cause)}", call=call, sent=sent) from None
    if isinstance(error, httpx.ProxyError):
        refused = f"{source} was not reached: the configured proxy refused"
        raise errors.Unreachable(source, refused, call=call, sent=sent) from None
    if isinstance(error, httpx.RemoteProtocolError) and not _hung_up(error):
        raise errors.Malformed(source, f"{source} does not speak HTTP at that address", call=call) from None
    raise errors.Unreachable(source, f"{source} {socket_reason(causes)}", call=call, sent=sent) from None


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(found) < 12:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _hung_up(error: Exception) -> bool:
    return any(words in str(error) for words in ("disconnected", "closed connection", "ConnectionInputs.RECEIVE_DATA"))


def tls_reason(error: ssl.SSLError) -> str:
    """Why TLS failed, as the end of a sentence that starts with the system's name."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"showed a certificate that is not accepted: {error.verify_message or 'verification failed'}"
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return "does not speak TLS at that address"
    return "failed in the TLS handshake"


def socket_reason(causes: list[BaseException]) -> str:
    """Why there is no connection, as the end of a sentence that starts with the system's name."""
    for cause in causes:
        if isinstance(cause, ConnectionRefusedError):
            return "refused the connection: nothing listens there"
        if isinstance(cause, socket.gaierror):
            return "cannot be found: its name does not resolve"
        if isinstance(cause, OSError) and cause.errno in (101, 113):
            return "cannot be reached: there is no route to it"
    return "closed the connection before its answer was whole"
