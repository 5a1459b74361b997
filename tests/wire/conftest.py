"""Raw sockets to the running console."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.running import RunningConsole
from tests.wire.browser import Socket, Update

Open = Callable[..., Awaitable[Socket]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/wire/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("console"))


@pytest.fixture(scope="session")
def cookie_of(running_console: RunningConsole) -> Callable[[str], str]:
    """The Cookie header of a session of this account; one session for all tests, so do not end it."""
    kept: dict[str, str] = {}

    def give(name: str) -> str:
        if name not in kept:
            kept[name] = f"openova={running_console.sign_in(name)['openova']}"
        return kept[name]

    return give


@dataclass(frozen=True)
class LongWatch:
    """What became of two pages that were opened early on.

    Attributes:
        updates: what the page got that was looked at all the time.
        thawed: seconds after which the other one, which had read nothing so far, was read again.
        ended: whether it then turned out that the console had closed it.
    """

    updates: list[Update]
    thawed: float
    ended: bool


FROZEN_S = 31.0


@pytest.fixture(scope="session")
def long_watch(running_console: RunningConsole, cookie_of: Callable[[str], str]) -> Iterator["Future[LongWatch]"]:
    """Takes half a minute, beside the other tests: it begins with the first that opens a websocket."""
    found: Future[LongWatch] = Future()

    async def watch() -> LongWatch:
        page = await Socket.open(running_console.port, cookie=cookie_of("viewer"))
        frozen = await Socket.open(running_console.port, cookie=cookie_of("viewer"), buffer=4096)
        running_console.secrets |= {page.token, frozen.token}
        updates = await page.updates(FROZEN_S)
        try:
            await frozen.ended(limit_s=5)
            ended = True
        except TimeoutError:
            ended = False
        await page.close()
        await frozen.close()
        return LongWatch(updates, FROZEN_S, ended)

    def run() -> None:
        try:
            found.set_result(asyncio.run(watch()))
        except BaseException as error:
            found.set_exception(error)

    cookie_of("viewer")
    thread = threading.Thread(target=run, name="long watch", daemon=True)
    thread.start()
    yield found
    thread.join(FROZEN_S + 10)


@pytest.fixture
async def connect(
    running_console: RunningConsole, cookie_of: Callable[[str], str], long_watch: "Future[LongWatch]"
) -> AsyncIterator[Open]:
    """Opens websockets as one of the accounts, or with a `cookie`; closes them after the test."""
    opened: list[Socket] = []

    async def open_socket(name: str = "viewer", **options: object) -> Socket:
        cookie = options.pop("cookie", None)
        socket = await Socket.open(
            options.pop("port", running_console.port), cookie=cookie_of(name) if cookie is None else cookie, **options
        )
        running_console.secrets.add(socket.token)
        opened.append(socket)
        return socket

    yield open_socket
    for socket in opened:
        await socket.close()


@pytest.fixture
def client(running_console: RunningConsole) -> httpx.Client:
    """An HTTP client that belongs to nobody and follows nothing."""
    with httpx.Client(base_url=running_console.url, trust_env=False, headers={"Origin": running_console.url}) as opened:
        yield opened


class Figures:
    """What /metrics says now."""

    def __init__(self, url: str) -> None:
        self._url = url

    def total(self, name: str, **labels: str) -> float:
        text = httpx.get(f"{self._url}/metrics", trust_env=False).text
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    def decisions(self, decision: str, reason: str = "") -> float:
        labels = {"decision": decision} | ({"reason": reason} if reason else {})
        return self.total("openova_event_guard_decisions_total", **labels)


@pytest.fixture
def figures(running_console: RunningConsole) -> Figures:
    return Figures(running_console.url)
