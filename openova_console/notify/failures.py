"""Why a message did not arrive: one sentence for people, and whether it is worth another try.

A sentence names the target and never its address, its credentials or text that came from the other side.
"""

import socket
import ssl
from pathlib import Path


class Undelivered(Exception):
    """A message did not arrive, as far as is known.

    Attributes:
        sentence: what happened; starts with the target's name, has no full stop.
        final: the other side refused this message for good: sending it again would change nothing.
        wait_s: how long the other side asks to be left in peace, if it does.
        whole: whether the target as a whole is in trouble, so that other messages need not be tried now.
    """

    def __init__(self, sentence: str, *, final: bool = False, wait_s: float | None = None, whole: bool = True) -> None:
        super().__init__(sentence)
        self.sentence, self.final, self.wait_s, self.whole = sentence, final, wait_s, whole


def chain(error: BaseException) -> list[BaseException]:
    """An error and what lies below it."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def transport_reason(error: BaseException) -> str:
    """Why there was no exchange, as the end of a sentence that starts with the target's name."""
    causes = chain(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"showed a certificate that is not accepted: {(cause.verify_message or 'verification failed').rstrip('.')}"
        if isinstance(cause, ssl.SSLError):
            if cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
                return "does not speak TLS at that address"
            return "failed in the TLS handshake"
    for cause in causes:
        if isinstance(cause, ConnectionRefusedError):
            return "refused the connection: nothing listens there"
        if isinstance(cause, socket.gaierror):
            return "cannot be found: its name does not resolve"
        if isinstance(cause, TimeoutError):
            return "did not answer in time"
        if isinstance(cause, OSError) and cause.errno in (101, 113):
            return "cannot be reached: there is no route to it"
    return "closed the connection before its answer was whole"


def read_secret(path: Path, target: str, what: str) -> str:
    """A secret of one line from its file, read anew each time so that a renewed one counts at once.

    Raises:
        Undelivered: the file cannot be read, or holds no such line.
    """
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise Undelivered(f"{target} was not tried: its {what} file {path} cannot be read") from None
    if not found or not found.isprintable():
        raise Undelivered(f"{target} was not tried: its {what} file {path} holds no {what}")
    return found


def trust(ca_file: Path | None, target: str) -> ssl.SSLContext:
    """Verifying TLS settings. Raises `Undelivered` when the authority's file cannot be used."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError):
        raise Undelivered(f"{target} was not tried: the certificate authority file {ca_file} cannot be used") from None
