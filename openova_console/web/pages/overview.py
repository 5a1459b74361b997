"""The overview: both regions, what lies between them, what would be lost, and what the witnesses say."""

import reflex as rx

from openova_console.web.components.layout import layout
from openova_console.web.components.tiles import between, region_tile, replication_table
from openova_console.web.pages.page import page
from openova_console.web.states.panels import RegionPanel
from openova_console.web.topics import alerts, budget, delivery, gslb, slo


@page(route="/", title="Overview")
def overview() -> rx.Component:
    tiles = RegionPanel.tiles
    return layout(
        "Overview",
        "Both regions, now",
        rx.cond(
            tiles.length() > 1,
            rx.el.div(region_tile(tiles[0]), between(), region_tile(tiles[1]), class_name="regions"),
            rx.cond(
                tiles.length() == 1,
                rx.el.div(
                    region_tile(tiles[0]),
                    rx.el.p("There is one region: nothing to fail over to.", class_name="muted small"),
                    class_name="regions one stack",
                ),
                rx.el.div(_waiting(), rx.el.div(class_name="link"), _waiting(), class_name="regions"),
            ),
        ),
        rx.el.div(
            rx.el.div(replication_table(), alerts.overview_card(), gslb.overview_card(), class_name="stack"),
            rx.el.div(slo.overview_card(), delivery.overview_card(), budget.overview_card(), class_name="stack"),
            class_name="two",
        ),
        here="overview",
    )


def _waiting() -> rx.Component:
    """Holds a tile's place until the first values arrive."""
    return rx.el.section(
        rx.el.div(rx.el.p("Waiting for the first values…"), class_name="body"), class_name="card empty region-card"
    )
