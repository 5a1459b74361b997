"""The operations as this browser looks at them: filters and place in the address."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from sqlmodel import Session

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.operations import reads
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.reads import Filter
from openova_console.store.change_tables import OperationRow
from openova_console.web import services as console
from openova_console.web.rows import Choice
from openova_console.web.run_rows import RunLine, run_line

STATES = {"": "All", "waiting": "Wait for approval", "running": "Running", "asking": "Ask a person", "ended": "Ended"}
PAGE = 30
_LONGEST = 200
_NAMES = ("state", "kind", "region", "q", "before")


class RunsView(rx.State):
    """The list comes from the address: /runs?state=asking&kind=restart-workload&region=region-1&q=words&before=<id>."""

    words: str = ""
    states: list[Choice] = []
    kinds: list[Choice] = []
    regions: list[Choice] = []
    rows: list[RunLine] = []
    note: str = ""
    newest: str = ""
    following: str = ""
    newer: str = ""
    stamp: str = ""
    _asked: dict[str, str] = {}

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the filters from the address and list that page; what cannot be read is said, and nothing is listed."""
        self.reset()
        running = console.services()
        displays = {r.id: r.display for r in running.settings.regions}
        asked = {name: self.router.url.query_parameters.get(name, "") for name in _NAMES}
        self._asked = asked = {name: value for name, value in asked.items() if value}
        self.words = asked.get("q", "")
        self.stamp = running.books.seen.stamp
        counts = running.books.seen.counts
        state = asked.get("state", "")
        self.states = [
            Choice(word, str(counts.get(name) or ""), self._to(state=name), state == name) for name, word in STATES.items()
        ]
        kinds = {"": "Every kind"} | {kind: operation.title for kind, operation in CATALOGUE.items()}
        self.kinds = [Choice(word, "", self._to(kind=name), asked.get("kind", "") == name) for name, word in kinds.items()]
        region, regions = asked.get("region", ""), {"": "Everywhere", **displays}
        self.regions = [Choice(word, "", self._to(region=name), region == name) for name, word in regions.items()]
        self.newest = self._to() if "before" in asked else ""
        self.note = _mistake(asked, displays)
        if self.note:
            return
        rows = await running.read(lambda opened: _read(opened, asked))
        self.following = self._to(before=rows[PAGE - 1].id) if len(rows) > PAGE else ""
        self.rows = [run_line(row, displays) for row in rows[:PAGE]]
        if not rows:
            self.note = "No operation matches." if asked else "Nothing was ever asked for. An object's drawer has the buttons."

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: what is listed is drawn anew in its place; what is new is counted, so that nothing moves."""
        if not self.rows:
            await RunsView.arrive.fn(self)
            return
        running = console.services()
        displays = {r.id: r.display for r in running.settings.regions}
        listed, asked = [row.id for row in self.rows], dict(self._asked)

        def read(opened: Session) -> tuple[list[OperationRow], dict[str, OperationRow | None]]:
            return _read(opened, asked), {id_: opened.get(OperationRow, id_) for id_ in listed}

        found, anew = await running.read(read)
        newer = [row for row in found[:PAGE] if row.id not in listed and row.created_at >= _newest(anew)]
        self.newer = "" if not newer or "before" in self._asked else f"{len(newer)} new: show"
        self.rows = [run_line(row, displays) for row in anew.values() if row is not None]
        self.stamp = running.books.seen.stamp

    @rx.event
    @needs(Role.VIEWER)
    async def search(self, form: dict[str, Any]) -> Any:
        """Look for words: the address takes them, and the page follows the address."""
        words = form.get("q", "") if isinstance(form, dict) else None
        if not isinstance(words, str) or len(words) > _LONGEST:
            self.note = "What to look for is too long: at most 200 characters."
            return None
        return rx.redirect(self._to(q=" ".join(words.split())))

    def _to(self, **changes: str) -> str:
        asked = {name: value for name, value in self._asked.items() if name != "before"} | changes
        asked = {name: value for name, value in asked.items() if value}
        return "/runs" + ("?" + urlencode(asked) if asked else "")


def _read(opened: Session, asked: dict[str, str]) -> list[OperationRow]:
    wanted = Filter(
        state=asked.get("state", ""),
        kind=asked.get("kind", ""),
        region=asked.get("region", ""),
        words=asked.get("q", ""),
        before=asked.get("before", ""),
        limit=PAGE + 1,
    )
    return list(reads.operations(opened, wanted))


def _newest(rows: dict[str, OperationRow | None]) -> Any:
    return max((row.created_at for row in rows.values() if row is not None), default=datetime.min.replace(tzinfo=UTC))


def _mistake(asked: dict[str, str], displays: dict[str, str]) -> str:
    """What is wrong with the address; "" when nothing is."""
    if (state := asked.get("state", "")) not in STATES:
        return f"There is no such filter as “{state[:40]}”: choose one of those above."
    if (kind := asked.get("kind", "")) and kind not in CATALOGUE:
        return f"There is no such kind of operation as “{kind[:40]}”."
    if (region := asked.get("region", "")) and region not in displays:
        return f"There is no such region as “{region[:40]}”."
    return "What to look for is too long: at most 200 characters." if len(asked.get("q", "")) > _LONGEST else ""
