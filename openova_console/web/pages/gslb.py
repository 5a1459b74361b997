"""Global DNS: for each host where users should go and what every server says, and the delegation of the zone."""

import reflex as rx

from openova_console.web.components.basics import age, show_source, state
from openova_console.web.components.layout import layout
from openova_console.web.pages.page import page
from openova_console.web.topics.gslb import Finding, GslbPanel, HostRow, ServerCell, SideLine


@page(route="/gslb", title="Global DNS")
def gslb() -> rx.Component:
    return layout(
        "Global DNS",
        "Where users are sent, by every resolver and by each region's CoreDNS",
        rx.el.div(state(GslbPanel.verdict, GslbPanel.sentence), class_name="headline"),
        rx.cond(GslbPanel.note != "", rx.el.p(GslbPanel.note, class_name="muted")),
        rx.foreach(GslbPanel.hosts, _host),
        _zone(),
        here="gslb",
    )


def _host(row: HostRow) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(row.host),
            rx.el.span(class_name="grow"),
            rx.el.span("asked ", age(row.at, fresh_s=GslbPanel.fresh_s, ago=True), class_name="xs muted"),
            class_name="head",
        ),
        rx.el.div(
            state(row.verdict, row.sentence),
            rx.el.dl(
                _fact("Users should go to", row.expected, row.expected_addresses),
                _fact("Strategy", row.strategy, ""),
                _fact("Pin (primaryGeoTag)", row.pin, "k8gb goes back to it by itself"),
                _fact("Time to live", row.ttl, ""),
                _fact(
                    "A change reaches users in", row.convergence, "k8gb's pace and the time to live; their own caches come on top"
                ),
                class_name="facts",
                style={"margin": "12px 0"},
            ),
            rx.cond(
                row.findings.length() > 1,
                rx.el.ul(
                    rx.foreach(row.findings, _finding), class_name="stack small", style={"gap": "6px", "marginBottom": "12px"}
                ),
            ),
            class_name="body",
        ),
        _servers(row.cells, "Sends users to"),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        *[
                            rx.el.th(name, scope="col")
                            for name in ("Region", "Healthy addresses (localtargets)", "Service, by k8gb", "Pin in its Gslb")
                        ]
                    )
                ),
                rx.el.tbody(rx.foreach(row.sides, _side)),
                class_name="compact fold",
            ),
            class_name="scroll",
        ),
        class_name="card",
        key=row.host,
    )


def _fact(label: str, value: rx.Var[str], detail: rx.Var[str] | str) -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(rx.el.b(value)), rx.el.dd(detail, class_name="xs muted"))


def _finding(finding: Finding) -> rx.Component:
    return rx.el.li(state(finding.verdict, finding.sentence))


def _servers(cells: rx.Var[list[ServerCell]], says: str) -> rx.Component:
    """One line per server."""
    return rx.el.div(
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Server", scope="col"),
                    rx.el.th(says, scope="col"),
                    rx.el.th("Answer", scope="col"),
                    rx.el.th("Kept for", scope="col", class_name="num"),
                    rx.el.th(rx.el.span("Source", class_name="sr"), scope="col"),
                )
            ),
            rx.el.tbody(rx.foreach(cells, _server)),
            class_name="fold",
        ),
        class_name="scroll",
    )


def _server(cell: ServerCell) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(cell.server), rx.el.div(cell.why, class_name="why"), class_name="wide"),
        rx.el.td(state(cell.verdict, cell.word)),
        rx.el.td(rx.el.span(cell.addresses, class_name="mono small"), class_name="wide"),
        rx.el.td(rx.el.span("kept for ", class_name="only-s xs"), cell.ttl, class_name="num muted"),
        rx.el.td(show_source(cell.trace, cell.server), class_name="num"),
        key=cell.server,
    )


def _side(side: SideLine) -> rx.Component:
    def named(what: str, value: rx.Component | rx.Var[str]) -> rx.Component:
        return rx.el.td(rx.el.span(what, ": ", class_name="only-s xs muted"), value, class_name="wide")

    return rx.el.tr(
        rx.el.td(rx.el.b(side.region), class_name="wide"),
        named("healthy addresses", rx.el.span(side.addresses, class_name="mono small")),
        named("service, by k8gb", side.health),
        named("pin", rx.el.span(side.pin, class_name="mono small")),
        key=side.region,
    )


def _zone() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Delegation"), rx.el.span(GslbPanel.zone, class_name="mono small muted"), class_name="head"),
        rx.el.div(
            state(GslbPanel.zone_verdict, GslbPanel.zone_sentence),
            rx.cond(
                GslbPanel.zone_servers != "",
                rx.el.p("Name servers: ", rx.el.span(GslbPanel.zone_servers, class_name="mono small"), class_name="small muted"),
            ),
            class_name="body",
        ),
        rx.cond(GslbPanel.zone_cells.length() > 0, _servers(GslbPanel.zone_cells, "Delegation")),
        class_name="card",
    )
