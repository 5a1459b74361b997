"""Alerts: counts of both regions, the last 24 hours, and the list with its filters in the address."""

import reflex as rx

from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.filters import find, tabs
from openova_console.web.components.layout import layout
from openova_console.web.pages.page import page
from openova_console.web.rows import Fact
from openova_console.web.states.alerts import AlertDrawer, AlertLine, AlertView, HeatCell, HeatRow
from openova_console.web.topics.alerts import AlertPanel, counts


@page(route="/alerts", title="Alerts", on_load=(AlertView.arrive,))
def alerts() -> rx.Component:
    return layout(
        "Alerts",
        "What Alertmanager holds in each region; to silence one, use Alertmanager",
        rx.el.div(
            rx.el.section(
                rx.el.div(rx.el.h2("By region"), class_name="head"),
                rx.el.div(
                    rx.cond(AlertPanel.note != "", rx.el.p(AlertPanel.note, class_name="muted small"), counts()),
                    class_name="body",
                ),
                class_name="card",
            ),
            _heat(),
            class_name="halves",
        ),
        _list(),
        _drawer(),
        here="alerts",
    )


def _heat() -> rx.Component:
    """Per region and severity the most alerts that fired at once, hour by hour; grey is "not known"."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Last 24 hours"),
            rx.el.span("most at once in each hour, the present hour last", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.el.table(rx.el.tbody(rx.foreach(AlertView.heat, _heat_row)), class_name="heat"),
            rx.cond(AlertView.heat_note != "", rx.el.p(AlertView.heat_note, class_name="muted small")),
            class_name="body stack",
        ),
        class_name="card",
    )


def _heat_row(row: HeatRow) -> rx.Component:
    return rx.el.tr(
        rx.el.th(row.label, scope="row"),
        rx.foreach(row.cells, lambda cell: _heat_cell(cell, row.look)),
        key=row.label,
    )


def _heat_cell(cell: HeatCell, look: rx.Var[str]) -> rx.Component:
    return rx.el.td(rx.el.span(cell.text, class_name="sr"), title=cell.text, class_name="level-" + cell.level + " " + look)


def _list() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("List"),
            rx.el.span(AlertView.total, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.cond(
                (AlertView.stamp != "") & (AlertPanel.stamp != AlertView.stamp),
                rx.el.button("Alerts have changed: show", type="button", class_name="small", on_click=AlertView.arrive),
            ),
            class_name="head",
        ),
        rx.el.div(
            _filters(),
            rx.cond(AlertView.note != "", rx.el.p(AlertView.note)),
            class_name="body stack",
        ),
        rx.cond(
            AlertView.rows.length() > 0,
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Alert", scope="col"),
                        rx.el.th("Severity", scope="col"),
                        rx.el.th("Region", scope="col"),
                        rx.el.th("Fires for", scope="col", class_name="num"),
                    )
                ),
                rx.el.tbody(rx.foreach(AlertView.rows, _row)),
                class_name="fold",
            ),
        ),
        rx.el.div(
            rx.cond(AlertView.previous != "", goto("Previous page", AlertView.previous, class_name="small")),
            rx.cond(AlertView.following != "", goto("Next page", AlertView.following, class_name="small")),
            class_name="foot",
        ),
        class_name="card",
        aria_label="List of alerts",
    )


def _filters() -> rx.Component:
    return rx.el.div(
        find(AlertView.words, AlertView.search, "Words in labels, summary or receiver"),
        *(
            tabs(label, choices)
            for label, choices in (
                ("Severity", AlertView.severities),
                ("Region", AlertView.regions),
                ("State", AlertView.states),
            )
        ),
        class_name="filters",
    )


def _row(row: AlertLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.button(
                row.name,
                rx.el.span(", show the alert", class_name="sr"),
                type="button",
                class_name="link-button row-link",
                on_click=AlertDrawer.show(row.key),
                custom_attrs={"data-open": "alert", "data-for": row.key},
            ),
            " ",
            rx.el.span(row.where, class_name="xs muted"),
            rx.el.div(row.summary, class_name="why"),
            class_name="wide",
        ),
        rx.el.td(state(row.verdict, row.word), rx.el.div(row.state, class_name="xs muted")),
        rx.el.td(row.region, class_name="small"),
        rx.el.td(age(row.since), class_name="num muted"),
        key=row.key,
    )


def _drawer() -> rx.Component:
    return rx.el.dialog(
        rx.el.div(
            rx.el.div(rx.el.h2(AlertDrawer.title), rx.el.div(AlertDrawer.place, class_name="xs muted mono")),
            rx.el.span(class_name="grow"),
            rx.el.button("Close", type="button", class_name="small", custom_attrs={"data-close": ""}),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(AlertDrawer.note != "", rx.el.p(AlertDrawer.note)),
            rx.cond(
                AlertDrawer.facts.length() > 0,
                rx.fragment(
                    rx.el.p(
                        "Fires for ",
                        age(AlertDrawer.since),
                        "; Alertmanager last heard of it ",
                        age(AlertDrawer.updated, ago=True),
                        class_name="small muted",
                    ),
                    _facts("", AlertDrawer.facts),
                    _facts("Annotations", AlertDrawer.annotations),
                    _facts("Labels", AlertDrawer.labels),
                    rx.el.p("Texts are as the sender wrote them, cut where they are long.", class_name="xs muted"),
                ),
            ),
            class_name="body",
        ),
        id="alert",
        custom_attrs={"data-of": AlertDrawer.key},
        class_name="drawer",
        aria_label="An alert",
    )


def _facts(title: str, facts: rx.Var[list[Fact]]) -> rx.Component:
    return rx.fragment(
        rx.el.h3(title) if title else rx.fragment(),
        rx.el.dl(rx.foreach(facts, _fact), class_name="stack small texts"),
    )


def _fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="muted"),
        rx.el.dd(fact.value, " ", rx.el.span(fact.detail, class_name="muted xs")),
    )
