"""What a person does: signs in through a deep link, looks, reads a source, goes by keyboard, downloads."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.running import RunningConsole, RunningLab, wait_for

Visit = Callable[..., Page]


def test_deep_link_survives_signing_in(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/replication/valkey?range=1h", signed_in=False)
    assert page.url == f"{running_console.url}/replication/valkey?range=1h"
    expect(page.locator("h1")).to_have_text("Valkey")
    expect(page.locator(".tabs a[aria-current=true]")).to_have_text("1h")


def test_wrong_password_keeps_the_name_and_says_one_sentence(browser, running_console: RunningConsole) -> None:
    page = browser.new_page()
    page.goto(running_console.url)
    page.fill("input[name=name]", "viewer")
    page.fill("input[name=password]", "not the password at all")
    page.click("button[type=submit]")
    expect(page.locator("[role=alert]")).to_be_visible()
    expect(page.locator("input[name=name]")).to_have_value("viewer")
    page.close()


def test_overview_shows_both_regions_live(visit: Visit, healthy: None) -> None:
    page = visit("/")
    for name, role in (("Region 1", "Primary"), ("Region 2", "DR")):
        tile = page.get_by_role("region", name=name)
        expect(tile.locator(".pill")).to_have_text(role)
        expect(tile.locator(".headline")).to_contain_text("Healthy", timeout=30_000)
    row = page.locator("tr", has_text="CNPG (Postgres)")
    expect(row.locator(".state")).to_have_text("OK")
    expect(row.locator("time")).to_have_text(re.compile(r"^\d+ s$"))
    for title in ("MongoDB", "Redpanda", "MinIO", "Harbor", "Vault", "Gitea"):
        expect(page.locator("tbody tr", has_text=title).first.locator(".state")).to_have_text("OK", timeout=60_000)
    expect(page).to_have_title(re.compile(r"^(\(\d+\) )?Overview · Lab · from Region 2$"))
    expect(page.locator(".stripes")).to_be_visible()


def test_show_source_tells_query_answer_and_time(visit: Visit, healthy: None) -> None:
    page = visit("/replication/cnpg")
    page.get_by_role("button", name="Show the source of CNPG (Postgres)", exact=True).click()
    dialog = page.locator("dialog#source")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#source-call")).to_contain_text("cnpg_pg_stat_replication_flush_diff_bytes")
    expect(dialog.locator("pre").nth(1)).to_contain_text("matrix")
    expect(dialog.locator("time")).to_contain_text("ago")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()


def test_keyboard_goes_everywhere(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("dialog#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.locator("h1")).to_have_text("Replication")
    page.keyboard.press("/")
    page.keyboard.type("region 2")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Region 2")
    assert page.url.startswith(f"{running_console.url}/region/region-2")


def test_range_is_in_the_address_and_back_works(visit: Visit, healthy: None) -> None:
    page = visit("/replication")
    page.get_by_role("link", name="Valkey").click()
    page.locator(".tabs a", has_text="7d").click()
    expect(page.locator(".tabs a[aria-current=true]")).to_have_text("7d")
    assert page.url.endswith("/replication/valkey?range=7d")
    page.reload()
    expect(page.locator(".tabs a[aria-current=true]")).to_have_text("7d")
    expect(page.locator(".chart .js-plotly-plot")).to_be_visible()


def test_history_downloads_as_csv(visit: Visit, healthy: None) -> None:
    page = visit("/replication/cnpg")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text()
    assert text.startswith("step_begins_utc,mean_lag_s,")
    assert len(text.splitlines()) > 10


def test_unknown_selection_says_what_there_is(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/replication/oracle")
    expect(page.locator("main")).to_contain_text("There is no such service")
    page.goto(running_console.url + "/region/mars")
    expect(page.locator("main")).to_contain_text("There is no such region. Configured: region-1, region-2")


def test_sources_page_lists_every_loop(visit: Visit, healthy: None) -> None:
    page = visit("/sources")
    for name in ("kubernetes/region-1", "postgres/region-2", "valkey/region-1", "link/region-2", "witness/Quad9"):
        expect(page.locator("tr", has=page.get_by_text(name, exact=True)).locator(".state")).to_have_text(
            "Reading", timeout=30_000
        )


def test_dark_and_light_can_be_chosen(visit: Visit, healthy: None) -> None:
    page = visit("/")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Dark or light").click()
    page.wait_for_function("before => getComputedStyle(document.body).backgroundColor !== before", arg=before)


def test_an_object_opens_with_its_conditions_events_text_and_difference(visit: Visit, healthy: None) -> None:
    page = visit("/region/region-1")
    page.get_by_role("link", name=re.compile("^clusters ")).click()
    assert page.url.endswith("/region/region-1?kind=clusters.postgresql.cnpg.io")
    page.locator("main tr", has_text="databases").get_by_role(
        "button", name=re.compile(r"^postgres\b.*open postgres$")
    ).first.click()
    drawer = page.locator("dialog#object")
    expect(drawer.locator("h2")).to_have_text("Cluster postgres")
    expect(drawer).to_contain_text("differs from Region 2")
    expect(drawer.get_by_label("Difference from the other region")).to_contain_text("+")
    drawer.get_by_text("As YAML, without secrets").click()
    expect(drawer.locator("#object-text")).to_contain_text("name: postgres")
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()


def test_the_drawer_of_a_canary_shows_its_events(visit: Visit, healthy: None, running_lab: RunningLab) -> None:
    running_lab.scenario("canary_failing")
    page = visit("/region/region-1?kind=canaries.flagger.app")
    drawer = page.locator("dialog#object")

    def has_events() -> bool:
        """Opens the drawer anew: it shows what was there when it was opened."""
        page.keyboard.press("Escape")
        page.get_by_role("button", name=re.compile("open checkout$")).first.click()
        expect(drawer.get_by_role("heading", name="Events")).to_be_visible()
        return drawer.locator("li .state").count() > 0

    wait_for("events of the canary", has_events, limit_s=90, pause_s=1)
    expect(drawer.locator("h2")).to_have_text("Canary checkout")
    expect(drawer.locator("li", has=page.locator(".state")).first).to_contain_text("ago")


def test_the_legs_of_a_path_are_shown(visit: Visit, healthy: None) -> None:
    page = visit("/replication/mongodb")
    for leg in ("Debezium", "MirrorMaker", "sink"):
        expect(page.locator("tbody tr", has_text=re.compile(leg, re.IGNORECASE)).first).to_be_visible(timeout=30_000)


def test_what_would_be_lost_is_said_above_the_table(visit: Visit, healthy: None) -> None:
    page = visit("/replication")
    expect(page.locator(".lead")).to_contain_text("If Region 1 died now")
    expect(page.locator("main")).to_contain_text("Keycloak")
