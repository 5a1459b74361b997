"""The budget: what is spent, what is expected, what a month costs with what runs now, and how many nodes still fit."""

import reflex as rx

from openova_console.web.components.basics import age, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.pages.page import page
from openova_console.web.topics.budget import BudgetPanel, MoneyRow, bar

HOW = (
    "Three figures are held against the budget, and the highest counts: what is spent since the first of the month, what the "
    "month will come to, and what a whole month costs with what runs now (the tick on the bar). The first mark on the bar is "
    "the warning, the second 100 %. From exactly 100 % on, scaling up is blocked; scaling down and failing over never are. "
    "While a figure is unknown, scaling up waits for a person."
)


@page(route="/budget", title="Budget")
def budget() -> rx.Component:
    return layout(
        "Budget",
        "What this month costs, for both regions together and each",
        rx.el.div(state(BudgetPanel.verdict, BudgetPanel.sentence), class_name="headline"),
        rx.cond(BudgetPanel.note != "", rx.el.p(BudgetPanel.note, class_name="muted")),
        rx.foreach(BudgetPanel.rows, _row),
        rx.el.section(
            rx.el.div(rx.el.h2("How it is judged"), class_name="head"),
            rx.el.div(
                rx.el.p(HOW, class_name="small"),
                class_name="body",
            ),
            class_name="card",
        ),
        here="budget",
    )


def _row(row: MoneyRow) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(row.name),
            rx.el.span(BudgetPanel.month, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.cond(row.trace != "", show_source(row.trace, row.name)),
            class_name="head",
        ),
        rx.el.div(
            state(row.verdict, row.sentence),
            rx.el.div(bar(row), style={"margin": "12px 0"}),
            rx.el.dl(
                _fact("Spent this month", row.spent, "big"),
                _fact("Expected by its end", row.forecast, "big"),
                _fact("Run rate per month", row.pace, "big"),
                _fact("Budget per month", row.budget, "big"),
                _fact("Of the budget", row.percent, ""),
                _fact("Nodes", row.nodes, ""),
                _fact("More nodes that fit", row.headroom, ""),
                rx.el.div(rx.el.dt("Data"), rx.el.dd(age(row.at, fresh_s=row.fresh_s, ago=True), class_name="nowrap")),
                class_name="facts",
            ),
            class_name="body",
        ),
        rx.el.div(rx.el.span(row.by, row.marks, class_name="xs muted"), class_name="foot"),
        class_name="card",
        key=row.id,
    )


def _fact(label: str, value: rx.Var[str], class_name: str) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(rx.cond(value != "", value, "–"), class_name=class_name))
