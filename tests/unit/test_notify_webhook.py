"""A webhook on a real socket: what arrives there, and what each way of not arriving is called."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openova_console.notify import webhook as carrier
from openova_console.notify.failures import Undelivered
from openova_console.settings.notify import Webhook
from tests.support.hooks import SECRET, answer, hook, message, webhook
from tests.support.misbehaving import dripping, identity, resetting, silent, speaking_first, tcp


def target(url: str, **more: Any) -> Webhook:
    return Webhook(**webhook(url, **more))


async def failure(to: Webhook, *, timeout_s: float = 5) -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        await carrier.send(to, message(), timeout_s=timeout_s)
    shown = raised.value.sentence
    assert shown.startswith("chat ") and not shown.endswith(".")
    assert "hush" not in shown and "/services" not in shown and "127.0.0.1" not in shown
    return raised.value


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(SECRET + "\n")
    return path


async def test_what_arrives_is_signed_and_readable(key: Path) -> None:
    async with hook() as there:
        assert await carrier.send(target(there.url(), secret_file=key), message(), timeout_s=5) == ""
    (got,) = there.got
    assert got.path == "/services/T000/hush-hush"
    assert got.is_signed()
    assert got.headers["webhook-id"] == "ab" * 16
    assert got.headers["content-type"] == "application/json"
    assert got.json["text"].startswith("Approval needed: Restart portal\nhttps://console.example/")


async def test_the_address_may_come_from_a_file_and_may_be_renewed(tmp_path: Path) -> None:
    file = tmp_path / "url"
    async with hook() as first, hook() as second:
        to = Webhook(name="chat", kind="webhook", url_file=file, allow_private=True)
        assert (await failure(to)).sentence == f"chat was not tried: its address file {file} cannot be read"
        for there in (first, second):
            file.write_text(there.url() + "\n")
            await carrier.send(to, message(), timeout_s=5)
            assert len(there.got) == 1
        file.write_text("http://hooks.example/hush-hush")
        assert "is not encrypted and leaves this machine" in (await failure(to)).sentence


STATUSES: list[tuple[bytes, bool, bool, float | None, str]] = [
    (answer(500), False, True, None, "chat failed by itself (500)"),
    (answer(429, retry_after="17"), False, True, 17, "chat is overloaded or not ready (429)"),
    (answer(503, retry_after="60"), False, True, 60, "chat is overloaded or not ready (503)"),
    (answer(503), False, True, None, "chat is overloaded or not ready (503)"),
    (answer(408), False, True, None, "chat is overloaded or not ready (408)"),
    (answer(400, body=b"invalid_payload <b>"), True, False, None, "chat refused the message (400)"),
    (answer(404, body=b"no_team"), True, False, None, "chat refused the message (404)"),
    (answer(410), True, False, None, "chat refused the message (410)"),
]


@pytest.mark.parametrize(("said", "final", "whole", "wait_s", "sentence"), STATUSES)
async def test_each_refusal_says_whether_another_try_makes_sense(
    said: bytes, final: bool, whole: bool, wait_s: float | None, sentence: str
) -> None:
    async with hook(said) as there:
        found = await failure(target(there.url()))
    assert (found.sentence, found.final, found.whole, found.wait_s) == (sentence, final, whole, wait_s)


async def test_a_redirect_is_not_followed() -> None:
    async with hook() as elsewhere, hook(answer(307, location=elsewhere.url())) as there:
        found = await failure(target(there.url()))
        assert found.sentence.startswith("chat answered with a redirect (307), which is not followed")
        assert (len(there.got), len(elsewhere.got)) == (1, 0)


@pytest.mark.parametrize("body", [b"x" * 5_000_000, b""])
async def test_only_the_head_of_an_answer_is_read(body: bytes) -> None:
    async with hook(answer(200, body=body)) as there:
        assert await carrier.send(target(there.url()), message(), timeout_s=5) == ""


async def test_a_body_that_never_ends_holds_nothing_up() -> None:
    async with hook(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as there:
        there.answers = [_after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")]
        assert await carrier.send(target(there.url()), message(), timeout_s=5) == ""


def _after_head(head: bytes) -> Any:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        await reader.read()

    return reply


async def test_a_head_that_never_ends_is_cut_off() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-more: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async with hook(endless) as there:
        assert (await failure(target(there.url()))).sentence == "chat does not speak HTTP at that address"


async def test_silence_ends_with_the_time_that_there_is() -> None:
    async with tcp(silent) as port:
        found = await failure(target(f"http://127.0.0.1:{port}/services/hush"), timeout_s=0.2)
    assert (found.sentence, found.final) == ("chat did not answer within 0.2 s", False)


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (resetting, "chat closed the connection before its answer was whole"),
        (speaking_first(b"220 mail ready\r\n\r\n"), "chat does not speak HTTP at that address"),
        (speaking_first(b"HTTP/1.1 2"), "chat closed the connection before its answer was whole"),
    ],
)
async def test_what_is_no_answer(handler: Any, sentence: str) -> None:
    async with tcp(handler) as port:
        found = await failure(target(f"http://127.0.0.1:{port}/services/hush"))
    assert (found.sentence, found.final, found.whole) == (sentence, False, True)


async def test_nobody_there() -> None:
    async with hook() as there:
        url = there.url()
    assert (await failure(target(url))).sentence == "chat refused the connection: nothing listens there"


@contextlib.contextmanager
def names(monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> Iterator[list[str]]:
    """The DNS: each question for a name gets the next of its answers. Gives what was asked."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.endswith(".example"):
            return real(host, port, *more, **named)
        asked.append(name)
        found = answers[name.partition(".")[0]]
        addresses = found.pop(0) if len(found) > 1 else found[0]
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield asked


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name that leads elsewhere at the second question is asked for once, and TLS is verified for the name, not the address."""
    mine, other = identity(tmp_path / "mine", name="hooks.example"), identity(tmp_path / "other", name="other.example")
    async with hook(tls=mine.server) as there, hook(tls=other.server) as stranger:
        with names(monkeypatch, hooks=[["127.0.0.1"], ["192.0.2.1"]]) as asked:
            await carrier.send(target(there.url("hooks.example"), ca_file=mine.ca_file), message(), timeout_s=5)
        assert asked == ["hooks.example"]
        assert there.got[0].headers["host"] == f"hooks.example:{there.port}"
        with names(monkeypatch, hooks=[["127.0.0.1"]]):
            found = await failure(target(stranger.url("hooks.example"), ca_file=other.ca_file))
        assert found.sentence.startswith("chat showed a certificate that is not accepted: Hostname mismatch")
        assert stranger.got == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    mine = identity(tmp_path)
    async with hook(tls=mine.server) as there:
        found = await failure(target(there.url()))
        assert found.sentence.startswith("chat showed a certificate that is not accepted")
        assert there.got == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["169.254.169.254"], ["8.8.8.8", "10.0.0.1"], ["0.0.0.0"]])
async def test_a_name_that_leads_inside_is_not_connected_to(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with hook() as there:
        with names(monkeypatch, hooks=[addresses]):
            found = await failure(target(there.url("hooks.example"), allow_private=False, allow_plain=True))
        assert "its name leads to" in found.sentence
        assert there.got == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.0.0.1", "0x7f000001", "127.1", "0177.0.0.1"])
async def test_loopback_in_any_spelling_needs_a_word_in_the_settings(host: str) -> None:
    async with hook() as there:
        found = await failure(target(there.url(host), allow_private=False, allow_plain=True))
        assert found.sentence.startswith("chat was not tried: its name leads to a private or loopback address")
        await carrier.send(
            target(there.url(host), allow_private=False, allow_plain=True, networks=["127.0.0.0/8", "::1/128"]),
            message(),
            timeout_s=5,
        )
        assert len(there.got) == 1


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with names(monkeypatch, hooks=[[]]):
        found = await failure(target("https://hooks.example/services/hush"))
    assert found.sentence == "chat cannot be found: its name does not resolve"


async def test_of_several_addresses_the_next_is_taken_when_nothing_listens_at_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hook() as there:
        with names(monkeypatch, hooks=[["127.0.0.99", "127.0.0.1"]]):
            await carrier.send(target(there.url("hooks.example"), allow_plain=True), message(), timeout_s=5)
        assert len(there.got) == 1


async def test_a_proxy_named_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hook() as proxy, hook() as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await carrier.send(target(there.url()), message(), timeout_s=5)
        assert (len(proxy.got), len(there.got)) == (0, 1)


@pytest.mark.parametrize("content", ["", "whsec_short", "no key at all"])
async def test_without_a_usable_key_nothing_is_sent(content: str, key: Path) -> None:
    key.write_text(content)
    async with hook() as there:
        found = await failure(target(there.url(), secret_file=key))
        assert found.sentence.startswith("chat was not tried: ") and "no key at all" not in found.sentence
        assert there.got == []
