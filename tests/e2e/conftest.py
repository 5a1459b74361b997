"""A browser: Debian's Chromium, driven by Playwright. Skips with the reason where there is none."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.running import RunningConsole

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (Debian: apt-get install chromium)"))


@pytest.fixture
def browser() -> Iterator[Browser]:
    # One per test: Playwright keeps an event loop running meanwhile, beside which no asyncio test of this process could run.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser, running_console: RunningConsole) -> Iterator[Callable[..., Page]]:
    """Opens a page as somebody with a role; fails the test on any error in the browser's console."""
    contexts = []
    complaints: list[str] = []

    def open_page(
        path: str = "/", *, role: str = "viewer", width: int = 1440, scheme: str = "light", signed_in: bool = True
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")
        contexts.append(context)
        if signed_in:
            context.add_cookies(running_console.browser_cookies(role))
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(running_console.url + path)
        if "/auth/sign-in" in page.url:
            page.fill("input[name=name]", role)
            page.fill("input[name=password]", running_console.passwords[role])
            page.click("button[type=submit]")
        page.wait_for_selector("#pulse[data-at*='T']", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    # What the browser itself says of a server that is gone, or of a session that is over, is no fault of the page.
    expected = ("WebSocket", "ERR_CONNECTION", "status of 401")
    assert not [c for c in complaints if not any(word in c for word in expected)], complaints
