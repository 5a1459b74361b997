"""The drawer of one Kubernetes object, and the button that opens it."""

import reflex as rx

from openova_console.web.components.basics import age, state
from openova_console.web.components.runs import ask_for
from openova_console.web.states.object import ActionRow, ConditionRow, EventRow, ObjectView


def show_object(where: rx.Var[str], text: rx.Var[str] | str, what: rx.Var[str] | str) -> rx.Component:
    """Opens the drawer; `where` is "region/kind/namespace/name"."""
    return rx.el.button(
        text,
        rx.el.span(", open ", what, class_name="sr"),
        type="button",
        class_name="link-button",
        on_click=ObjectView.show(where),
        custom_attrs={"data-open": "object", "data-for": where},
    )


def object_drawer() -> rx.Component:
    """One drawer for every page."""
    return rx.el.dialog(
        rx.el.div(
            rx.el.div(rx.el.h2(ObjectView.title), rx.el.div(ObjectView.place, class_name="xs muted mono")),
            rx.el.span(class_name="grow"),
            rx.el.button("Close", type="button", class_name="small", custom_attrs={"data-close": ""}),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(
                ObjectView.note != "",
                rx.el.p(ObjectView.note),
                rx.cond(ObjectView.text != "", _content(), rx.el.p("Loading…", class_name="muted")),
            ),
            class_name="body",
        ),
        id="object",
        custom_attrs={"data-of": ObjectView.where},
        class_name="drawer",
        aria_label="A Kubernetes object",
    )


def _content() -> rx.Component:
    return rx.fragment(
        rx.el.p("The server confirmed this copy ", age(ObjectView.at, ago=True), class_name="small muted"),
        _actions(),
        rx.el.h3("Conditions"),
        rx.cond(
            ObjectView.conditions.length() > 0,
            rx.el.ul(rx.foreach(ObjectView.conditions, _condition), class_name="votes"),
            rx.el.p("This object states no conditions.", class_name="small muted"),
        ),
        rx.el.h3("Events"),
        rx.el.ul(rx.foreach(ObjectView.events, _event), class_name="votes"),
        rx.cond(ObjectView.events_note != "", rx.el.p(ObjectView.events_note, class_name="small muted")),
        rx.el.h3("Other region: ", ObjectView.elsewhere),
        rx.cond(
            ObjectView.difference != "",
            rx.el.pre(ObjectView.difference, tab_index=0, aria_label="Difference from the other region"),
        ),
        rx.el.details(
            rx.el.summary("As YAML, without secrets"),
            rx.el.pre(ObjectView.text, id="object-text", tab_index=0),
            rx.el.button("Copy", type="button", class_name="small", custom_attrs={"data-copy": "object-text"}),
        ),
    )


def _actions() -> rx.Component:
    return rx.cond(
        (ObjectView.actions.length() > 0) | (ObjectView.actions_note != ""),
        rx.el.div(
            rx.cond(ObjectView.actions_note != "", rx.el.p(ObjectView.actions_note, class_name="small muted")),
            rx.foreach(ObjectView.actions, _action),
            class_name="actions",
        ),
    )


def _action(row: ActionRow) -> rx.Component:
    """The dialog opens even where something stands against it: there it says what, and what would clear it."""
    return rx.el.div(
        rx.cond(
            row.against == "",
            ask_for(row.label, row.kind, row.params),
            rx.el.button(row.label, type="button", class_name="small", disabled=True),
        ),
        rx.cond(
            row.against != "",
            rx.el.div(
                rx.el.span(row.against, class_name="small muted"),
                " ",
                ask_for("Why, and what would clear it", row.kind, row.params, class_name="link-button"),
            ),
        ),
        class_name="do",
        key=row.kind,
    )


def _condition(row: ConditionRow) -> rx.Component:
    return rx.el.li(
        rx.el.b(row.kind),
        rx.el.span(row.status, " · ", row.reason, class_name="small"),
        rx.el.div(row.message, " ", age(row.at, ago=True), class_name="why"),
    )


def _event(row: EventRow) -> rx.Component:
    return rx.el.li(
        state(row.verdict, row.reason),
        rx.el.span(row.count, " ", age(row.at, ago=True), class_name="small muted"),
        rx.el.div(row.message, class_name="why"),
    )
