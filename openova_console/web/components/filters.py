"""Filters of a list that stand in its address: tabs, the field for words, and the way to newer and older pages."""

import reflex as rx

from openova_console.web.components.basics import goto
from openova_console.web.rows import Choice


def tabs(label: str, choices: rx.Var[list[Choice]]) -> rx.Component:
    """One row of filters of which one holds."""
    return rx.el.nav(rx.foreach(choices, _choice), class_name="tabs", aria_label=label)


def _choice(row: Choice) -> rx.Component:
    return goto(
        rx.fragment(row.label, rx.cond(row.count != "", rx.el.span(" ", row.count, class_name="muted"))),
        row.href,
        aria_current=rx.cond(row.chosen, "true", "false"),
        replace=True,
    )


def find(words: rx.Var[str], event: rx.EventHandler, hint: str) -> rx.Component:
    """The field for words. `event` takes the form, whose one field is "q"."""
    return rx.el.form(
        rx.el.input(
            name="q",
            type="search",
            default_value=words,
            key=words,
            placeholder=hint,
            aria_label="Look for words",
            max_length=200,
            auto_complete="off",
        ),
        rx.el.button("Find", type="submit", class_name="small"),
        on_submit=event,
        class_name="find",
    )


def newest_and_older(newest: rx.Var[str], following: rx.Var[str]) -> rx.Component:
    """Links to the first page and to the next one, as far as there are such."""
    return rx.cond(
        (newest != "") | (following != ""),
        rx.el.div(
            rx.cond(newest != "", goto("Newest", newest, class_name="small")),
            rx.cond(following != "", goto("Older", following, class_name="small")),
            class_name="foot",
        ),
    )
