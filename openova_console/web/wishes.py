"""Asking from a form: why somebody may not ask for a kind at all, and what is wrong with a form before the dialog opens."""

import json
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.operations import policies
from openova_console.operations.authority import against_request
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.operation import BadParams, parse
from openova_console.web import services as console
from openova_console.web.states.asking import WORDS, AskView

_LONGEST = 4000


def words_of(form: Any) -> dict[str, str]:
    """What a browser sent as a form: its texts, trimmed; whatever else was sent is left out."""
    if not isinstance(form, dict):
        return {}
    return {str(name)[:100]: text.strip() for name, text in form.items() if isinstance(text, str) and len(text) <= _LONGEST}


def against(opened: Session, kind: str, caller: Caller) -> str:
    """Why this person may not ask for this kind; "" when he may."""
    operation = CATALOGUE[kind]
    return against_request(caller, operation, policies.current(opened, console.services().settings, operation))


def mistake(kind: str, params: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """What is wrong with the parameters as far as a form gives them; "" when nothing is.

    Args:
        labels: field → what the form calls it; a field within a field is "outer.inner".
    """
    secret = WORDS[kind][0] if kind in WORDS else ""
    try:
        parse(CATALOGUE[kind], params)
    except BadParams as bad:
        found = {field: why for field, why in bad.mistakes.items() if field != secret}
        return "; ".join(f"{labels.get(field, field)}: {why}" for field, why in found.items())
    return ""


def dialog(kind: str, params: Mapping[str, Any]) -> Any:
    """The event that opens the dialog for this wish."""
    return AskView.show(kind, json.dumps(dict(params)))
