"""Changing the platform in a browser: asked for beside the object, approved on a phone by another person, followed to its end."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.support.running import RunningConsole

Visit = Callable[..., Page]
REASON = "The pods hold stale connections since 02:40"
DEPLOYMENTS = "/region/region-2?kind=deployments.apps"
KUSTOMIZATIONS = "/region/region-2?kind=kustomizations.kustomize.toolkit.fluxcd.io"


def drawer(page: Page, name: str) -> Locator:
    """Open an object's drawer, and wait until it says what can be done."""
    page.locator("button[data-open=object]").filter(has_text=name).first.click()
    actions = page.locator("dialog#object[open] .actions")
    expect(actions.locator("button").first).to_be_visible(timeout=30_000)
    return actions


def ask(page: Page, actions: Locator, verb: str, reason: str = REASON) -> str:
    """Ask for it in the dialog; returns the run's id."""
    actions.get_by_role("button", name=verb, exact=True).click()
    dialog = page.locator("dialog#ask[open]")
    expect(dialog.get_by_role("heading", name="What would happen")).to_be_visible()
    expect(dialog.locator("code").first).to_contain_text("PATCH /apis/")
    dialog.locator("textarea[name=reason]").fill(reason)
    dialog.get_by_role("button", name="Ask for approval").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f]{32}"))
    expect(page.locator(".head .pill.active")).to_have_text("Waits for approval")
    return page.url.rsplit("/", 1)[-1].split("?")[0]


def approve(visit: Visit, run: str, **browser: object) -> Page:
    """Approve as another person, through the link that a notification carries."""
    page = visit(f"/approvals?operation={run}", role="approver", **browser)
    card = page.locator(".wait").first
    expect(card.get_by_role("link", name="Open the run")).to_have_count(0)
    card.get_by_role("button", name="Approve").click()
    expect(page.locator(".main > .said")).to_contain_text("Approved by approver")
    return page


def test_a_restart_from_the_button_to_the_new_pods(visit: Visit, healthy: None) -> None:
    page = visit(DEPLOYMENTS, role="operator")
    run = ask(page, drawer(page, "catalog"), "Restart")
    expect(page).to_have_title(re.compile(r"^\(\d+\) Restart Deployment acme-prod/catalog · "))
    own = page.locator(".doing")
    expect(own.get_by_role("button", name="Approve")).to_be_disabled()
    expect(own).to_contain_text("You asked for this yourself: another person has to approve it.")
    phone = visit(f"/approvals?operation={run}", role="approver", width=390)
    expect(phone).to_have_title(re.compile(r"^\(\d+\) Approvals · "))
    button = phone.locator(".wait").first.get_by_role("button", name="Approve")
    box = button.bounding_box()
    assert box is not None and box["height"] >= 44 and box["width"] >= 300, "a thumb has to reach it"
    button.click()
    expect(phone.locator(".main > .said")).to_contain_text("Approved by approver")
    expect(page.locator(".head .state.ok")).to_have_text("Completed", timeout=60_000)
    steps = page.locator(".timeline > li")
    expect(steps.nth(0)).to_contain_text("The API server has stored it")
    expect(steps.nth(1)).to_contain_text("new pods are ready")
    steps.nth(0).get_by_text("More").click()
    expect(steps.nth(0).locator("pre").first).to_contain_text("restartedAt")
    expect(page).to_have_title(re.compile(r"^(\(\d+\) )?Restart Deployment"))
    # What was decided stays where it was, and says what became of it.
    expect(phone.locator(".wait").first).to_contain_text("new pods are ready", timeout=20_000)


def test_suspended_is_shown_as_suspended_and_resumed_by_the_same_way(visit: Visit, healthy: None) -> None:
    page = visit(KUSTOMIZATIONS, role="operator")
    actions = drawer(page, "tenants")
    expect(actions.get_by_role("button", name="Resume", exact=True)).to_be_disabled()
    expect(actions).to_contain_text("is not suspended: there is nothing to do")
    approve(visit, ask(page, actions, "Suspend"))
    expect(page.locator(".head .state.ok")).to_have_text("Completed", timeout=60_000)
    page.goto(page.url.split("/runs/")[0] + KUSTOMIZATIONS)
    row = page.locator("tr", has_text="tenants").first
    expect(row.locator(".state.warn")).to_have_text("Suspended", timeout=30_000)
    approve(visit, ask(page, drawer(page, "tenants"), "Resume"))
    expect(page.locator(".head .state.ok")).to_have_text("Completed", timeout=60_000)


def test_a_drawer_never_shows_the_buttons_of_the_object_before(visit: Visit, healthy: None) -> None:
    page = visit(DEPLOYMENTS, role="operator")
    drawer(page, "payments")
    page.keyboard.press("Escape")
    # Within one turn of the browser's loop: before the server can have answered.
    found = page.evaluate("""() => {
        const button = [...document.querySelectorAll("button[data-open=object]")].find((b) => b.textContent.includes("portal"));
        button.click();
        const dialog = document.getElementById("object");
        return [dialog.open, getComputedStyle(dialog.querySelector(".actions button")).visibility];
    }""")
    assert found == [True, "hidden"]
    expect(page.locator("dialog#object[open] .head h2")).to_have_text("Deployment portal")
    expect(page.locator("dialog#object[open] .actions").get_by_role("button", name="Restart", exact=True)).to_be_visible()


def test_who_only_looks_is_told_what_would_be_needed(visit: Visit, healthy: None) -> None:
    page = visit(DEPLOYMENTS, role="viewer")
    actions = drawer(page, "payments")
    expect(actions.get_by_role("button", name="Restart", exact=True)).to_be_disabled()
    expect(actions).to_contain_text("Requesting this needs the role operator; yours is viewer.")
    actions.get_by_role("button", name="Why, and what would clear it").click()
    dialog = page.locator("dialog#ask[open]")
    expect(dialog.get_by_role("button", name="Ask for approval")).to_be_disabled()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_a_freeze_is_on_every_page_holds_what_is_asked_for_and_is_lifted_with_a_reason(visit: Visit, healthy: None) -> None:
    page = visit("/freeze", role="operator")
    page.locator("select[name=scope]").select_option(label="Changes of Region 2")
    form = page.locator("form", has=page.locator("select[name=scope]"))
    form.locator("textarea").fill("A storm is coming to Zurich")
    form.get_by_role("button", name="Freeze").click()
    expect(page.locator(".main > .said")).to_contain_text("It is frozen")
    other = visit(DEPLOYMENTS, role="operator")
    banner = other.get_by_role("region", name="What holds changes back")
    expect(banner).to_contain_text("Changes of Region 2 are frozen")
    expect(banner).to_contain_text("A storm is coming to Zurich")
    actions = drawer(other, "payments")
    expect(actions.get_by_role("button", name="Restart", exact=True)).to_be_disabled()
    expect(actions).to_contain_text("A storm is coming to Zurich")
    page.locator(".brakes li", has_text="Region 2").locator("summary").click()
    lift = page.locator(".brakes form")
    lift.locator("textarea").fill("The storm went by")
    lift.get_by_role("button", name="Lift").click()
    expect(page.locator(".main > .said")).to_contain_text("The freeze is lifted")
    expect(banner).to_have_count(0)


def test_a_denial_needs_a_reason_and_ends_the_request(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/region/region-1?kind=deployments.apps", role="operator")
    run = ask(page, drawer(page, "portal"), "Restart")
    other = visit(f"/approvals?operation={run}", role="approver")
    card = other.locator(".wait").first
    card.get_by_text("Deny", exact=True).first.click()
    card.locator("textarea").fill("no")
    card.get_by_role("button", name="Deny").click()
    assert card.locator("textarea").evaluate("field => field.validity.tooShort")
    card.locator("textarea").fill("Not during the sale")
    card.get_by_role("button", name="Deny").click()
    expect(page.locator(".head .pill").first).to_have_text("Cancelled", timeout=20_000)
    expect(page.locator(".large")).to_contain_text("Denied by approver: Not during the sale")
    page.goto(running_console.url + "/runs?state=ended&q=portal")
    expect(page.locator("table.runs tbody tr").first).to_contain_text("Restart Deployment acme-prod/portal")


def test_a_run_that_there_is_not_is_said_to_be_none(visit: Visit, healthy: None) -> None:
    page = visit("/runs/" + "0" * 32)
    expect(page.locator("main")).to_contain_text("There is no such run.")
    page = visit("/runs?kind=nonsense")
    expect(page.locator("main")).to_contain_text("There is no such kind of operation as “nonsense”.")


AWAY = """
Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
window.shown = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, said) { window.shown.push([title, said.body]); }
};
"""


def test_who_looks_elsewhere_is_notified_by_the_browser(visit: Visit, healthy: None) -> None:
    away = visit("/", role="approver")
    away.add_init_script(AWAY)
    page = visit("/region/region-1?kind=deployments.apps", role="operator")
    ask(page, drawer(page, "payments"), "Restart", "The first one of tonight")
    away.reload()
    away.wait_for_selector("#notice[data-notice]:not([data-notice=''])", state="attached")
    page.goto(page.url.split("/runs/")[0] + "/region/region-1?kind=statefulsets.apps")
    ask(page, drawer(page, "valkey"), "Restart", "The second one of tonight")
    away.wait_for_function("() => window.shown.length === 1")
    ((title, body),) = away.evaluate("window.shown")
    assert title.startswith("Approval needed: Restart StatefulSet")
    assert "operator asks" in body and "The second one of tonight" in body


def test_a_dialog_that_was_left_open_does_not_come_up_on_the_next_page(visit: Visit, healthy: None) -> None:
    page = visit("/region/region-1?kind=deployments.apps", role="operator")
    drawer(page, "portal").get_by_role("button", name="Restart", exact=True).click()
    expect(page.locator("dialog#ask[open] textarea[name=reason]")).to_be_visible()
    page.goto(page.url.split("/region/")[0] + "/freeze")
    page.wait_for_selector("#pulse[data-at*='T']", state="attached")
    # Forgotten on the server too: what a dialog is to show goes the same way as everything else that the page is given.
    expect(page.locator("dialog#ask")).to_have_attribute("data-wanted", "")
    expect(page.locator("dialog#ask[open]")).to_have_count(0)
    expect(page.locator("select[name=scope]")).to_be_visible()
