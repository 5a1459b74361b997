"""`docs/api.md` names every word of a problem and every address that there is."""

import re
from pathlib import Path

from openova_console.api.rest.problems import CODES
from tests.operations.test_rest_access import MAY

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def test_every_word_of_a_problem_is_explained() -> None:
    rows = [
        line.split("|") for line in TEXT.partition("## Errors")[2].splitlines() if line.startswith("| `") and "status" not in line
    ]
    told = {word: set(re.findall(r"\d{3}", row[2])) for row in rows for word in re.findall(r"`([a-z-]+)`", row[1])}
    assert set(told) == set(CODES)
    assert [word for word, (status, _) in CODES.items() if str(status) not in told[word]] == []


def test_every_address_is_told() -> None:
    known = {path.rpartition("/")[2] if path.count("/") > 2 else path for _, path in MAY}
    assert [path for path in known if path not in TEXT] == []
