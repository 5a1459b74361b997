"""Every page in both themes and three widths: readable by everybody (axe), nothing spills over, light enough to load."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.running import RunningConsole

Visit = Callable[..., Page]
PATHS = ("/", "/replication", "/replication/cnpg", "/region/region-1", "/sources")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_no_serious_accessibility_finding(path: str, scheme: str, visit: Visit, healthy: None) -> None:
    page = visit(path, scheme=scheme)
    page.wait_for_selector(".state")
    findings = Axe().run(page).response["violations"]
    serious = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in findings if v["impact"] in ("serious", "critical")]
    assert not serious, "\n".join(serious)


@pytest.mark.parametrize("width", [390, 768, 1920])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_spills_over(path: str, width: int, visit: Visit, healthy: None) -> None:
    page = visit(path, width=width)
    page.wait_for_selector(".state")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_scripts_come_from_the_console_only(visit: Visit, healthy: None, running_console: RunningConsole) -> None:
    page = visit("/")
    policy = page.request.get(running_console.url + "/").headers["content-security-policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-eval'" not in script
    assert "'unsafe-inline'" not in script
    assert page.evaluate("performance.getEntriesByType('resource').every(r => r.name.startsWith(location.origin))")
