"""The table of bad cases in `docs/bad-cases.md`: written and checked by the tests that run them.

A test calls `proven(row, case, judgement, on=...)` with the judgement that the console drew. It fails when the verdict is
green, and when the table does not say the same. `OPENOVA_WRITE_DOCS=1` writes the table instead.
"""

import fcntl
import os
import re
from pathlib import Path

from openova_console.handbook.words import Judgement, Verdict

TABLE = Path(__file__).parents[2] / "docs" / "bad-cases.md"
_HEAD = """# What breaks, and what the board says

One line per row of the board and bad case, written by the tests that run them (`OPENOVA_WRITE_DOCS=1 make test test-peers`);
the tests fail when the board says something else. Figures in sentences are those of the run that wrote them. "Proven on"
says against what: the lab, or the real server.

| row | bad case | verdict | sentence | proven on |
|---|---|---|---|---|
"""


def proven(row: str, case: str, judgement: Judgement, *, on: str) -> None:
    """See the module. `on` is "lab" or the real server, e.g. "Gitea 1.26"."""
    assert judgement.verdict is not Verdict.OK, f"{row}, {case}: {judgement.sentence!r} is green"
    line = f"| {row} | {case} | {judgement.verdict.value} | {judgement.sentence.replace('|', '/')} | {on} |"
    if os.environ.get("OPENOVA_WRITE_DOCS") == "1":
        _write(line)
    else:
        lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
        assert _plain(line) in {_plain(known) for known in lines}, f"{TABLE.name} does not have: {line}"


def _plain(line: str) -> str:
    """The line without its figures and the units that follow from them."""
    return re.sub(r"\d[\d.,]*( ?(ms|s|min|h|d|B|KB|MB|GB))?\b( \d+ (s|h))?", "#", line)


def _key(line: str) -> tuple[str, str, str]:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    return cells[0], cells[1], cells[-1]


def _write(line: str) -> None:
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = {_key(old): old for old in file.read().splitlines() if old.startswith("| ") and not old.startswith("| row |")}
        known[_key(line)] = line
        file.seek(0)
        file.truncate()
        file.write(_HEAD + "\n".join(known[key] for key in sorted(known)) + "\n")
