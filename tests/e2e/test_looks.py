"""Every page in both themes and four widths: readable by everybody (axe), and nothing spills over."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

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


@pytest.mark.parametrize("path", PATHS)
def test_readable_by_everybody_at_every_width(path: str, visit: Visit, healthy: None) -> None:
    page = visit(path)
    page.wait_for_selector(".strip:not(.lost) .state")
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
