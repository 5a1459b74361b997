"""Parts of everything that shows an operation: how it stands, its plan, its guards, and the button that asks for one."""

import json
from collections.abc import Mapping
from typing import Any

import reflex as rx

from openova_console.web.components.basics import state
from openova_console.web.run_rows import GuardLine, PlanLine
from openova_console.web.states.asking import AskView


def look(kind: rx.Var[str], word: rx.Var[str]) -> rx.Component:
    """How an operation or a step stands: a verdict with its shape, or a pill for what is under way or over without one."""
    return rx.match(
        kind,
        ("active", rx.el.span(word, class_name="pill active")),
        ("quiet", rx.el.span(word, class_name="pill")),
        state(kind, word),
    )


def ask_for(
    label: rx.Var[str] | str, kind: str | rx.Var[str], params: rx.Var[str] | Mapping[str, Any], **props: Any
) -> rx.Component:
    """A button that opens the dialog for an operation. `params`: as JSON, or a mapping known when the page is built."""
    words = params if isinstance(params, rx.Var) else json.dumps(dict(params))
    return rx.el.button(label, type="button", on_click=AskView.show(kind, words), **({"class_name": "small"} | props))


def follow(stamp: rx.Var[str], refresh: Any) -> rx.Component:
    """Calls `refresh` whenever the stamp that the broadcast carries is another one; pressed by the page's script."""
    return rx.el.button(type="button", hidden=True, tab_index=-1, on_click=refresh, custom_attrs={"data-follow": stamp})


def plan_list(steps: rx.Var[list[PlanLine]]) -> rx.Component:
    """Every step, each write as it will be sent."""
    return rx.el.ol(rx.foreach(steps, _step), class_name="steps")


def _step(step: PlanLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(step.number, class_name="number", aria_hidden="true"),
        rx.el.div(
            rx.el.b(step.title),
            rx.el.div(step.where, class_name="small muted"),
            rx.cond(step.call != "", rx.el.code(step.call, class_name="call")),
            rx.cond(step.body != "", rx.el.details(rx.el.summary("What is sent"), rx.el.pre(step.body, tab_index=0))),
            rx.el.div(step.note, class_name="xs muted"),
            rx.cond(step.undo != "", rx.el.div("Taking it back: ", step.undo, class_name="xs muted")),
        ),
        key=step.number,
    )


def guard_list(lines: rx.Var[list[GuardLine]]) -> rx.Component:
    """What guards said, each with what clears it."""
    return rx.el.ul(rx.foreach(lines, guard), class_name="votes")


def guard(line: GuardLine) -> rx.Component:
    """What one guard said."""
    return rx.el.li(
        rx.el.span(line.id, class_name="small mono"),
        state(line.look, line.word),
        rx.el.div(line.sentence, class_name="why"),
        rx.cond(line.clears != "", rx.el.div("What clears it: ", line.clears, class_name="why muted")),
        key=line.id,
    )


def reason_field(name: str = "reason", label: str = "Reason", hint: str = "", *, required: bool = True) -> rx.Component:
    """A field for a sentence that others will read."""
    return rx.el.label(
        label,
        rx.el.textarea(
            name=name,
            rows=2,
            max_length=500,
            required=required,
            min_length=5 if required else 0,
            placeholder=hint,
        ),
    )


def said(error: rx.Var[str], sentence: rx.Var[str]) -> rx.Component:
    """What came of a button: the refusal, or that it was done. Keeps its line, so that nothing moves."""
    return rx.el.div(
        rx.cond(
            error != "",
            state(rx.Var.create("breach"), error),
            rx.cond(sentence != "", state(rx.Var.create("ok"), sentence)),
        ),
        class_name="said",
        role="status",
    )
