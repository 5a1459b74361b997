"""A browser whose server has died must say so by itself, and come back by itself."""

import os
import signal
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.running import RunningConsole

Visit = Callable[..., Page]


def test_tiles_grey_out_when_pushes_stop_and_return(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/")
    expect(page.locator(".lost")).not_to_be_visible()
    pid = running_console.server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        expect(page.locator(".lost")).to_be_visible(timeout=20_000)
        expect(page.locator(".lost")).to_contain_text("Everything below is as of")
        assert page.evaluate("getComputedStyle(document.querySelector('.region-card')).filter") != "none"
    finally:
        os.kill(pid, signal.SIGCONT)
    expect(page.locator(".lost")).not_to_be_visible(timeout=40_000)


def test_reconnect_restores_after_a_restart(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/")
    running_console.stop()
    expect(page.locator(".lost")).to_be_visible(timeout=20_000)
    running_console.launch()
    expect(page.locator(".lost")).not_to_be_visible(timeout=60_000)
    expect(page.locator(".strip:not(.lost)")).to_contain_text("Both regions are healthy", timeout=60_000)


def test_signing_out_elsewhere_closes_this_page(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/replication", role="operator")
    other = visit("/", role="operator", signed_in=False)
    other.goto(running_console.url + "/auth/sessions")
    other.get_by_role("button", name="everywhere").first.click()
    page.wait_for_url("**/auth/sign-in?next=%2Freplication*", timeout=40_000)
