"""Replication: the board of eight services, and one service with its history."""

import reflex as rx

from openova_console.watch.history import RANGES
from openova_console.web.components.basics import age, goto, leave, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.components.tiles import replication_table
from openova_console.web.pages.page import page
from openova_console.web.rows import HopRow, PointRow, ServiceRow, UncoveredLine
from openova_console.web.states.panels import ReplicationPanel
from openova_console.web.states.service import ServiceView


@page(route="/replication", title="Replication")
def replication() -> rx.Component:
    return layout("Replication", ReplicationPanel.question, replication_table(), _uncovered(), here="replication")


def _uncovered() -> rx.Component:
    """What the table says nothing of: so that nobody takes it for safe."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Not covered"),
            rx.el.span("State of the platform that none of the eight rows measures", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(
                ReplicationPanel.uncovered.length() > 0,
                rx.el.dl(rx.foreach(ReplicationPanel.uncovered, _uncovered_line), class_name="facts"),
                rx.el.p("No further state is named in the settings (replication.uncovered).", class_name="muted small"),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _uncovered_line(row: UncoveredLine) -> rx.Component:
    return rx.el.div(rx.el.dt(row.name), rx.el.dd(row.sentence, class_name="small"))


@page(route="/replication/[service]", title="Replication", on_load=(ServiceView.arrive,))
def service() -> rx.Component:
    return layout(
        ServiceView.title,
        "How far the other region is behind, now and before",
        rx.el.nav(goto("← All services", "/replication"), aria_label="Back", class_name="small"),
        rx.foreach(ReplicationPanel.rows, lambda row: rx.cond(row.id == ServiceView.service, _now(row), rx.fragment())),
        rx.cond(ServiceView.service != "", _history(), rx.el.p(ServiceView.note)),
        here="replication",
    )


def _now(row: ServiceRow) -> rx.Component:
    """What holds now, live."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Now"),
            rx.el.span(row.method, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.cond(row.trace != "", show_source(row.trace, row.title)),
            rx.cond(row.other_trace != "", show_source(row.other_trace, row.title + ", other end", text="Other end")),
            class_name="head",
        ),
        rx.el.div(
            rx.el.div(state(row.verdict, row.sentence), style={"minHeight": "28px"}),
            rx.el.dl(
                _fact("Lag", row.lag, "big"),
                _fact("Objective", row.objective, ""),
                _fact("At risk now", row.at_risk, "big"),
                _fact("Direction", row.direction, ""),
                _fact("Transport", row.transport, ""),
                rx.el.div(rx.el.dt("Sample"), rx.el.dd(age(row.at, fresh_s=row.fresh_s, ago=True))),
                class_name="facts",
                style={"marginTop": "12px"},
            ),
            rx.cond(row.hops.length() > 0, _hops(row)),
            class_name="body",
        ),
        class_name="card",
        key=row.id,
    )


def _hops(row: ServiceRow) -> rx.Component:
    """The legs in the order in which a write travels; the worst of them is the row's verdict."""
    return rx.el.div(
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Leg", scope="col"),
                    rx.el.th("Verdict", scope="col"),
                    rx.el.th("Adds", scope="col", class_name="num"),
                    rx.el.th("Sample", scope="col", class_name="num"),
                )
            ),
            rx.el.tbody(rx.foreach(row.hops, _hop)),
            class_name="compact fold",
        ),
        class_name="scroll",
        style={"marginTop": "12px"},
    )


def _hop(hop: HopRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(hop.name), rx.el.div(hop.sentence, class_name="why"), class_name="wide"),
        rx.el.td(state(hop.verdict, hop.word)),
        rx.el.td(hop.lag, class_name="num"),
        rx.el.td(age(hop.at), class_name="num muted"),
        key=hop.name,
    )


def _fact(label: str, value: rx.Var[str], class_name: str) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(rx.cond(value != "", value, "–"), class_name=class_name))


def _history() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("History"),
            rx.el.span("grey: not known, red: a breach without a figure", class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.el.div(*[_range(name) for name in RANGES], class_name="tabs", role="group", aria_label="Time range"),
            leave("CSV", ServiceView.csv, class_name="small", custom_attrs={"data-command": "Download this history as CSV"}),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(ServiceView.note != "", rx.el.p(ServiceView.note, class_name="muted")),
            rx.el.div(
                _plot(),
                class_name="chart",
                aria_hidden="true",
            ),
            rx.el.details(
                rx.el.summary("The same as a table"),
                rx.el.div(
                    rx.el.table(
                        rx.el.thead(
                            rx.el.tr(
                                *[
                                    rx.el.th(name, scope="col", class_name=kind)
                                    for name, kind in (
                                        ("Step begins", ""),
                                        ("Mean", "num"),
                                        ("Lowest", "num"),
                                        ("Highest", "num"),
                                        ("Verdict", ""),
                                    )
                                ]
                            )
                        ),
                        rx.el.tbody(rx.foreach(ServiceView.points, _point)),
                        class_name="compact",
                    ),
                    class_name="scroll",
                    tab_index=0,
                    role="region",
                    aria_label="History as a table",
                ),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _range(name: str) -> rx.Component:
    return goto(
        name,
        "/replication/" + ServiceView.service + "?range=" + name,
        aria_current=rx.cond(ServiceView.range == name, "true", "false"),
        replace=True,
    )


def _point(row: PointRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(row.at, class_name="mono small"),
        rx.el.td(row.value, class_name="num"),
        rx.el.td(row.low, class_name="num"),
        rx.el.td(row.high, class_name="num"),
        rx.el.td(row.verdict),
        key=row.at,
    )


def _plot() -> rx.Component:
    # Imported where it is drawn: that happens when the pages are built, and never on a server that only serves them.
    from openova_console.web.components.plot import plot

    return plot(ServiceView.figure)
