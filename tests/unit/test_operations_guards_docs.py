"""docs/guards.md is what the catalogue says. `OPENOVA_WRITE_DOCS=1` writes it."""

import os
from pathlib import Path

from openova_console.operations.guards import CATALOGUE, EVERYWHERE

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"
HEAD = """# Guards

A guard is a named pure rule over evidence that answers *allow*, *hold* (it may clear by itself) or *block* (somebody has to
change something). What it needs and cannot know, holds. Each is judged at the request, at every approval, when the run begins,
and before every write; those about who decides, where a person decides. A guard that may be set aside is set aside one by one,
with a reason and a declared incident, and the approvers hear of it. `tests/unit/test_operations_guards.py` holds each to cases
and to one property: knowing less never allows more.

Only the guards of an unplanned failover may rest on the last reading before contact was lost; all others count it as not known.

This table is written from the code: `OPENOVA_WRITE_DOCS=1 pytest tests/unit/test_operations_guards_docs.py`.

| guard | what it protects | reads | what clears it | who may set it aside |
|---|---|---|---|---|
"""


def _page() -> str:
    rows = []
    for guard in CATALOGUE.values():
        reads = ", ".join(f"`{key}…`" if key.endswith(".") else f"`{key}`" for key in guard.inputs)
        who = guard.override.value if guard.override else "nobody"
        rows.append(f"| `{guard.id}` | {guard.sentence} | {reads} | {guard.clears} | {who} |\n")
    everywhere = ", ".join(f"`{id_}`" for id_ in EVERYWHERE)
    return f"{HEAD}{''.join(rows)}\nThese hold for every operation on the platform: {everywhere}.\n"


def test_every_guard_is_documented_as_it_is():
    if os.environ.get("OPENOVA_WRITE_DOCS") == "1":
        PAGE.write_text(_page(), encoding="utf-8")
    assert PAGE.exists() and PAGE.read_text(encoding="utf-8") == _page(), (
        "docs/guards.md: run this test with OPENOVA_WRITE_DOCS=1"
    )
