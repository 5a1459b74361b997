"""The overview's parts: region tile, link between them, witnesses, replication table."""

import reflex as rx

from openova_console.web.components.basics import age, goto, icon, show_source, sourced, state
from openova_console.web.rows import Gap, Line, LinkTile, RegionTile, ServiceRow, VoteRow, WitnessTile
from openova_console.web.states.panels import RegionPanel, ReplicationPanel


def region_tile(tile: RegionTile) -> rx.Component:
    """One region: role, headline, lines."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto(tile.name, tile.href, class_name="row-link")),
            rx.el.span(tile.place, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.el.span(tile.role, class_name="pill " + tile.role_class),
            class_name="head",
        ),
        rx.el.div(
            rx.el.div(state(tile.verdict, tile.headline), class_name="headline"),
            rx.el.dl(rx.foreach(tile.lines, region_line), class_name="kv small"),
            class_name="body",
        ),
        rx.el.div(
            rx.el.span("API answered ", age(tile.at, fresh_s=tile.fresh_s, ago=True), class_name="xs muted"), class_name="foot"
        ),
        class_name="card region-card",
        aria_label=tile.name,
    )


def region_line(line: Line) -> rx.Component:
    """Label, value, and a small button for the source behind it."""
    return rx.fragment(
        rx.el.dt(line.label),
        rx.el.dd(sourced(line.text, line.trace, line.label), class_name=rx.cond(line.verdict == "ok", "", line.verdict)),
        rx.el.dd(
            rx.cond(
                line.verdict == "ok",
                rx.el.span("ok", class_name="sr"),
                rx.el.span(icon(line.verdict), rx.el.span(line.verdict, class_name="sr"), class_name=line.verdict),
            )
        ),
    )


def between() -> rx.Component:
    """What lies between the two tiles: the link as each side sees it, and what the witnesses say."""
    return rx.el.div(
        rx.foreach(RegionPanel.links, link_line),
        rx.el.svg(rx.el.svg.use(href="/icons.svg#arrows"), class_name="arrows", aria_hidden="true"),
        rx.foreach(RegionPanel.witnesses, witness_line),
        class_name="link",
    )


def link_line(link: LinkTile) -> rx.Component:
    return rx.el.div(
        rx.el.div(link.kind, " from ", link.seen_from),
        sourced(state(link.verdict, link.sentence), link.trace, link.kind),
        rx.el.div("probed ", age(link.at, ago=True), class_name="xs"),
    )


def witness_line(tile: WitnessTile) -> rx.Component:
    return rx.el.div(
        rx.el.div("Witnesses of ", tile.region), goto(state(tile.verdict, tile.count), "/witnesses", class_name="row-link")
    )


def witness_card(tile: WitnessTile) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Witnesses of ", tile.region),
            rx.el.span(class_name="grow"),
            rx.el.span("asked ", age(tile.at, fresh_s=tile.fresh_s, ago=True), class_name="xs muted"),
            class_name="head",
        ),
        rx.el.div(
            state(tile.verdict, tile.sentence),
            rx.el.ul(rx.foreach(tile.votes, vote), class_name="votes"),
            class_name="body",
        ),
        class_name="card",
    )


def vote(row: VoteRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(rx.el.b(row.name), " ", rx.el.span(row.address, class_name="mono xs muted")),
        state(row.verdict, row.word),
        rx.el.div(row.why, " ", show_source(row.trace, row.name), class_name="why"),
    )


def replication_table() -> rx.Component:
    """The eight services, two lines each."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("Replication", "/replication", class_name="row-link")),
            rx.el.span(ReplicationPanel.confidence, class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.el.span(
                "worst: ", rx.el.b(ReplicationPanel.worst, class_name=ReplicationPanel.worst_verdict), class_name="small muted"
            ),
            class_name="head",
        ),
        rx.el.p(
            ReplicationPanel.loss,
            class_name="lead small",
        ),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Service", scope="col"),
                        rx.el.th("Verdict", scope="col"),
                        rx.el.th("Lag, objective", scope="col", class_name="num"),
                        rx.el.th("At risk", scope="col", class_name="num hide-s"),
                        rx.el.th("24 h", scope="col", class_name="hide-s"),
                        rx.el.th("Sample", scope="col", class_name="num"),
                    )
                ),
                rx.el.tbody(rx.foreach(ReplicationPanel.rows, service_row)),
                class_name="fold",
            ),
            class_name="scroll",
            style={"paddingTop": "8px"},
        ),
        class_name="card",
    )


def service_row(row: ServiceRow) -> rx.Component:
    """One service: what it is, verdict, lag against its objective, bytes at risk, history, sample age."""
    return rx.el.tr(
        rx.el.td(
            goto(row.title, row.href, class_name="row-link"),
            " ",
            rx.el.span(row.method, class_name="xs muted hide-s"),
            rx.cond(
                row.quiet,
                rx.fragment(),
                rx.el.span(" · ", row.direction, " · ", row.transport, class_name="xs muted hide-s path"),
            ),
            rx.el.div(row.sentence, class_name="why"),
            class_name="wide",
        ),
        rx.el.td(state(row.verdict, row.word)),
        rx.el.td(
            sourced(rx.el.b(row.lag), row.trace, row.title), rx.el.div(row.objective, class_name="xs muted"), class_name="num"
        ),
        rx.el.td(row.at_risk, class_name="num muted hide-s"),
        rx.el.td(sparkline(row), class_name="hide-s"),
        rx.el.td(age(row.at, fresh_s=row.fresh_s), class_name="num muted"),
        class_name=rx.cond(row.quiet, "quiet", ""),
        key=row.id,
    )


def sparkline(row: ServiceRow) -> rx.Component:
    """24 hours of lag: the dotted line is the objective, grey is "not known"."""
    return rx.cond(
        row.spark != "",
        rx.el.svg(
            rx.foreach(row.gaps, lambda gap: gap_rect(gap)),
            rx.el.svg.line(x1="0", x2="92", y1=row.spark_limit, y2=row.spark_limit, class_name="limit"),
            rx.el.svg.path(d=row.spark),
            view_box="0 0 92 24",
            width="92",
            height="24",
            role="img",
            aria_label="Lag over the last 24 hours",
            class_name="spark " + row.verdict,
        ),
        rx.el.span("–", class_name="muted"),
    )


def gap_rect(gap: Gap) -> rx.Component:
    return rx.el.svg.rect(x=gap.x, y="1", width=gap.width, height="22")
