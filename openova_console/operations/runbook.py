"""A plan as a runbook for kubectl: what a person types when the console itself is down.

Pure text. Every write is exactly the one of the plan; every value is quoted for the shell. What kubectl cannot do is said, and
never left out. The commands pass no guard and write no audit: the head of the text says so.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openova_console.handbook.canonical import canonical
from openova_console.handbook.speech import span
from openova_console.operations.kinds.names import MARK
from openova_console.operations.plan import ObjectRef, Plan, Step
from openova_console.operations.pointer import of_key
from openova_console.systems import kinds

_TEMPLATE = "/spec/template/"
_MARKED = of_key("metadata", "annotations", MARK)


@dataclass(frozen=True, slots=True)
class About:
    """What the head of a runbook says."""

    operation_id: str
    title: str
    actor: str
    reason: str
    digest: str
    planned_at: datetime


def runbook(plan: Plan, about: About) -> str:
    """The whole runbook as Markdown, with the commands in fenced blocks."""
    parts = [_head(plan, about)]
    parts += [_section(number, step) for number, step in enumerate(plan.steps, 1)]
    return "\n\n".join(parts) + "\n"


def patch_command(step: Step) -> str:
    """The step's write as one kubectl command. Raises `ValueError` when the step patches no object."""
    if step.object is None or step.method != "PATCH":
        raise ValueError(f"{step.title} patches no object: there is no kubectl command for it")
    return _patch(step.object, step.body)


def undo_command(step: Step) -> str:
    """The command that puts the former values back; "" where they are not known, or where that would not take it back.

    A changed pod template cannot be taken back so: putting the old one in its place begins another rollout.
    """
    if step.object is None or step.method != "PATCH" or not step.undo:
        return ""
    fields = {pointer: value for pointer, value in _leaves(step.body) if pointer != _MARKED}
    known = all(pointer in step.relies_on and not pointer.startswith(_TEMPLATE) for pointer in fields)
    if not fields or not known:
        return ""
    return _patch(step.object, _nested({pointer: step.relies_on[pointer] for pointer in fields}))


def jsonpath(pointer: str) -> str:
    """A JSON pointer as kubectl's JSONPath: dots inside of a key are escaped, whole numbers are indices."""
    path = ""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        path += f"[{key}]" if key.isascii() and key.isdigit() else "." + re.sub(r"([^A-Za-z0-9_/-])", r"\\\1", key)
    return "{" + path + "}"


def shown(value: Any) -> str:
    """A value as kubectl prints it: nothing where nothing is, and no quotes around text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical(value)


def _head(plan: Plan, about: About) -> str:
    regions = dict.fromkeys(step.object.region for step in plan.steps if step.object is not None)
    contexts = ", ".join(f"`{region}`" for region in regions)
    lines = [
        f"# Runbook: {_line(about.title)}",
        "",
        f"Operation `{_line(about.operation_id)}`, asked for by {_line(about.actor)}: {_line(about.reason)}",
        "",
        f"Planned {about.planned_at:%Y-%m-%d %H:%M:%S} UTC. Digest of this plan: `{_line(about.digest)}`",
        "",
        "**These commands pass no guard and write no audit.** Use them only when the console cannot: two people, one reads,",
        "one types. Stop at the first check that prints STOP: the plan no longer fits, and a new one is needed.",
    ]
    if contexts:
        lines += [
            "",
            f"The commands name the contexts {contexts}: give your kubectl contexts these names "
            "(`kubectl config rename-context`), and see that they lead to these regions.",
        ]
    return "\n".join(lines)


def _section(number: int, step: Step) -> str:
    parts = [f"## Step {number}: {_line(step.title)}", f"{_line(step.system)}. {_traits(step)}"]
    if step.writes and step.method != "PATCH":
        parts.append("This changes the console's own books: kubectl cannot do it. Do it on the console's page.")
    elif step.writes and step.object is not None:
        checks = [_compare(step.object, pointer, value) for pointer, value in step.relies_on.items()]
        if checks:
            parts += ["Before: nothing may print STOP.", _fenced(checks)]
        parts += ["Do:", _fenced([patch_command(step)])]
    checks, hint = _verification(step)
    if checks:
        parts += ["Verify:", _fenced(checks)]
    if hint:
        parts.append(hint)
    if step.writes:
        parts.append(f"Undo: {_line(step.undo) or 'this cannot be taken back.'}")
        if command := undo_command(step):
            parts.append(_fenced([command]))
    return "\n\n".join(parts)


def _traits(step: Step) -> str:
    said = ["It changes something." if step.writes else "It only looks."]
    if not step.abort_before:
        said.append("Once the step before is done, this one has to follow.")
    if step.skippable:
        said.append("It may be left out, with a reason.")
    return " ".join(said)


def _verification(step: Step) -> tuple[list[str], str]:
    """The commands that verify a step, and what a person is told when there is none."""
    if step.object is not None and (special := _SPECIAL.get(step.action)) is not None:
        return special(step, step.object), f"It should come about within {span(step.timeout_s)}."
    if step.object is not None and step.observe:
        return [_compare(step.object, pointer, value) for pointer, value in step.observe.items()], ""
    return [], "" if step.writes else "There is no command for this: look at it yourself, and write down what you saw."


def _rollout(step: Step, wanted: ObjectRef) -> list[str]:
    return [_kubectl(wanted, "rollout", "status", f"{_kind(wanted)}/{wanted.name}", f"--timeout={step.timeout_s:g}s")]


def _suspended(step: Step, wanted: ObjectRef) -> list[str]:
    return [_compare(wanted, "/spec/suspend", True)]


def _applied(step: Step, wanted: ObjectRef) -> list[str]:
    source = step.arguments.get("source") or {}
    if source.get("kind") != "GitRepository":
        return [_get(wanted, "/status/lastAppliedRevision")]
    origin = ObjectRef.of(wanted.region, kinds.GIT_REPOSITORIES, str(source["namespace"]), str(source["name"]))
    newest, applied = _get(origin, "/status/artifact/revision"), _get(wanted, "/status/lastAppliedRevision")
    return [f'test "$({applied})" = "$({newest})" || echo {shlex.quote("NOT YET: the newest revision is not applied")}']


_SPECIAL: Mapping[str, Callable[[Step, ObjectRef], list[str]]] = {
    "kubernetes.rollout": _rollout,
    "flux.suspended": _suspended,
    "flux.applied": _applied,
}
"""Verifications that are more than fields of the object that was written, by the step's action."""


def _compare(wanted: ObjectRef, pointer: str, value: Any) -> str:
    field = pointer.lstrip("/").replace("/", ".").replace("~1", "/").replace("~0", "~")
    stop = f"STOP: {_line(field)} is not {_line(shown(value)) or 'unset'}"
    return f'test "$({_get(wanted, pointer)})" = {shlex.quote(shown(value))} || echo {shlex.quote(stop)}'


def _get(wanted: ObjectRef, pointer: str) -> str:
    return _kubectl(wanted, "get", _kind(wanted), wanted.name, "-o", f"jsonpath={jsonpath(pointer)}")


def _patch(wanted: ObjectRef, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, separators=(", ", ": "))
    return _kubectl(wanted, "patch", _kind(wanted), wanted.name, "--type=merge", "-p", text)


def _kubectl(wanted: ObjectRef, *words: str) -> str:
    place = ["-n", wanted.namespace] if wanted.namespace else []
    return shlex.join(["kubectl", "--context", wanted.region, *place, *words])


def _kind(wanted: ObjectRef) -> str:
    return f"{wanted.plural}.{wanted.version}.{wanted.group}" if wanted.group else wanted.plural


def _leaves(body: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        pointer = above + of_key(key)
        if isinstance(value, Mapping):
            yield from _leaves(value, pointer)
        else:
            yield pointer, value


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for pointer, value in fields.items():
        *above, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
        place = document
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return document


def _line(text: str) -> str:
    """Text of others in one line of Markdown: it can open no heading, no block and no page."""
    return re.sub(r"([`<>\\\[\]|*_#])", "", " ".join(text.split()))


def _fenced(commands: list[str]) -> str:
    text = "\n".join(commands)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}sh\n{text}\n{fence}"
