"""Asking for an operation, one dialog for every kind: what would happen, what stands against it, and the reason."""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import reflex as rx

from openova_console.access import machine_tokens, passwords
from openova_console.access.caller import Caller
from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.operations import policies, reads
from openova_console.operations.authority import against_request
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.requests import Preview, Refused
from openova_console.web import services as console
from openova_console.web.present import iso
from openova_console.web.run_rows import GuardLine, PlanLine, plan_shown, policy_words
from openova_console.web.topics.changes import BrakeLine

_LONGEST = 4000
SIGNED_OUT = "Your session is over: sign in again."
_log = logging.getLogger(__name__)


async def _new_token() -> tuple[str, str]:
    return machine_tokens.new_token()


WORDS: dict[str, tuple[str, Callable[[], Awaitable[tuple[str, str]]]]] = {
    "add-account": ("word_hash", passwords.new_one_time_word),
    "reset-password": ("word_hash", passwords.new_one_time_word),
    "seal-account": ("word_hash", passwords.new_one_time_word),
    "create-token": ("token_sha256", _new_token),
}
"""Kinds that come with a secret which is shown once: the parameter that carries its hash, and what makes both."""


class AskView(rx.State):
    """What this browser is about to ask for. `wanted` opens and closes the dialog."""

    wanted: str = ""
    title: str = ""
    sentence: str = ""
    refusals: list[str] = []
    steps: list[PlanLine] = []
    against: list[GuardLine] = []
    others: list[GuardLine] = []
    policy: str = ""
    incidents: list[BrakeLine] = []
    button: str = ""
    possible: bool = False
    overridable: bool = False
    error: str = ""
    word: str = ""
    done_href: str = ""
    done: str = ""
    _kind: str = ""
    _params: dict[str, Any] = {}
    _key: str = ""
    _word: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def show(self, kind: str, params: str) -> Any:
        """Show what an operation of this kind with these parameters (JSON) would do, and what stands against it."""
        self.reset()
        self.wanted = secrets.token_hex(4)
        wanted = _parsed(params) if isinstance(kind, str) and kind in CATALOGUE else None
        if wanted is None:
            self.title, self.refusals = "Ask for a change", ["There is no such operation to ask for."]
            return
        self.title, self.sentence = CATALOGUE[kind].title, CATALOGUE[kind].sentence
        yield
        if kind in WORDS:
            if against := await self._against(kind):
                self.refusals = [against]
                return
            name, make = WORDS[kind]
            self._word, wanted[name] = await make()
        self._kind, self._params, self._key = kind, wanted, f"browser-{secrets.token_hex(12)}"
        await self._preview({})

    async def _against(self, kind: str) -> str:
        """Why this person may not ask for this kind at all; "" when he may. Looked at before a secret is made."""
        running, operation = console.services(), CATALOGUE[kind]
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            return SIGNED_OUT
        policy = await running.read(lambda opened: policies.current(opened, running.settings, operation))
        return against_request(caller, operation, policy)

    async def _preview(self, overrides: dict[str, str]) -> None:
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            self.refusals = [SIGNED_OUT]
            return
        try:
            found = await running.engine.preview(self._kind, self._params, caller, overrides=overrides)
        except Refused as refused:
            self.refusals = [refused.sentence]
            return
        except Exception:  # noqa: BLE001 - a dialog must not wait for ever
            _log.exception("a preview failed")
            self.refusals = ["The console cannot tell now what would happen: its log says why. Close this and try again."]
            return
        brakes = await running.read(lambda opened: reads.brakes_now(opened, console.now()))
        self.incidents = [
            BrakeLine(row.id, "incident", row.title, "", row.by, iso(row.at), iso(row.ends_at), True) for row in brakes.incidents
        ]
        self._show(found)

    def _show(self, found: Preview) -> None:
        displays = {r.id: r.display for r in console.services().settings.regions}
        shown = plan_shown(found.plan, found.judged.rulings if found.judged is not None else (), displays)
        self.title, self.refusals = found.title, list(found.refusals)
        self.steps, self.against, self.others = shown.steps, shown.against, shown.others
        needed = found.policy.approvals if found.needed is None else found.needed
        self.policy = policy_words(found.policy, needed)
        self.button = "Ask for approval" if needed else "Begin"
        stand = [line for line in shown.against if line.word != "Set aside"]
        self.overridable = bool(stand) and all(line.override for line in stand) and not found.refusals
        self.possible = found.possible or self.overridable

    @rx.event
    @needs(Role.VIEWER)
    async def send(self, form: dict[str, Any]) -> Any:
        """Ask for what is on the screen, with a reason; guards may be set aside one by one under an incident."""
        self.error = ""
        words = {str(k): v.strip() for k, v in form.items() if isinstance(v, str)} if isinstance(form, dict) else {}
        if not self._kind or self.done:
            return
        running = console.services()
        caller = await running.caller(self.router.headers.cookie)
        if caller is None:
            self.error = SIGNED_OUT
            return
        yield
        overrides = {k.removeprefix("override:"): v for k, v in words.items() if k.startswith("override:") and v}
        try:
            row = await running.engine.request(
                self._kind,
                self._params,
                caller,
                reason=words.get("reason", "")[:_LONGEST],
                idempotency_key=self._key,
                overrides=overrides,
                incident_id=words.get("incident") or None,
            )
        except Refused as refused:
            await self._refused(refused, caller, overrides)
            return
        except Exception:  # noqa: BLE001 - a button that seems to do nothing is pressed again
            _log.exception("a request failed")
            self.error = "The console does not know whether this was asked for: look at the runs before you ask again."
            return
        if self._word:
            self.word, self._word = self._word, ""
            self.done, self.done_href = row.sentence, f"/runs/{row.id}"
            return
        self.wanted = ""
        yield rx.redirect(f"/runs/{row.id}")

    async def _refused(self, refused: Refused, caller: Caller, overrides: dict[str, str]) -> None:
        if refused.rulings:
            await self._preview(overrides)
        self.error = refused.sentence

    @rx.event
    @needs(Role.VIEWER)
    def close(self) -> None:
        """Forget what was on the screen, a word that was shown once above all."""
        self.reset()


def _parsed(params: object) -> dict[str, Any] | None:
    if not isinstance(params, str) or len(params) > _LONGEST:
        return None
    try:
        found = json.loads(params)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
