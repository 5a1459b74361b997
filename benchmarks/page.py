"""What a browser loads: bytes over the wire and largest contentful paint, in Chromium, from an empty cache."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.report import Row, percentile
from tests.e2e.conftest import FLAGS
from tests.support.running import RunningConsole, RunningLab, wait_for

RUNS = 5
_PAINT = """() => new Promise(done => {
  const observer = new PerformanceObserver(list => done(list.getEntries().at(-1).startTime));
  observer.observe({type: 'largest-contentful-paint', buffered: true});
})"""


def measure(folder: Path) -> list[Row]:
    """Overview and a page with a chart, five loads each."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return [Row("page weight", "no Chromium", "", None)]
    (folder / "lab").mkdir(parents=True)
    (folder / "console").mkdir()
    lab = RunningLab(folder / "lab").start()
    console = RunningConsole(lab.config, folder / "console").start()
    try:
        wait_for("first readings", console.ready, limit_s=40)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            overview = [_load(browser, console, "/") for _ in range(RUNS)]
            chart = [_load(browser, console, "/replication/cnpg") for _ in range(RUNS)]
            browser.close()
    finally:
        console.stop()
        lab.stop()
    weight = percentile([o[0] for o in overview], 0.5) / 1024
    paint = percentile([o[1] for o in overview], 0.5)
    heavy = percentile([c[0] for c in chart], 0.5) / 1024
    return [
        Row("overview over the wire, empty cache", f"{weight:.0f} KiB", "≤ 240 KiB", weight <= 240),
        Row("overview, largest contentful paint (median of 5)", f"{paint:.0f} ms", "≤ 600 ms", paint <= 600),
        Row("page with a chart over the wire", f"{heavy:.0f} KiB", "≤ 600 KiB", heavy <= 600),
    ]


def _load(browser: Browser, console: RunningConsole, path: str) -> tuple[float, float]:
    """Bytes and milliseconds of one load by somebody who is signed in, with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(console.browser_cookies("viewer"))
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    total = [0.0]
    session.on("Network.loadingFinished", lambda event: total.__setitem__(0, total[0] + event["encodedDataLength"]))
    page.goto(console.url + path, wait_until="load")
    paint = float(page.evaluate(_PAINT))
    page.wait_for_selector("#pulse[data-at*='T']", state="attached")
    if "/replication/" in path:
        page.wait_for_selector(".js-plotly-plot")
    page.wait_for_load_state("networkidle")
    context.close()
    return total[0], paint
