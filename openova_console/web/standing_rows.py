"""Standing approvals as pages show them, and what their form asks for. No rule is decided here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openova_console.operations import standing
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.operation import Operation
from openova_console.operations.plan import Data
from openova_console.store.change_tables import StandingApprovalRow
from openova_console.web.present import iso
from openova_console.web.rows import Fact

LEFT_OPEN = "the targets say"
_TARGETS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class StandingLine:
    """One standing approval. `href` leads to the request by which people granted it; `params` name it for the dialog."""

    id: str
    name: str
    kind: str
    source: str
    look: str
    word: str
    why: str
    limits: str
    used: str
    granted_by: str
    granted: str
    ends: str
    ended: str
    over: bool
    href: str
    params: str
    template: list[Fact] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    more: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One parameter of a kind as the form asks for it; with options it is a choice among them."""

    name: str
    label: str
    value: str
    options: list[Option] = field(default_factory=list)


def standing_line(row: StandingApprovalRow, *, used: int, against: str, over: bool) -> StandingLine:
    """A standing approval in one row.

    Args:
        used: firings in the last 24 h.
        against: why it carries nothing now, as `Engine.against_standing` says.
        over: whether it was taken back or has ended.
    """
    limits, template = standing.limits_of(row), json.loads(row.template)
    look, word = _stands(row, against, over)
    most = limits.per_day
    model = CATALOGUE[row.kind].params.model_fields if row.kind in CATALOGUE else {}
    order = [*(name for name in model if name in template), *(name for name in template if name not in model)]
    return StandingLine(
        id=row.id,
        name=row.name,
        kind=CATALOGUE[row.kind].title if row.kind in CATALOGUE else row.kind,
        source=source_words(row.source),
        look=look,
        word=word,
        why="" if over or not against else f"{against[:1].upper()}{against[1:]}.",
        limits=f"{standing.in_words(limits)[:1].upper()}{standing.in_words(limits)[1:]}",
        used=f"{used} of {most} in the last 24 h" + (": no more for now" if used >= most and not over else ""),
        granted_by=row.granted_by,
        granted=iso(row.granted_at),
        ends=iso(row.expires_at),
        ended=iso(row.revoked_at or row.expires_at) if over else "",
        over=over,
        href=f"/runs/{row.operation_id}",
        params=json.dumps({"name": row.name}),
        template=[Fact(_label(name), LEFT_OPEN if template[name] == standing.ANY else _said(template[name])) for name in order],
        targets=[target_words(target) for target in limits.targets[:_TARGETS_SHOWN]],
        more=f"and {len(limits.targets) - _TARGETS_SHOWN} more" if len(limits.targets) > _TARGETS_SHOWN else "",
    )


def _stands(row: StandingApprovalRow, against: str, over: bool) -> tuple[str, str]:
    if row.revoked_at is not None:
        return "quiet", f"Taken back by {row.revoked_by}" if row.revoked_by else "Taken back"
    if over:
        return "quiet", "Ended"
    return ("warn", "Not in force") if against else ("ok", "In force")


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def source_words(source: str) -> str:
    """Who fires: "schedule nightly", "alert mapping HighLag"."""
    what, _, name = source.partition(":")
    return f"{'alert mapping' if what == 'alert' else what} {name}"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def target_words(target: Mapping[str, Any]) -> str:
    """One target as the form takes it: "namespace=shop name=checkout"."""
    return " ".join(f"{name}={_said(value)}" for name, value in target.items())


def field_lines(operation: Operation, regions: Mapping[str, str]) -> list[FieldLine]:
    """The parameters of a kind as a form. `regions`: id → display name."""
    found = []
    for name, about in operation.params.model_json_schema()["properties"].items():
        values = {str(value): str(value) for value in about.get("enum", ())}
        if name == "region":
            values = dict(regions)
        if about.get("type") == "boolean":
            values = {"true": "Yes", "false": "No"}
        options = [Option(value, label) for value, label in values.items()]
        if options:
            options.append(Option(standing.ANY, "Left open: the targets say"))
        first = options[0].value if options else ""
        default = about.get("default")
        value = first if default is None else _said(default)
        found.append(FieldLine(name, _label(name), value, options))
    return found


def value_of(params: type[Data], name: str, text: str) -> Any:
    """What a form's text says for a parameter, in its own type; text that does not fit stays text, and is refused later."""
    kind = params.model_json_schema()["properties"].get(name, {}).get("type")
    if text == standing.ANY or kind not in ("integer", "number", "boolean"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def targets_of(params: type[Data], text: str) -> tuple[list[dict[str, Any]], str]:
    """The targets that a form lists, one a line; and what is wrong with the first line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        pairs = [part.partition("=") for part in line.split()]
        if not pairs:
            continue
        if any(not name or not equals or not value for name, equals, value in pairs):
            return [], f"Targets, line {number}: write what was left open as name=value, with a space between two of them."
        if len({name for name, _, _ in pairs}) != len(pairs):
            return [], f"Targets, line {number}: a name comes twice."
        found.append({name: value_of(params, name, value) for name, _, value in pairs})
    return found, ""
