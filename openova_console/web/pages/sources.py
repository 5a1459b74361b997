"""Sources: every loop that reads the platform, whether it fares well, and its newest answer."""

import reflex as rx

from openova_console.web.components.basics import age, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.pages.page import page
from openova_console.web.rows import SourceRow
from openova_console.web.states.panels import SourcePanel


@page(route="/sources", title="Sources")
def sources() -> rx.Component:
    return layout(
        "Sources",
        "What this console reads, how often, and whether it answers",
        rx.el.section(
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th("Source", scope="col"),
                            rx.el.th("State", scope="col"),
                            rx.el.th("Read", scope="col", class_name="num hide-s"),
                            rx.el.th("Last answer", scope="col", class_name="num"),
                            rx.el.th(rx.el.span("Source", class_name="sr"), scope="col"),
                        )
                    ),
                    rx.el.tbody(rx.foreach(SourcePanel.rows, source_row)),
                    class_name="fold",
                ),
                class_name="scroll",
            ),
            class_name="card",
        ),
        here="sources",
    )


def source_row(row: SourceRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(row.name, class_name="mono"), rx.el.div(row.sentence, class_name="why"), class_name="wide"),
        rx.el.td(state(row.verdict, row.word)),
        rx.el.td(row.cadence, class_name="num muted hide-s"),
        rx.el.td(age(row.at, ago=True), class_name="num muted"),
        rx.el.td(show_source(row.trace, row.name), class_name="num"),
        key=row.name,
    )
