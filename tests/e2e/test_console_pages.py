"""Accounts, tokens, standing approvals, policy and the audit in a browser: asked for by one person, approved by another, used."""

import json
import re
import secrets
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.running import RunningConsole, wait_for

Visit = Callable[..., Page]
SLOW = 40_000


@pytest.fixture
def second(running_console: RunningConsole) -> str:
    """Another administrator: what one asks of the console itself, another approves."""
    if "second" not in running_console.passwords:
        running_console.add_account("second", "admin")
    return "second"


def ask(page: Page, reason: str, button: str = "Ask for approval") -> Locator:
    """Fill the dialog that has opened, and send it."""
    dialog = page.locator("dialog#ask")
    dialog.locator("textarea[name=reason]").fill(reason)
    dialog.get_by_role("button", name=button).click()
    return dialog


def approve(visit: Visit, role: str, title: str) -> None:
    page = visit("/approvals", role=role)
    card = page.get_by_role("region", name=title, exact=True)
    card.get_by_role("button", name=re.compile("^Approve")).click()
    expect(card.get_by_role("link", name="Open the run")).to_be_visible(timeout=SLOW)


def test_an_account_is_made_by_two_administrators_and_its_word_signs_in(
    visit: Visit, browser: Browser, healthy: None, running_console: RunningConsole, second: str
) -> None:
    name = f"jane-{secrets.token_hex(3)}"
    page = visit("/users", role="admin")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Role of the new account").select_option("operator")
    page.get_by_role("button", name="Make an account").click()
    dialog = ask(page, "she joins the on-call rota")
    word = dialog.locator("#ask-word").inner_text(timeout=SLOW)
    running_console.secrets.add(word)
    dialog.get_by_role("link", name="Follow the request").click()
    expect(page.locator("h1")).to_have_text(f"Make the account {name} (operator)")
    expect(page.get_by_role("region", name="What can be done")).to_contain_text("You asked for this yourself")
    approve(visit, second, f"Make the account {name} (operator)")
    page.get_by_role("link", name="Users", exact=True).click()
    row = page.locator("tr", has_text=name)
    expect(row).to_contain_text("Has a one-time word", timeout=SLOW)
    assert word not in page.content()

    fresh = browser.new_context()
    signing = fresh.new_page()
    signing.goto(running_console.url)
    signing.fill("input[name=name]", name)
    signing.fill("input[name=password]", word)
    signing.click("button[type=submit]")
    expect(signing).to_have_url(re.compile("/auth/password"))
    fresh.close()


def test_an_account_is_sealed_and_whoever_opens_it_is_heard_of(
    visit: Visit, browser: Browser, healthy: None, running_console: RunningConsole, second: str
) -> None:
    name = f"glass-{secrets.token_hex(3)}"
    page = visit("/users", role="admin")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label(re.compile("^Sealed, for whoever is alone")).check()
    page.get_by_role("button", name="Make an account").click()
    word = ask(page, "for the envelope in the safe").locator("#ask-word").inner_text(timeout=SLOW)
    running_console.secrets.add(word)
    approve(visit, second, f"Seal the account {name}")
    page.locator("dialog#ask").get_by_role("button", name="Close").click()
    row = page.locator("tr", has_text=name)
    expect(row.get_by_role("button", name=f"Seal the account {name} anew")).to_be_visible(timeout=SLOW)
    assert word not in page.content()

    alone = browser.new_context()
    signing = alone.new_page()
    signing.goto(running_console.url)
    signing.fill("input[name=name]", name)
    signing.fill("input[name=password]", word)
    signing.click("button[type=submit]")
    expect(signing.get_by_role("button", name="Your account")).to_have_text(name, timeout=SLOW)
    alone.close()
    reviewing = visit("/freeze", role="approver")
    expect(reviewing.locator(".brakes li", has_text=f"Sealed account: {name} signed in")).to_be_visible()


def test_a_role_is_changed_through_the_dialog(visit: Visit, healthy: None, second: str) -> None:
    page = visit("/users", role="admin")
    page.get_by_role("button", name="Change the role of viewer").click()
    page.get_by_label("New role").select_option("operator")
    page.get_by_role("button", name="Look at the change").click()
    expect(page.locator("dialog#ask")).to_contain_text("Make viewer operator: its sessions end at once")
    page.locator("dialog#ask").get_by_role("button", name="Close").click()
    expect(page.locator("dialog#ask")).not_to_be_visible()


def test_who_may_not_change_accounts_sees_them_and_is_told_why(visit: Visit, healthy: None) -> None:
    page = visit("/users", role="operator")
    expect(page.locator("tr", has_text="security-officer")).to_be_visible()
    expect(page.get_by_role("button", name="Make an account")).to_be_disabled()
    expect(page.locator("main")).to_contain_text("Requesting this needs the role admin; yours is operator.")
    assert page.get_by_role("button", name=re.compile("Reset|Close the account|Change the role")).count() == 0
    expect(page.locator("main")).not_to_contain_text("Last signed in")


def test_a_name_that_is_none_is_refused_beside_its_field(visit: Visit, healthy: None) -> None:
    page = visit("/users", role="admin")
    page.get_by_label("Name", exact=True).fill("-jane-")
    page.get_by_role("button", name="Make an account").click()
    expect(page.locator("main p[role=alert]")).to_contain_text("Name: ")
    expect(page.locator("dialog#ask")).not_to_be_visible()


def test_a_token_is_made_approved_used_and_taken_back(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    name = f"checks-{secrets.token_hex(3)}"
    page = visit("/tokens", role="operator")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Look at everything").check()
    page.get_by_label("Ask for “Restart a workload”").check()
    page.get_by_role("button", name="Make a token").click()
    dialog = ask(page, "the nightly checks read and restart")
    token = dialog.locator("#ask-word").inner_text(timeout=SLOW)
    running_console.secrets.add(token)

    def used() -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{running_console.url}/api/v1/operations", headers=headers, trust_env=False).status_code

    assert used() == 401
    approve(visit, "approver", f"Make the token “{name}” of operator")
    wait_for("the token counts", lambda: used() == 200, limit_s=40)
    dialog.get_by_role("link", name="Follow the request").click()
    expect(page.locator("h1")).to_contain_text(f"Make the token “{name}”", timeout=SLOW)
    page.get_by_role("link", name="Tokens", exact=True).click()
    row = page.locator("tr", has_text=name)
    expect(row).to_contain_text("May look at everything and ask for “Restart a workload”")
    row.get_by_role("button", name="Take back").click()
    ask(page, "the checks have moved elsewhere", "Begin")
    expect(page.locator("h1")).to_contain_text("Take back a token", timeout=SLOW)
    wait_for("the token counts no more", lambda: used() == 401, limit_s=40)
    others = visit("/tokens", role="viewer")
    expect(others.locator("main")).to_contain_text("You have none.")
    expect(others.locator("main")).not_to_contain_text(name)


def test_a_token_that_may_do_nothing_is_refused(visit: Visit, healthy: None) -> None:
    page = visit("/tokens", role="viewer")
    page.get_by_label("Name", exact=True).fill("nothing")
    expect(page.get_by_label("Ask for “Restart a workload”")).to_be_disabled()
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("main p[role=alert]")).to_contain_text("choose at least one")


def test_a_standing_approval_is_granted_shown_and_taken_back(visit: Visit, healthy: None) -> None:
    name = f"nightly-{secrets.token_hex(3)}"
    page = visit("/standing", role="operator")
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("Its name").fill("nightly")
    page.get_by_label("Namespace", exact=True).fill("acme-prod")
    page.get_by_role("group").get_by_label("Name", exact=True).fill("*")
    page.get_by_role("button", name="Look at the grant").click()
    dialog = page.locator("dialog#ask")
    expect(dialog).to_contain_text("list the targets in the limits")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_label("Targets, when something was left open").fill("name=portal\nname=checkout")
    page.get_by_role("button", name="Look at the grant").click()
    ask(page, "restarted every night after the import")
    expect(page.locator("h1")).to_have_text(f"Grant the standing approval {name}", timeout=SLOW)
    approve(visit, "admin", f"Grant the standing approval {name}")
    page.get_by_role("link", name="Standing approvals", exact=True).click()
    card = page.get_by_role("region", name=name, exact=True)
    expect(card).to_contain_text("In force", timeout=SLOW)
    expect(card).to_contain_text("0 of 1 in the last 24 h")
    card.get_by_role("button", name="Take back").click()
    ask(page, "the import has ended", "Begin")
    page.wait_for_url(re.compile("/runs/"))
    page.get_by_role("link", name="Standing approvals", exact=True).click()
    expect(page.locator("summary", has_text="Over:")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("region", name=name, exact=True)).not_to_be_visible()


def test_a_change_of_policy_says_what_it_weakens(visit: Visit, healthy: None) -> None:
    page = visit("/policy", role="admin")
    expect(page.locator("tr", has_text="Restart a workload")).to_contain_text("As the kind itself says")
    page.get_by_role("button", name="Change the policy of: Restart a workload").click()
    page.get_by_label("How many people").select_option("0")
    page.get_by_role("button", name="Look at the change").click()
    expect(page.locator("dialog#ask")).to_contain_text("LOWERED: nobody has to approve instead of one approval")
    viewer = visit("/policy", role="viewer")
    viewer.get_by_role("button", name="Change the policy of: Restart a workload").click()
    expect(viewer.get_by_role("button", name="Look at the change")).to_be_disabled()
    expect(viewer.locator("dialog#policy")).to_contain_text("needs the role admin; yours is viewer")


def test_the_audit_is_searched_unfolded_and_verified(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    name = f"reader-{secrets.token_hex(3)}"
    page = visit("/tokens", role="approver")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Look at everything").check()
    page.get_by_role("button", name="Make a token").click()
    dialog = ask(page, "the dashboards read the console", "Begin")
    running_console.secrets.add(dialog.locator("#ask-word").inner_text(timeout=SLOW))
    dialog.get_by_role("link", name="Follow the request").click()
    expect(page.locator("main")).to_contain_text("Completed", timeout=SLOW)

    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_label("Words").fill(name)
    page.get_by_label("Who").fill("approver")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(re.compile(f"q={name}&actor=approver"))
    rows = page.locator("table.audit tbody tr")
    asked = rows.filter(has_text="Asked for: the dashboards read the console")
    expect(asked).to_contain_text(name)
    expect(rows.filter(has_text="engine")).to_have_count(0)
    page.reload()
    asked.get_by_role("button").click()
    expect(asked).to_contain_text("After the seal")
    asked.get_by_role("button").click()
    expect(asked).not_to_contain_text("After the seal")

    verification = page.get_by_role("region", name="Verification")
    verification.get_by_role("button", name="Verify the audit").click()
    expect(verification).to_contain_text("Unbroken", timeout=SLOW)
    expect(verification).to_contain_text("kept in the file, Region 1 and Region 2")
    expect(verification).to_contain_text(re.compile(r"\d+ events in one chain, verified in"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export everything").click()
    lines = download.value.path().read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_a_search_that_is_wrong_says_what_is_right(visit: Visit, healthy: None) -> None:
    page = visit("/audit?from=yesterday")
    expect(page.locator("main")).to_contain_text("write it as 2026-03-01T12:00, in UTC")
    expect(page.get_by_role("button", name="Export everything")).to_be_disabled()
    expect(page.locator("main")).to_contain_text("Taking the whole audit needs the role approver or security-officer")
