"""Witnesses: what each external DNS resolver says about each region, and the link between the regions beside it."""

import reflex as rx

from openova_console.web.components.basics import age, sourced, state
from openova_console.web.components.layout import layout
from openova_console.web.components.tiles import witness_card
from openova_console.web.pages.page import page
from openova_console.web.rows import LinkTile
from openova_console.web.states.panels import RegionPanel


@page(route="/witnesses", title="Witnesses")
def witnesses() -> rx.Component:
    return layout(
        "Witnesses",
        "Who outside says that a region is reachable, and how the regions reach each other",
        rx.cond(
            RegionPanel.witnesses.length() > 0,
            rx.el.div(rx.foreach(RegionPanel.witnesses, witness_card), class_name="halves"),
            rx.el.p("There is one region: nobody needs to vouch for it.", class_name="muted small"),
        ),
        rx.el.div(rx.foreach(RegionPanel.links, link_card), class_name="halves"),
        here="witnesses",
    )


def link_card(link: LinkTile) -> rx.Component:
    """The link as one region's probes see it."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(link.kind, " from ", link.seen_from),
            rx.el.span(class_name="grow"),
            rx.el.span("probed ", age(link.at, ago=True), class_name="xs muted"),
            class_name="head",
        ),
        rx.el.div(
            sourced(state(link.verdict, link.sentence), link.trace, link.kind),
            rx.el.dl(
                _fact("Last handshake", link.handshake),
                _fact("Tested path", link.path),
                class_name="facts",
                style={"marginTop": "12px"},
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _fact(label: str, value: rx.Var[str]) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(rx.cond(value != "", value, "not reported"), class_name="mono small"))
