"""What people do with an operation from a page: parse the form, call the engine, say what came of it."""

import logging
from collections.abc import Awaitable
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.gate import CONFIRM
from openova_console.operations import ledger, reads
from openova_console.operations.authority import CONFIRM_FIRST
from openova_console.operations.policies import policy_from
from openova_console.operations.requests import Refused
from openova_console.operations.steering import WISHES
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow
from openova_console.web import services as console
from openova_console.web.states.asking import SIGNED_OUT

T = TypeVar("T")
_DONE = {
    "approve": "You have approved it.",
    "deny": "It is over.",
    "revoke": "Your approval is taken back.",
    "pause": "It stops before its next step.",
    "resume": "It goes on.",
    "skip": "It goes on with the next step.",
    "abort": "It stops; no further step is done.",
    "acknowledge": "It is acknowledged.",
}
_LONGEST = 2000


_log = logging.getLogger(__name__)
UNSURE = "The console could not do this, or does not know whether it did: look again before you press once more."


async def outcome(change: Awaitable[T]) -> tuple[T | None, str]:
    """What came of a change: its result, or the sentence why there is none. Whatever goes wrong is said to whoever pressed."""
    try:
        return await change, ""
    except Refused as refused:
        return None, refused.sentence
    except Exception:  # noqa: BLE001 - a button that seems to do nothing is pressed again
        _log.exception("a change that was asked for from a page failed")
        return None, UNSURE


async def do(cookies: str, form: Any) -> str:
    """Do what a form says: `act`, `operation`, and `digest` or `reason`. Returns the sentence for whoever pressed.

    Raises:
        Refused: with the rule that stands against it.
    """
    fields = {k: v for k, v in form.items() if isinstance(v, str) and len(v) <= _LONGEST} if isinstance(form, dict) else {}
    act, id_, reason = (fields.get(name, "").strip() for name in ("act", "operation", "reason"))
    if act not in _DONE or not id_:
        raise Refused("params", "This button says nothing that can be done: open the page again.")
    running = console.services()
    caller = await running.caller(cookies)
    if caller is None:
        raise Refused("role", SIGNED_OUT)
    engine = running.engine
    if act == "approve":
        row = await engine.decisions.approve(id_, caller, digest=fields.get("digest", ""), reason=reason)
        return row.sentence + "."
    if act == "deny":
        await engine.decisions.deny(id_, caller, reason=reason)
    elif act == "revoke":
        await engine.decisions.take_back(id_, caller)
    elif act == "acknowledge":
        await engine.steering.acknowledge(id_, caller, reason=reason)
    else:
        await engine.steering.steer(id_, caller, next(wish for wish in WISHES if wish == act), reason=reason)
    return _DONE[act]


def choices(opened: Session, row: OperationRow, caller: Caller) -> dict[str, str]:
    """What this person could do with an operation now: each with why not, "" when it can be done."""
    engine = console.services().engine
    found = {name: c.against for name, c in reads.choices(opened, row, caller, engine.decisions, engine.steering).items()}
    mine = [a for a in ledger.approvals_of(opened, row.id) if a.user_id == caller.user_id and a.revoked_at is None]
    if row.started_at is not None or State(row.state) not in (State.PENDING, State.APPROVED):
        found["revoke"] = "The run has begun."
    else:
        found["revoke"] = "" if mine else "You have not approved this."
    if policy_from(row).cool_down_s > 0:
        found["acknowledge"] = engine.steering.against_acknowledging(row, caller)
    else:
        found["acknowledge"] = "There is no pause after a run of this kind."
    return found


def needs_confirmation(against: str) -> bool:
    """Whether only the password, given again, stands in the way of an approval."""
    return against == CONFIRM_FIRST


def confirm_href(back: str) -> str:
    """Where the password is given again; it leads back to this page."""
    return f"{CONFIRM}?{urlencode({'next': back})}"
