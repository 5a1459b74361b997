"""No port is built into the pages: whatever address a browser uses to get here, it stays on it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from openova_console.cli.frontend import BUILT
from tests.support.running import RunningConsole
from tests.wire.browser import SHOW, Refused
from tests.wire.conftest import Open
from tests.wire.plain import ask


@pytest.fixture
async def forward(running_console: RunningConsole) -> AsyncIterator[int]:
    """A port that is forwarded to the console's, as `kubectl port-forward 9000:8000` does."""
    busy: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", running_console.port)
        for pair in ((reader, inner_writer), (inner_reader, writer)):
            busy.add(asyncio.create_task(pump(*pair)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


@pytest.fixture(scope="module")
def module_path() -> str:
    (built,) = (BUILT / "assets").glob("reflex-env-*.js")
    return f"/assets/{built.name}"


async def test_the_pages_learn_their_address_from_the_browser(running_console: RunningConsole, module_path: str) -> None:
    port = running_console.port
    plain = await ask(port, module_path)
    assert (plain.status, plain.header("content-type"), plain.header("cache-control")) == (
        200, "text/javascript; charset=utf-8", "no-store",
    )  # fmt: skip
    assert "location.origin" in plain.body
    assert not re.search(r"(?:https?|wss?)://", plain.body)
    assert not re.search(r":\d{2,5}\b", plain.body)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br, gzip"])
async def test_no_compressed_copy_of_the_built_file_is_served(
    running_console: RunningConsole, module_path: str, encoding: str
) -> None:
    answer = await ask(running_console.port, module_path, headers=(("Accept-Encoding", encoding),))
    assert (answer.header("content-encoding"), "location.origin" in answer.body) == (None, True)


async def test_what_an_untrusted_proxy_says_changes_nothing(running_console: RunningConsole, module_path: str) -> None:
    port = running_console.port
    plain = await ask(port, module_path)
    for host in (f"localhost:{port}", "localhost:1", "127.0.0.1:9000", "localhost"):
        for claimed in (
            (),
            (("X-Forwarded-Proto", "https"),),
            (("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Port", "444")),
        ):
            answer = await ask(port, module_path, host=host, headers=claimed)
            assert (answer.status, answer.body) == (200, plain.body)
            assert answer.header("strict-transport-security") is None


async def test_a_claimed_https_makes_no_secure_cookie_and_no_https_origin(running_console: RunningConsole, connect: Open) -> None:
    port = running_console.port
    claimed = (("X-Forwarded-Proto", "https"),)
    page = await ask(port, "/auth/sign-in", headers=claimed)
    assert "__Host-" not in (page.header("set-cookie") or "")
    assert "Secure" not in (page.header("set-cookie") or "")
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(headers=claimed, origin=f"https://localhost:{port}")


async def test_through_a_forwarded_port_one_signs_in_and_is_pushed_to(
    forward: int, running_console: RunningConsole, connect: Open
) -> None:
    url = f"http://localhost:{forward}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"Origin": url}) as browser:
        page = await browser.get("/replication", headers={"Accept": "text/html"})
        assert page.headers["location"] == "/auth/sign-in?next=/replication"
        mark = re.search(r'name="csrf" value="(\w+)"', (await browser.get(page.headers["location"])).text)
        assert mark is not None
        done = await browser.post(
            page.headers["location"], data={"name": "viewer", "password": running_console.passwords["viewer"], "csrf": mark[1]}
        )
        assert (done.status_code, done.headers["location"]) == (303, "/replication")
        cookie = f"openova={browser.cookies['openova']}"
        running_console.secrets |= set(browser.cookies.values())
        shown = await browser.get("/replication", headers={"Accept": "text/html"}, follow_redirects=True)
        assert (shown.status_code, shown.url.port) == (200, forward)
    socket = await connect(cookie=cookie, port=forward)
    assert await socket.effects(SHOW, {"key": "through"})
    await socket.answers(lambda update: update.is_broadcast)


@pytest.mark.parametrize("kind", ["the console's own port", "no port", "another name of this machine"])
async def test_behind_a_forward_the_origin_must_be_the_forwards(
    kind: str, forward: int, running_console: RunningConsole, connect: Open, cookie_of: Callable[[str], str]
) -> None:
    origin = {
        "the console's own port": f"http://localhost:{running_console.port}",
        "no port": "http://localhost",
        "another name of this machine": f"http://127.0.0.1:{forward}",
    }[kind]
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(port=forward, origin=origin)
