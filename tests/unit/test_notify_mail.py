"""A mail over a real SMTP server: TLS or nothing, who may send, who gets it, and what each failure is called."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from openova_console.notify import mailbox
from openova_console.notify.failures import Undelivered
from openova_console.settings.notify import Email
from tests.support.hooks import message
from tests.support.misbehaving import Identity, dripping, identity, silent, speaking_first, tcp

PASSWORD = "hush-hush-9"


class Server:
    """What the mail server does with what it gets; `refuse` maps what to the answer."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.refuse: dict[str, str] = {}
        self.signed_in: list[str] = []
        self.tls: list[bool] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Envelope) -> str:
        if "data" in self.refuse:
            return self.refuse["data"]
        self.got.append(envelope)
        self.tls.append(session.ssl is not None)
        return "250 taken"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Envelope) -> str:
        return self.refuse.get("quit", "221 bye")

    def authenticate(self, _server: Any, _session: Any, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.signed_in.append(mechanism)
        right = data.password == PASSWORD.encode() and data.login == b"console"
        return AuthResult(success=right, handled=False)


@contextlib.asynccontextmanager
async def server(tls: Identity | None = None, *, tls_from_start: bool = False) -> AsyncIterator[tuple[Server, int]]:
    """A mail server: with an identity it demands STARTTLS, or speaks TLS from the start, and then a password."""
    handler = Server()
    loop = asyncio.get_running_loop()
    starttls = tls is not None and not tls_from_start

    def protocol() -> SMTP:
        return SMTP(
            handler,
            tls_context=tls.server if tls is not None and starttls else None,
            require_starttls=starttls,
            authenticator=handler.authenticate,
            auth_required=tls is not None,
            auth_require_tls=starttls,
            loop=loop,
        )

    made = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls.server if tls is not None and tls_from_start else None)
    try:
        yield handler, made.sockets[0].getsockname()[1]
    finally:
        made.close()
        await asyncio.sleep(0)


pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture
def tls(tmp_path: Path) -> Identity:
    return identity(tmp_path / "tls")


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


def target(port: int, **more: Any) -> Email:
    base = {
        "name": "ops",
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "plain",
        "sender": "console@acme.example",
        "recipients": ["anna@acme.example", "olga@acme.example"],
        "allow_private": True,
    }
    return Email(**{**base, **more})


async def failure(to: Email, *, timeout_s: float = 5) -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        await mailbox.send(to, message(), timeout_s=timeout_s)
    assert raised.value.sentence.startswith("ops ")
    assert PASSWORD not in raised.value.sentence and "127.0.0.1" not in raised.value.sentence
    return raised.value


async def test_a_mail_arrives_at_every_recipient() -> None:
    async with server() as (there, port):
        assert await mailbox.send(target(port), message(urgent=True), timeout_s=5) == ""
    (got,) = there.got
    assert (got.mail_from, got.rcpt_tos) == ("console@acme.example", ["anna@acme.example", "olga@acme.example"])
    assert isinstance(got.content, bytes)
    read: Any = message_from_bytes(got.content, policy=policy.default)
    assert read["Subject"] == "[acme] Urgent: Approval needed: Restart portal"
    assert read["Message-ID"] == f"<{'ab' * 16}@acme.example>"
    assert "https://console.example/approvals?operation=1" in read.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_with_tls_and_a_password(security: str, tls: Identity, password: Path) -> None:
    secure = {"security": security, "ca_file": tls.ca_file, "username": "console", "password_file": password}
    async with server(tls, tls_from_start=security == "tls") as (there, port):
        assert await mailbox.send(target(port, host="localhost", **secure), message(), timeout_s=5) == ""
        assert len(there.got) == 1 and len(there.signed_in) == 1 and (there.tls == [True] or security == "tls")
        password.write_text("another")
        found = await failure(target(port, host="localhost", **secure))
        sentence = "ops does not accept the username and password (535): check its password file"
        assert (found.sentence, found.final, found.whole) == (sentence, False, True)
        assert len(there.got) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_gets_no_password(security: str, tls: Identity, password: Path) -> None:
    async with server(tls, tls_from_start=security == "tls") as (there, port):
        found = await failure(target(port, security=security, username="console", password_file=password))
        assert found.sentence.startswith("ops showed a certificate that is not accepted")
        assert (there.signed_in, there.got) == ([], [])


async def test_a_certificate_for_another_name_gets_no_password(tmp_path: Path, password: Path) -> None:
    other = identity(tmp_path / "other", name="other.example")
    async with server(other) as (there, port):
        to = target(
            port, host="localhost", security="starttls", ca_file=other.ca_file, username="console", password_file=password
        )
        assert "certificate is not valid for 'localhost'" in (await failure(to)).sentence
        assert there.signed_in == []


async def test_without_starttls_there_nothing_is_sent(password: Path) -> None:
    async with server() as (there, port):
        found = await failure(target(port, security="starttls", username="console", password_file=password))
        assert found.sentence == "ops does not offer what its settings demand: STARTTLS, or signing in"
        assert (there.got, there.signed_in) == ([], [])


@pytest.mark.parametrize(("code", "final"), [("550 no such user", True), ("451 greylisted", False)])
async def test_when_nobody_may_get_it(code: str, final: bool) -> None:
    async with server() as (there, port):
        there.refuse = {"anna@acme.example": code, "olga@acme.example": code}
        found = await failure(target(port))
        assert (found.sentence, found.final) == (f"ops refused every recipient ({code[:3]})", final)
        assert not found.whole and there.got == []


async def test_one_refused_recipient_does_not_keep_the_mail_from_the_other() -> None:
    async with server() as (there, port):
        there.refuse = {"anna@acme.example": "550 no such user"}
        note = await mailbox.send(target(port), message(), timeout_s=5)
        assert note == "ops took it, but not for 1 of 2 recipients"
        assert there.got[0].rcpt_tos == ["olga@acme.example"]


@pytest.mark.parametrize("where", ["console@acme.example", "data"])
@pytest.mark.parametrize(("code", "final"), [("554 no", True), ("452 full", False)])
async def test_a_refused_mail(where: str, code: str, final: bool) -> None:
    async with server() as (there, port):
        there.refuse = {where: code}
        found = await failure(target(port))
        said = "refused the message" if final else "is overloaded or not ready"
        assert (found.sentence, found.final, found.whole) == (f"ops {said} ({code[:3]})", final, not final)


async def test_a_server_that_is_rude_at_the_end_has_taken_the_mail() -> None:
    async with server() as (there, port):
        there.refuse = {"quit": "500 what?"}
        assert await mailbox.send(target(port), message(), timeout_s=5) == ""
        assert len(there.got) == 1


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (silent, "ops did not answer within 0.3 s"),
        (dripping(b"220"), "ops did not answer within 0.3 s"),
        (dripping(b"220-x\r\n", b"220-still\r\n"), "ops did not answer within 0.3 s"),
    ],
)
async def test_a_server_that_does_not_come_to_an_end_is_cut_off(handler: Any, sentence: str) -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A mail server speaks first: these handlers wait for a word before they do.
        fed = asyncio.StreamReader()
        fed.feed_data(b"x")
        await handler(fed if handler is not silent else reader, writer)

    async with tcp(first) as port:
        assert (await failure(target(port), timeout_s=0.3)).sentence == sentence
        # The thread that spoke has ended with its socket, and does not go on until some time-out of its own.
        await _until(lambda: not _talking())


def _talking() -> bool:
    frames = sys._current_frames()
    mail = [thread.ident for thread in threading.enumerate() if thread.name.startswith("mail")]
    names = set()
    for ident in mail:
        frame = frames.get(ident or 0)
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
    return "_talk" in names


async def _until(condition: Any, limit_s: float = 10) -> None:
    end = asyncio.get_running_loop().time() + limit_s
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it never came"
        await asyncio.sleep(0.01)


async def test_a_handshake_that_does_not_come_to_an_end_is_cut_off() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        for answer in (b"250-mail\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await silent(reader, writer)

    for security, handler in (("tls", silent), ("starttls", half)):
        async with tcp(handler) as port:
            assert (await failure(target(port, security=security), timeout_s=0.3)).sentence == "ops did not answer within 0.3 s"
            await _until(lambda: not _talking())


async def test_a_mail_whose_time_was_over_before_it_was_connected_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    real, connected = mailbox._connect, threading.Event()

    def late(addresses: list[str], port: int, timeout: float) -> Any:
        made = real(addresses, port, timeout)
        connected.wait(10)
        return made

    monkeypatch.setattr(mailbox, "_connect", late)
    async with server() as (there, port):
        assert (await failure(target(port), timeout_s=0.2)).sentence == "ops did not answer within 0.2 s"
        connected.set()
        await _until(lambda: not _talking())
        assert there.got == []


async def test_an_answer_without_end_is_not_kept() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"220-" + b"y" * 500 + b"\r\n")
            await writer.drain()

    async with tcp(endless) as port:
        assert (await failure(target(port), timeout_s=30)).sentence == "ops closed the connection before its answer was whole"


async def test_what_is_no_mail_server() -> None:
    async with tcp(_greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert (await failure(target(port))).sentence == "ops does not speak SMTP as expected"
    async with tcp(_greeting(b"421 too busy\r\n")) as port:
        found = await failure(target(port))
        assert (found.sentence, found.final) == ("ops is overloaded or not ready (421)", False)
    async with tcp(speaking_first(b"nothing like TLS")) as port:
        assert (await failure(target(port, security="tls"))).sentence == "ops does not speak TLS at that address"
    assert (await failure(target(port))).sentence == "ops refused the connection: nothing listens there"


def _greeting(raw: bytes) -> Any:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return handle


async def test_a_mail_server_inside_needs_a_word_in_the_settings() -> None:
    async with server() as (there, port):
        found = await failure(target(port, allow_private=False))
        assert found.sentence.startswith("ops was not tried: its name leads to a private or loopback address")
        assert there.got == []


async def test_an_unreadable_password_file_sends_nothing(tmp_path: Path) -> None:
    async with server() as (there, port):
        found = await failure(target(port, username="console", password_file=tmp_path / "none"))
        assert found.sentence == f"ops was not tried: its password file {tmp_path / 'none'} cannot be read"
        assert there.got == []
