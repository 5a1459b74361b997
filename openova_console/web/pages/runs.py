"""Runs: every operation that was asked for, with its filters in the address."""

import reflex as rx

from openova_console.web.components.basics import age, goto
from openova_console.web.components.filters import find, newest_and_older, tabs
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, look
from openova_console.web.pages.page import page
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
            newest_and_older(RunsView.newest, RunsView.following),
            class_name="card",
            aria_label="Operations",
        ),
        here="runs",
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            find(RunsView.words, RunsView.search, "Words in title, reason or name"),
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
        tabs("State", RunsView.states),
        tabs("Region", RunsView.regions),
        rx.el.details(rx.el.summary("Kind"), tabs("Kind", RunsView.kinds)),
        class_name="filters",
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
