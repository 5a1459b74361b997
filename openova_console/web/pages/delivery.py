"""Delivery: all canaries of both regions, and one of them in full."""

import reflex as rx

from openova_console.web.components.basics import age, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.components.object import show_object
from openova_console.web.pages.page import page
from openova_console.web.rows import Fact
from openova_console.web.states.delivery import DeliveryView
from openova_console.web.topics.delivery import CellRow, DeliveryPanel, DeliveryRow, bar, sampled, table, until


@page(route="/delivery", title="Delivery", on_load=(DeliveryView.arrive,))
def delivery() -> rx.Component:
    return layout(
        "Delivery",
        "Canaries of both regions, as Flagger moves them",
        rx.el.section(
            rx.el.div(rx.el.h2("Canaries"), state(DeliveryPanel.verdict, DeliveryPanel.sentence), class_name="head"),
            rx.cond(
                DeliveryPanel.rows.length() > 0,
                table(DeliveryPanel.rows),
                rx.el.div(rx.el.p(DeliveryPanel.note, class_name="muted"), class_name="body"),
            ),
            class_name="card",
        ),
        rx.cond(
            DeliveryPanel.ids.contains(DeliveryView.canary),
            rx.foreach(DeliveryPanel.rows, lambda row: rx.cond(row.id == DeliveryView.canary, _canary(row), rx.fragment())),
            rx.el.p(_hint(), class_name="muted small"),
        ),
        here="delivery",
    )


def _hint() -> rx.Var[str]:
    """Why no canary is shown in full."""
    choose = "Choose a canary to see its checks, gates and plan."
    gone = "There is no canary " + DeliveryView.canary + " now. " + choose
    return rx.cond(DeliveryView.note != "", DeliveryView.note, rx.cond(DeliveryView.canary != "", gone, choose))


def _canary(row: DeliveryRow) -> rx.Component:
    """One canary, a card per region."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(row.name),
            rx.el.span(row.namespace, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.cond(row.versions != "", rx.el.span(row.versions, class_name="pill")),
            class_name="section-head",
        ),
        rx.el.div(rx.foreach(row.cells, _region), class_name="pair"),
        aria_label=row.name,
        key=row.id,
    )


def _region(cell: CellRow) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h3(cell.region),
            rx.el.span(class_name="grow"),
            rx.cond(cell.present, show_object(cell.where, "Conditions and events", "the Canary in " + cell.region)),
            rx.cond(cell.present, show_source(cell.trace, "the Canary in " + cell.region)),
            rx.cond(cell.present, show_source(cell.route_trace, "the route in " + cell.region, text="Route")),
            class_name="head",
        ),
        rx.el.div(rx.cond(cell.present, _what(cell), rx.el.p(cell.sentence, class_name="muted")), class_name="body stack"),
        class_name="card",
        key=cell.region,
    )


def _what(cell: CellRow) -> rx.Component:
    return rx.fragment(
        state(cell.verdict, cell.sentence),
        rx.el.dl(
            _fact("Phase", rx.fragment(rx.el.b(cell.word), " since ", age(cell.since))),
            _fact("On the new version", rx.fragment(rx.el.b(_or_dash(cell.weight)), " ", cell.of)),
            _fact("Way to promotion", rx.cond(cell.of != "", bar(cell), "–")),
            _fact("Checks", _or_dash(cell.failed)),
            _fact("Promoted at best", rx.cond(cell.eta_at != "", until(cell.eta_at), _or_dash(cell.eta))),
            _fact("Rollback at worst", _or_dash(cell.rollback)),
            _fact("Last move", age(cell.moved, ago=True)),
            class_name="facts",
        ),
        rx.el.h3("Checked after each step"),
        rx.cond(
            cell.bounds.length() > 0,
            rx.el.dl(rx.foreach(cell.bounds, _listed), class_name="plan small"),
            rx.el.p("No metric is checked.", class_name="muted small"),
        ),
        rx.el.h3("Plan"),
        rx.el.dl(rx.foreach(cell.facts, _listed), class_name="plan small"),
        sampled(cell),
    )


def _or_dash(text: rx.Var[str]) -> rx.Var[str]:
    return rx.cond(text != "", text, "–")


def _fact(label: str, value: rx.Component | rx.Var[str]) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(value))


def _listed(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="muted"),
        rx.el.dd(rx.el.b(fact.value), " ", rx.el.span(fact.detail, class_name="muted xs")),
    )
