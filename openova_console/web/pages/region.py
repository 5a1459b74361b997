"""One region: everything that its tile says, with the source of each figure, and what stands behind it."""

import reflex as rx

from openova_console.web.components.basics import age, goto, icon, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.components.object import show_object
from openova_console.web.pages.page import page
from openova_console.web.rows import Fact, Line, RegionTile
from openova_console.web.states.panels import RegionPanel
from openova_console.web.states.region import RegionView
from openova_console.web.states.region_objects import KindRow, ObjectRow, RegionObjects


@page(route="/region/[region_id]", title="Region", on_load=(RegionView.arrive, RegionObjects.arrive))
def region() -> rx.Component:
    return layout(
        RegionView.title,
        "One cluster, on its own",
        rx.cond(RegionView.note != "", rx.el.p(RegionView.note)),
        rx.foreach(RegionPanel.tiles, lambda tile: rx.cond(tile.id == RegionView.region, _region(tile), rx.fragment())),
        here="region",
    )


def _region(tile: RegionTile) -> rx.Component:
    return rx.el.div(
        rx.el.div(_readings(tile), _objects(), class_name="stack"),
        rx.el.div(
            _facts("Postgres and controller", tile.more, "Nothing was read yet."),
            _findings(tile),
            _facts("Certificates that end first", tile.certificates, "No certificate was read in this region."),
            class_name="stack",
        ),
        class_name="two",
        key=tile.id,
    )


def _readings(tile: RegionTile) -> rx.Component:
    """What the overview's tile says, line by line, each with its source."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(tile.name),
            rx.el.span(tile.place, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.cond(tile.looked_from, rx.el.span("you look from here", class_name="pill")),
            rx.el.span(tile.role, class_name="pill " + tile.role_class),
            class_name="head",
        ),
        rx.el.div(
            rx.el.div(state(tile.verdict, tile.headline), class_name="headline"),
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("What", scope="col"),
                        rx.el.th("Reading", scope="col"),
                        rx.el.th(rx.el.span("Source", class_name="sr"), scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(tile.lines, _line)),
                class_name="compact",
            ),
            class_name="body",
        ),
        rx.el.div(
            rx.el.span("API answered ", age(tile.at, fresh_s=tile.fresh_s, ago=True), class_name="xs muted"),
            class_name="foot",
        ),
        class_name="card",
    )


def _objects() -> rx.Component:
    """Every object that is read in this region, one kind at a time; each opens its drawer."""
    return rx.el.section(
        rx.el.div(rx.el.h2("Objects"), rx.el.span("as the Kubernetes API has them", class_name="muted small"), class_name="head"),
        rx.el.div(
            rx.el.nav(rx.foreach(RegionObjects.kinds, _kind), class_name="tabs", aria_label="Kinds"),
            rx.cond(RegionObjects.note != "", rx.el.p(RegionObjects.note, class_name="muted small")),
            rx.cond(
                RegionObjects.rows.length() > 0,
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(rx.el.th("Object", scope="col"), rx.el.th("State", scope="col"), rx.el.th("Says", scope="col"))
                    ),
                    rx.el.tbody(rx.foreach(RegionObjects.rows, _object)),
                    class_name="compact fold",
                ),
            ),
            rx.cond(RegionObjects.more != "", rx.el.p(RegionObjects.more, class_name="muted small")),
            class_name="body stack",
        ),
        class_name="card",
    )


def _kind(row: KindRow) -> rx.Component:
    return goto(
        rx.fragment(row.label, " ", rx.el.span(row.count, class_name="muted")),
        row.href,
        aria_current=rx.cond(row.chosen, "true", "false"),
        replace=True,
    )


def _object(row: ObjectRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(show_object(row.where, row.name, row.name), rx.el.div(row.namespace, class_name="xs muted"), class_name="wide"),
        rx.el.td(state(row.verdict, row.word)),
        rx.el.td(row.sentence, class_name="small muted wide"),
        key=row.where,
    )


def _line(line: Line) -> rx.Component:
    return rx.el.tr(
        rx.el.td(line.label),
        rx.el.td(
            rx.el.span(
                icon(line.verdict),
                rx.el.span(line.text),
                rx.el.span(line.verdict, class_name="sr"),
                class_name="state " + line.verdict,
            ),
            class_name="text",
        ),
        rx.el.td(rx.cond(line.trace != "", show_source(line.trace, line.label)), class_name="num"),
    )


def _findings(tile: RegionTile) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Flux findings"), class_name="head"),
        rx.el.div(
            rx.cond(
                tile.findings.length() > 0,
                rx.el.ul(rx.foreach(tile.findings, lambda f: rx.el.li(f)), class_name="stack small", style={"gap": "6px"}),
                rx.el.p("Nothing is reported; the line Flux ready says how much was read.", class_name="muted small"),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _facts(title: str, facts: rx.Var[list[Fact]], empty: str) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2(title), class_name="head"),
        rx.el.div(
            rx.cond(
                facts.length() > 0,
                rx.el.dl(rx.foreach(facts, _fact), class_name="stack small", style={"gap": "8px"}),
                rx.el.p(empty, class_name="muted small"),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="muted"),
        rx.el.dd(rx.el.b(fact.value), " ", rx.el.span(fact.detail, class_name="muted xs")),
    )
