"""How people are told, as this browser looks at it: targets, dead letters, and the two buttons."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import reflex as rx

from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.notify.deliveries import Delivery, TargetHealth
from openova_console.web import deciding
from openova_console.web import services as console
from openova_console.web.present import iso
from openova_console.web.states.asking import SIGNED_OUT
from openova_console.web.wishes import words_of

_KINDS = {"webhook": "Webhook", "email": "E-mail", "": "Not in the settings any more"}
_STATES = {"waiting": ("active", "Waits"), "sent": ("ok", "Sent"), "dead": ("breach", "Given up")}
NEWEST = 50


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target. `sent_at` and `next_at` are instants, "" when there is none."""

    name: str
    kind: str
    events: str
    look: str
    word: str
    sentence: str
    sent_at: str
    next_at: str


@dataclass(frozen=True, slots=True)
class LetterLine:
    """One notification on its way to one target."""

    id: str
    target: str
    title: str
    href: str
    look: str
    word: str
    sentence: str
    at: str
    dead: bool


class DeliveriesView(rx.State):
    """What became of what people were to hear of."""

    targets: list[TargetLine] = []
    letters: list[LetterLine] = []
    against_retry: str = ""
    against_test: str = ""
    note: str = ""
    error: str = ""
    said: str = ""
    read_at: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Load targets and the newest messages."""
        self.reset()
        await self._load()

    @rx.event(supersedes=True)
    @needs(Role.VIEWER, passive=True)
    async def refresh(self) -> None:
        """The books have changed: load again."""
        await self._load()

    @rx.event
    @needs(Role.VIEWER)
    async def retry(self, form: dict[str, Any]) -> Any:
        """Try a message again that was given up."""
        words = words_of(form)
        id_, target = words.get("id", "")[:80], words.get("target", "")[:80]
        if (caller := await self._caller()) is not None:
            await self._after(console.services().deliveries.retry(caller, id_, target), "It is tried again now.")

    @rx.event
    @needs(Role.VIEWER)
    async def test(self, form: dict[str, Any]) -> Any:
        """Send a test message to one target."""
        target = words_of(form).get("target", "")[:80]
        if (caller := await self._caller()) is not None:
            yield
            await self._after(console.services().deliveries.send_test(caller, target))

    async def _caller(self) -> Caller | None:
        self.error = self.said = ""
        caller = await console.services().caller(self.router.headers.cookie)
        if caller is None:
            self.error = SIGNED_OUT
        return caller

    async def _after(self, change: Awaitable[object], said: str = "") -> None:
        found, self.error = await deciding.outcome(change)
        self.said = "" if self.error else said or str(found)
        await self._load()

    async def _load(self) -> None:
        self.read_at = iso(console.now())
        deliveries = console.services().deliveries
        caller = await console.services().caller(self.router.headers.cookie)
        if caller is None:
            return
        self.against_retry, self.against_test = deliveries.against_retry(caller), deliveries.against_test(caller)
        self.targets = [target_line(target, console.now()) for target in await deliveries.targets()]
        self.letters = [letter_line(letter) for letter in await deliveries.listing(limit=NEWEST)]
        self.note = "" if self.letters else "Nothing was sent yet."


LATELY = timedelta(days=1)
"""What arrived longer ago than this says nothing of today."""


def target_line(target: TargetHealth, now: datetime) -> TargetLine:
    """A target in words at `now`. One that nothing ever reached, or nothing lately, is unknown, not well."""
    look, word = "ok", "Reached"
    sentence = ""
    if target.failing:
        look, word, sentence = "breach", "Not reached", target.failing
    elif target.dead:
        look, word = "warn", "Messages were given up"
    elif target.sent_at is None:
        look, word, sentence = (
            "unknown",
            "Never tried",
            "Nothing was sent to it yet; a test message would tell whether it is reached",
        )
    elif now - target.sent_at > LATELY:
        look, word, sentence = "unknown", "Not tried lately", "A test message would tell whether it is still reached"
    counts = [f"{target.waiting} wait" if target.waiting else "", f"{target.dead} given up" if target.dead else ""]
    return TargetLine(
        target.name,
        _KINDS[target.kind],
        ("everything" if target.events == ("*",) else ", ".join(target.events))
        + (", only what is urgent" if target.urgent_only else ""),
        look,
        word,
        "; ".join(part for part in (sentence, *counts) if part),
        iso(target.sent_at),
        iso(target.next_at),
    )


def letter_line(letter: Delivery) -> LetterLine:
    """A message in words."""
    row, notification = letter.row, letter.notification
    look, word = _STATES[row.state]
    if row.state == "waiting" and row.error:
        look, word = "warn", "Tried, waits"
    tries = f"{row.attempts} tries" if row.attempts > 1 else ""
    return LetterLine(
        notification.id,
        row.target,
        notification.title,
        notification.link,
        look,
        word,
        "; ".join(part for part in (row.error, tries) if part),
        iso(row.sent_at or notification.at),
        row.state == "dead",
    )
