"""What the documentation says of the lab and of the console's rights is what the code does. `OPENOVA_WRITE_DOCS=1` writes it."""

import os
import re
from pathlib import Path

from openova_console.lab.scenarios import SCENARIOS
from openova_console.lab.troubles import TROUBLES
from openova_console.systems import kinds
from openova_console.watch.collectors.kubernetes import MIRRORED

DOCS = Path(__file__).parents[2] / "docs"


def _hold(path: Path, start: str, body: str, end: str = "") -> None:
    """The part of the file from `start` to `end` (or to the file's end) is `body`."""
    text = path.read_text(encoding="utf-8")
    begin = text.index(start)
    stop = text.index(end, begin) if end else len(text)
    if os.environ.get("OPENOVA_WRITE_DOCS") == "1":
        path.write_text(text[:begin] + body + text[stop:], encoding="utf-8")
    else:
        assert text[begin:stop] == body, f"{path.name} is not what the code says: run this test with OPENOVA_WRITE_DOCS=1"


def test_every_scenario_and_every_trouble_is_documented():
    rows = [f"| `{s.name}` | {s.sentence} | {s.expect} |" for s in SCENARIOS.values()]
    broken = [f"| `{name}` | {trouble.sentence} |" for name, trouble in TROUBLES.items()]
    head = "| name | what has happened | what the overview then says |\n|---|---|---|\n"
    troubles = "\n\n| trouble | what breaks |\n|---|---|\n" + "\n".join(broken)
    _hold(DOCS / "scenarios.md", "| name | what has", head + "\n".join(rows) + troubles + "\n")


def test_the_reader_role_names_every_kind_that_is_read_and_no_other():
    read = {(r.group, r.plural) for r in (*MIRRORED, kinds.EVENTS)}
    rules = "\n".join(
        f"  - {{apiGroups: [{group or chr(34) * 2}], resources: [{plural}], verbs: [get, list, watch]}}"
        for group, plural in sorted(read)
    )
    _hold(DOCS / "reading-the-platform.md", "  - {apiGroups", rules + "\n", "```")


def test_every_link_of_the_readme_leads_somewhere():
    root = DOCS.parent
    for page in (root / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"
