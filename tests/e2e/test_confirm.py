"""The page that asks for the password again, as a thumb meets it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.support.running import RunningConsole


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_password_is_given_again_with_a_thumb(scheme: str, browser: Browser, running_console: RunningConsole) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    context.add_cookies(running_console.browser_cookies("approver"))
    page = context.new_page()
    page.goto(f"{running_console.url}/auth/confirm?next=/slo")
    assert page.evaluate("document.activeElement.name") == "password"
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "That is not your password."
    page.fill("input[name=password]", running_console.passwords["approver"])
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: "/auth/" not in url)
    page.goto(f"{running_console.url}/auth/confirm?next=/slo")
    assert "is confirmed until" in page.get_by_role("status").inner_text()
    findings = Axe().run(page).response["violations"]
    assert not [v["id"] for v in findings if v["impact"] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button = page.get_by_role("button", name="Confirm").bounding_box()
    assert button is not None and button["height"] >= 36
    page.get_by_role("link", name="Back").click()
    page.wait_for_url(lambda url: "/auth/" not in url)
    context.close()
