"""Sends one message as a mail, by SMTP submission (RFC 5321, RFC 6409): checked address, verified TLS, never less.

The standard library's client speaks on a thread of its own; when the time is over its socket is cut, which ends it.
"""

import asyncio
import contextlib
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BufferedReader
from typing import Any

from openova_console.handbook.speech import span
from openova_console.notify.addresses import resolve
from openova_console.notify.failures import Undelivered, read_secret, transport_reason, trust
from openova_console.notify.message import Message, mail
from openova_console.settings.notify import Email

_ANSWERS_LIMIT = 256 * 1024


async def send(target: Email, message: Message, *, timeout_s: float) -> str:
    """Send it once.

    Returns:
        What is to be said of a mail that was taken for some recipients only; "" when it was taken for all.

    Raises:
        Undelivered: with the sentence, and whether another try makes sense.
    """
    line = _Line()
    try:
        async with asyncio.timeout(timeout_s):
            checked = await resolve(target, target.host, target.at_port)
            work = asyncio.get_running_loop().run_in_executor(_pool(), _talk, target, message, checked, timeout_s, line)
            return await work
    except TimeoutError:
        raise Undelivered(f"{target.name} did not answer within {span(timeout_s)}") from None
    finally:
        line.cut()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="mail")


class _Line:
    """A second hold on the socket that the thread speaks on, so that it can be cut from outside, also in a TLS handshake."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: socket.socket | None = None
        self._over = False

    def hold(self, sock: socket.socket) -> None:
        """Called by the thread once it is connected. Raises TimeoutError when its time was over before that."""
        with self._lock:
            if self._over:
                raise TimeoutError
            self._spare = sock.dup()

    def cut(self) -> None:
        """Whatever the thread does on the socket fails from now on."""
        with self._lock:
            self._over, spare, self._spare = True, self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError):
                spare.shutdown(socket.SHUT_RDWR)
            spare.close()


class _Bounded:
    """Reads a server's lines, and no more of them than any answer needs."""

    def __init__(self, file: BufferedReader) -> None:
        self._file, self._left = file, _ANSWERS_LIMIT

    def readline(self, limit: int = -1) -> bytes:
        found = self._file.readline(limit)
        self._left -= len(found)
        if self._left < 0:
            raise OSError("the answer has no end")
        return found

    def close(self) -> None:
        self._file.close()


class _Client(smtplib.SMTP):
    """The library's client, connected to addresses that were checked; the name stays what TLS is verified for."""

    def __init__(self, target: Email, addresses: list[str], tls: ssl.SSLContext, timeout_s: float, line: _Line) -> None:
        self._addresses, self._tls_from_start = addresses, tls if target.security == "tls" else None
        self._line = line
        super().__init__(target.host, target.at_port, local_hostname=_own_name(), timeout=timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = _connect(self._addresses, port, timeout)
        try:
            self._line.hold(made)
            tls = self._tls_from_start
            return made if tls is None else tls.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise

    def getreply(self) -> Any:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


def _connect(addresses: list[str], port: int, timeout: float) -> socket.socket:
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), timeout)
    return socket.create_connection((addresses[-1], port), timeout)


def _own_name() -> str:
    name = socket.gethostname()
    return name if name.isascii() and name.replace("-", "").replace(".", "").isalnum() else "localhost"


def _talk(target: Email, message: Message, addresses: list[str], timeout_s: float, line: _Line) -> str:
    name = target.name
    tls = trust(target.ca_file, name)
    password = read_secret(target.password_file, name, "password") if target.password_file is not None else ""
    try:
        client = _Client(target, addresses, tls, timeout_s, line)
        try:
            if target.security == "starttls":
                client.starttls(context=tls)
            if target.username:
                client.login(target.username, password)
            made = mail(message, sender=target.sender, recipients=target.recipients)
            refused = client.send_message(made, target.sender, list(target.recipients))
            # It is sent now: a server that is rude at the end must not make it go out again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()
        finally:
            client.close()
    except smtplib.SMTPException as error:
        raise _failure(name, error) from None
    except (OSError, ssl.SSLError, UnicodeError) as error:
        raise Undelivered(f"{name} {transport_reason(error)}") from None
    return f"{name} took it, but not for {len(refused)} of {len(target.recipients)} recipients" if refused else ""


def _failure(name: str, error: smtplib.SMTPException) -> Undelivered:
    """The failure for an error of the library; what the server said is not repeated."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Undelivered(f"{name} does not accept the username and password ({error.smtp_code}): check its password file")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Undelivered(f"{name} does not offer what its settings demand: STARTTLS, or signing in")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        final = bool(codes) and all(500 <= code < 600 for code in codes)
        return Undelivered(f"{name} refused every recipient ({_codes(codes)})", final=final, whole=False)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return Undelivered(f"{name} {transport_reason(error)}")
    if isinstance(error, smtplib.SMTPResponseException) and 400 <= error.smtp_code < 600:
        final = 500 <= error.smtp_code < 600 and isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
        what = "refused the message" if final else "is overloaded or not ready"
        return Undelivered(f"{name} {what} ({error.smtp_code})", final=final, whole=not final)
    return Undelivered(f"{name} does not speak SMTP as expected")


def _codes(codes: list[int]) -> str:
    return ", ".join(str(code) for code in sorted(set(codes)))
