"""The table of faults in `docs/fault-matrix.md`: written and checked by the tests that run them.

A test takes the fixture `matrix` and calls `matrix(fault, case, by=..., saw=...)`: what went wrong, what held, and the very
sentence that a person was shown. It fails when the committed table does not say the same. `OPENOVA_WRITE_DOCS=1` writes the
table instead. `tests/unit/test_fault_matrix.py` holds the table to its tests, and to the faults that have to be in it.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from openova_console.operations.guards import CATALOGUE as GUARDS

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "fault-matrix.md"

PEOPLE = (
    "replayed approval",
    "self-approval",
    "approval by a fresh account",
    "expired approval",
    "denied, then asked again",
    "forged approval",
    "another plan than the one that was read",
    "stolen token",
    "stolen session",
    "two clicks at once",
    "guard set aside without the right to it",
)
FACTS = (
    "drifted decision fact",
    "changed generation",
    "Flux resuming over an operation",
    "cool-down",
    "freeze",
    "freeze unknown",
    "older fencing token",
)
PLATFORM = ("409", "403", "429", "slow API", "API that applies the write and drops the answer", "step or run over its time")
CRASHES = (
    "crash before, inside, after each act",
    "recovery after expiry",
    "recovery with a moved token",
    "recovery from a restored database",
    "replica that dies or stalls",
    "run that an earlier release began",
    "two consoles pressing at once",
)
LATER = (
    "partition",
    "region 1 down",
    "region 2 isolated",
    "one, two, three witnesses lying",
    "one, two, three witnesses stale",
    "one, two, three witnesses silent",
    "stale sample",
    "dead WAL receiver with lag 0",
    "frozen MirrorMaker source",
    "both active",
    "two lease holders",
    "stale promotion token",
    "Flux resuming over a failover",
    "old primary returning",
)
"""Faults of moving the active role: the table says of these that they have not been run, until a test runs them."""
NEEDED = (*PEOPLE, *FACTS, *PLATFORM, *CRASHES)
FAULTS = (*NEEDED, *LATER)

MECHANISMS = {
    "signature": "An approval counts with its signature, which is of the person, the operation, the digest and the time.",
    "single use": "An approval is used up by the run that it begins.",
    "digest": "What is approved is one plan with its facts: another one is refused, a fact that moved voids it.",
    "one at a time": "Approvals of one operation pass one after the other, and one of them begins the run.",
    "denial": "A request that was denied is over; asking again is another request, which needs its own approvals.",
    "fresh account": "An account that was made, reset or changed lately cannot approve.",
    "role": "What a caller may do is asked for in the engine, of the account as it is now.",
    "sign-in": "Sessions and tokens are looked up in the database at each request.",
    "precondition": "A write carries the version of the copy whose fields were compared just before.",
    "known outcome": "A refusal proves that nothing was written; people decide how it goes on.",
    "observation": "A write whose outcome is not known is looked for by its mark, and never sent again by itself.",
    "books first": "A write is in the books before it leaves; each step is one durable step.",
    "time limit": "Each step and the whole run have a limit, after which people decide.",
    "recovery": "A run that another life of the process began goes on by itself only while what was approved holds.",
    "fence": "Each take-over raises the run's fence; what the former holder finds out no longer counts.",
    "take-over": "A dead replica's runs are taken over once, by a compare-and-swap on its row.",
    "pinned version": "A workflow keeps its shape; what changes it is a new one beside it.",
}
"""What holds besides guards, by the word that the table uses."""

_HEAD = """# Fault matrix

One line per fault and case, written by the tests that run them (`OPENOVA_WRITE_DOCS=1 pytest tests/operations tests/unit`):
what was done to the console or under it, what held, and the sentence that a person saw. The tests fail when something else is
seen. Figures in sentences are those of the run that wrote them. `guards.md` has the guards; the other words are explained below.

| fault | case | what held | what a person saw | test |
|---|---|---|---|---|
"""
_LATER = (
    "\n## Not run yet\n\nThese are about moving the active role between the regions; a test that runs one takes it from here.\n\n"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `held`: guards as `guard x`, and words of `MECHANISMS`."""

    fault: str
    case: str
    held: str
    saw: str
    test: str

    @property
    def line(self) -> str:
        return f"| {self.fault} | {self.case} | {self.held} | {self.saw} | `{self.test}` |"

    @property
    def plain(self) -> str:
        """The line without its figures, ids and the units that follow from them."""
        without_ids = re.sub(r"\b[0-9a-f]{16,}\b", "#", self.line.rpartition("| `")[0])
        return re.sub(r"\d[\d.,]*( ?(ms|s|min|h|d)\b)?( \d+ (s|h|min))?", "#", without_ids) + self.test


@dataclass(slots=True)
class Matrix:
    """What a test calls. `held`: ids of guards; `by`: words of `MECHANISMS`; at least one of them."""

    test: str
    rows: int = 0

    def __call__(self, fault: str, case: str, *, held: str = "", by: str = "", saw: str) -> None:
        guards, words = held.split(), [word.strip() for word in by.split(",") if word.strip()]
        assert fault in FAULTS, f"{fault!r} is no fault of the catalogue"
        assert guards or words, "something must have held"
        assert all(guard in GUARDS for guard in guards) and all(word in MECHANISMS for word in words), (held, by)
        assert saw.strip(), f"{fault}, {case}: nobody saw anything"
        told = ", ".join((*(f"guard `{guard}`" for guard in guards), *words))
        seen = re.sub(r"/\S*/(?=[\w-]+\.(?:jsonl|db|key)\b)", "…/", " ".join(saw.replace("|", "/").split()))
        row = Row(fault, case, told, seen, self.test)
        self.rows += 1
        if os.environ.get("OPENOVA_WRITE_DOCS") == "1":
            _write(row)
        else:
            assert row.plain in {known.plain for known in rows()}, f"{TABLE.name} does not have: {row.line}"


@pytest.fixture
def matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """Writes and checks rows of the table; a test that takes it has to write one."""
    found = Matrix(request.node.nodeid.partition("[")[0])
    yield found
    assert found.rows, "this test takes the table and writes no row"


def rows(text: str | None = None) -> list[Row]:
    """The rows of the committed table."""
    if text is None:
        text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    cells = [[c.strip() for c in line.strip().strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return [Row(c[0], c[1], c[2], c[3], c[4].strip("`")) for c in cells if len(c) == 5 and c[0] != "fault"]


def document(known: list[Row]) -> str:
    """The whole document with these rows."""
    order = {fault: n for n, fault in enumerate(FAULTS)}
    lines = [row.line for row in sorted(known, key=lambda row: (order.get(row.fault, -1), row.case))]
    words = [f"- *{word}*: {sentence}" for word, sentence in MECHANISMS.items() if any(word in row.held for row in known)]
    run = {row.fault for row in known}
    later = [f"- {fault}" for fault in FAULTS if fault not in run]
    body = _HEAD + "\n".join(lines) + "\n\n## What holds besides guards\n\n" + "\n".join(words) + "\n"
    return body + (_LATER + "\n".join(later) + "\n" if later else "")


def _write(row: Row) -> None:
    with TABLE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = {(old.fault, old.case): old for old in rows(file.read())}
        known[row.fault, row.case] = row
        file.seek(0)
        file.truncate()
        file.write(document(list(known.values())))
