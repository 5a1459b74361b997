"""Every page in both themes and four widths: readable by everybody (axe), and nothing spills over."""

import secrets
from collections.abc import Callable

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.running import RunningConsole

Visit = Callable[..., Page]
PATHS = (
    "/",
    "/replication",
    "/replication/cnpg",
    "/replication/mongodb",
    "/region/region-1?kind=certificates.cert-manager.io",
    "/slo",
    "/delivery",
    "/alerts",
    "/gslb",
    "/budget",
    "/witnesses",
    "/sources",
    "/runs",
    "/approvals",
    "/freeze",
    "/notifications",
)
# Once more, or only, as somebody who has every button.
CHANGING = ("/runs/{run}", "/approvals", "/standing", "/freeze", "/audit", "/users", "/policy", "/tokens")


@pytest.fixture
def run(running_console: RunningConsole, healthy: None) -> str:
    """The id of a request that waits for approval: what these pages are about."""
    body = {"name": f"looks-{secrets.token_hex(3)}", "owner": "admin", "scopes": ["read", "request:*"], "days": 1}
    asked = {"kind": "create-token", "params": body | {"token_sha256": secrets.token_hex(32)}, "reason": "to be looked at"}
    sent = {"origin": running_console.url, "idempotency-key": secrets.token_hex(8)}
    cookies = {cookie["name"]: cookie["value"] for cookie in running_console.browser_cookies("admin")}
    answer = httpx.post(
        running_console.url + "/api/v1/operations", json=asked, headers=sent, cookies=cookies, timeout=20, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(("role", "path"), [*(("viewer", path) for path in PATHS), *(("admin", path) for path in CHANGING)])
def test_readable_by_everybody_at_every_width(role: str, path: str, visit: Visit, run: str) -> None:
    page = visit(path.format(run=run), role=role)
    page.wait_for_selector(".strip:not(.lost) .state")
    expect(page.locator("main")).not_to_contain_text("Loading…", timeout=20_000)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("s => document.documentElement.className.includes(s)", arg=scheme)
        findings = Axe().run(page).response["violations"]
        serious = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in findings if v["impact"] in ("serious", "critical")]
        assert not serious, f"{scheme}:\n" + "\n".join(serious)
    for width in (390, 768, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"at {width} px"


def test_scripts_come_from_the_console_only(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/")
    policy = page.request.get(running_console.url + "/").headers["content-security-policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-eval'" not in script
    assert "'unsafe-inline'" not in script
    assert page.evaluate("performance.getEntriesByType('resource').every(r => r.name.startsWith(location.origin))")
