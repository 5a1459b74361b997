"""Runs: every operation that was asked for, with its filters in the address."""

import reflex as rx

from openova_console.web.components.basics import age, goto
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, look
from openova_console.web.pages.page import page
from openova_console.web.rows import Choice
from openova_console.web.run_rows import RunLine
from openova_console.web.states.runs import RunsView
from openova_console.web.topics.changes import ChangesPanel


@page(route="/runs", title="Runs", on_load=(RunsView.arrive,))
def runs() -> rx.Component:
    return layout(
        "Runs",
        "Every change that was asked for: by people, schedules and machines",
        follow(ChangesPanel.stamp, RunsView.refresh),
        rx.el.section(
            rx.el.div(
                _filters(), rx.cond(RunsView.note != "", rx.el.p(RunsView.note, class_name="muted")), class_name="body stack"
            ),
            rx.cond(RunsView.rows.length() > 0, _table()),
            rx.cond(
                (RunsView.newest != "") | (RunsView.following != ""),
                rx.el.div(
                    rx.cond(RunsView.newest != "", goto("Newest", RunsView.newest, class_name="small")),
                    rx.cond(RunsView.following != "", goto("Older", RunsView.following, class_name="small")),
                    class_name="foot",
                ),
            ),
            class_name="card",
            aria_label="Operations",
        ),
        here="runs",
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.form(
                rx.el.input(
                    name="q",
                    type="search",
                    default_value=RunsView.words,
                    key=RunsView.words,
                    placeholder="Words in title, reason or name",
                    aria_label="Look for words",
                    max_length=200,
                    auto_complete="off",
                ),
                rx.el.button("Find", type="submit", class_name="small"),
                on_submit=RunsView.search,
                class_name="find",
            ),
            rx.el.span(class_name="grow"),
            rx.el.span(
                rx.cond(
                    RunsView.newer != "",
                    rx.el.button(RunsView.newer, type="button", class_name="small", on_click=RunsView.arrive),
                ),
                role="status",
            ),
            class_name="line",
        ),
        _tabs("State", RunsView.states),
        _tabs("Region", RunsView.regions),
        rx.el.details(rx.el.summary("Kind"), _tabs("Kind", RunsView.kinds)),
        class_name="filters",
    )


def _tabs(label: str, choices: rx.Var[list[Choice]]) -> rx.Component:
    return rx.el.nav(rx.foreach(choices, _choice), class_name="tabs", aria_label=label)


def _choice(row: Choice) -> rx.Component:
    return goto(
        rx.fragment(row.label, " ", rx.el.span(row.count, class_name="muted")),
        row.href,
        aria_current=rx.cond(row.chosen, "true", "false"),
        replace=True,
    )


def _table() -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Operation", scope="col"),
                rx.el.th("State", scope="col"),
                rx.el.th("Asked for by", scope="col"),
                rx.el.th("Took", scope="col", class_name="num"),
                rx.el.th("Asked", scope="col", class_name="num"),
            )
        ),
        rx.el.tbody(rx.foreach(RunsView.rows, _row)),
        class_name="fold runs",
    )


def _row(row: RunLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            goto(row.title, row.href, class_name="row-link"),
            " ",
            rx.el.span(row.region, class_name="xs muted"),
            rx.el.div(row.reason, class_name="why"),
            rx.cond(row.exception != "", rx.el.div(rx.el.span(row.exception, class_name="pill exception"))),
            class_name="wide",
        ),
        rx.el.td(look(row.look, row.word), class_name="text"),
        rx.el.td(row.actor, class_name="small"),
        rx.el.td(row.took, class_name="num muted hide-s"),
        rx.el.td(age(row.at, ago=True), class_name="num muted"),
        key=row.id,
    )
