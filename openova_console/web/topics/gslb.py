"""Global DNS: the panel, its rows, what fills them, and the card on the overview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import reflex as rx

from openova_console.handbook.gslb import Cell, HostAssessment, SideHealth
from openova_console.handbook.speech import span
from openova_console.handbook.words import Verdict
from openova_console.watch.board import Board
from openova_console.watch.board.gslb import GslbBoard
from openova_console.watch.watch import Watch
from openova_console.web.components.basics import goto, sourced, state
from openova_console.web.present import WORDS, iso

ON_CARD = 4
NOTHING = (
    "No Gslb object was found in either region. A Gslb (k8gb.io/v1beta1) names a host and the region that its users go to; "
    "gslb.hosts in the settings adds names by hand."
)


@dataclass(frozen=True, slots=True)
class ServerCell:
    """What one server answers for one host."""

    server: str
    kind: str
    verdict: str
    word: str
    addresses: str
    ttl: str
    why: str
    trace: str


@dataclass(frozen=True, slots=True)
class SideLine:
    """One region: what it holds to be healthy, what k8gb calls its service, and where it pins users to."""

    region: str
    addresses: str
    health: str
    pin: str


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: str
    sentence: str


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host on the board."""

    host: str
    verdict: str
    word: str
    sentence: str
    strategy: str
    pin: str
    expected: str
    expected_addresses: str
    ttl: str
    convergence: str
    at: str
    cells: list[ServerCell] = field(default_factory=list)
    sides: list[SideLine] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class GslbPanel(rx.State):
    """What every DNS server says of every host."""

    verdict: str = "unknown"
    sentence: str = ""
    note: str = ""
    hosts: list[HostRow] = []
    shown: list[HostRow] = []
    rest: str = ""
    servers: list[str] = []
    zone: str = ""
    zone_verdict: str = "unknown"
    zone_sentence: str = ""
    zone_servers: str = ""
    zone_cells: list[ServerCell] = []
    at: str = ""
    fresh_s: float = 0.0


def values(board: Board, watch: Watch, now: datetime) -> Mapping[str, Any]:
    """The panel's vars."""
    gslb, settings = board.gslb, watch.settings
    hosts = [_host(host) for host in gslb.hosts]
    more = len(hosts) - ON_CARD
    cells = gslb.hosts[0].cells if gslb.hosts else ()
    return {
        "verdict": gslb.judgement.verdict.value,
        "sentence": gslb.judgement.sentence,
        "note": "" if hosts or not gslb.measured else NOTHING,
        "hosts": hosts,
        "shown": hosts[:ON_CARD],
        "rest": f"and {more} more host{'s' if more > 1 else ''}" if more > 0 else "",
        "servers": [cell.server for cell in cells],
        "zone": settings.gslb.zone or "",
        **_zone(gslb),
        "at": iso(min((host.observed_at for host in gslb.hosts if host.observed_at), default=None)),
        "fresh_s": settings.freshness.gslb_s,
    }


def _zone(gslb: GslbBoard) -> dict[str, Any]:
    if gslb.zone is None:
        blank = "The delegation is not read: add gslb.zone to the settings."
        return {"zone_verdict": Verdict.UNKNOWN.value, "zone_sentence": blank, "zone_servers": "", "zone_cells": []}
    return {
        "zone_verdict": gslb.zone.judgement.verdict.value,
        "zone_sentence": gslb.zone.judgement.sentence,
        "zone_servers": ", ".join(gslb.zone.nameservers),
        "zone_cells": _cells(gslb.zone.cells),
    }


def _host(host: HostAssessment) -> HostRow:
    pin = host.pin or ("differs or is not known" if host.strategy == "failover" else "none")
    return HostRow(
        host=host.host,
        verdict=host.judgement.verdict.value,
        word=WORDS[host.judgement.verdict],
        sentence=host.judgement.sentence,
        strategy=host.strategy or "not known",
        pin=pin,
        expected=host.expected_from or "not known",
        expected_addresses=", ".join(host.expected) if host.expected else "which of its addresses are healthy is not known",
        ttl=span(host.ttl_s) if host.ttl_s is not None else "not known",
        convergence=f"about {span(host.convergence_s)}" if host.convergence_s is not None else "not known",
        at=iso(host.observed_at),
        cells=_cells(host.cells),
        sides=[_side(side) for side in host.sides],
        findings=[Finding(f.verdict.value, f.sentence) for f in host.findings],
    )


def _cells(cells: Sequence[Cell]) -> list[ServerCell]:
    return [
        ServerCell(
            server=cell.server,
            kind="CoreDNS" if cell.region_id else "resolver",
            verdict=cell.verdict.value,
            word=cell.word,
            addresses=", ".join(cell.addresses),
            ttl=f"{span(cell.ttl_s)}" if cell.ttl_s is not None else "–",
            why=cell.why[:1].upper() + cell.why[1:],
            trace=f"gslb/{cell.region_id}" if cell.region_id else f"gslb/resolvers/{cell.server}",
        )
        for cell in cells
    ]


def _side(side: SideHealth) -> SideLine:
    known = "not known" if side.addresses is None else ", ".join(side.addresses) or "none"
    return SideLine(side.region, known, side.health or "not known", side.pin or "–")


def overview_card() -> rx.Component:
    """Each host: where users should go, and what each resolver and CoreDNS says."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("Global DNS", "/gslb", class_name="row-link")),
            rx.el.span(GslbPanel.zone, class_name="muted small mono"),
            class_name="head",
        ),
        rx.el.div(state(GslbPanel.verdict, GslbPanel.sentence), class_name="lead"),
        rx.cond(GslbPanel.note != "", rx.el.div(rx.el.p(GslbPanel.note, class_name="muted small"), class_name="body")),
        rx.cond(
            GslbPanel.shown.length() > 0,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th("Host", scope="col"),
                            rx.foreach(GslbPanel.servers, lambda name: rx.el.th(name, scope="col")),
                        )
                    ),
                    rx.el.tbody(rx.foreach(GslbPanel.shown, _line)),
                    class_name="fold wrapped",
                ),
                class_name="scroll",
                style={"paddingTop": "8px"},
            ),
        ),
        rx.cond(GslbPanel.rest != "", rx.el.div(rx.el.span(GslbPanel.rest, class_name="xs muted"), class_name="foot")),
        class_name="card",
        aria_label="Global DNS",
    )


def _line(row: HostRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            goto(row.host, "/gslb", class_name="row-link"),
            rx.el.div(row.strategy, " to ", row.expected, ", reaches users in ", row.convergence, class_name="xs muted"),
            class_name="wide",
        ),
        rx.foreach(
            row.cells,
            lambda cell: rx.el.td(
                rx.el.span(cell.server, ": ", class_name="xs muted only-s"),
                sourced(state(cell.verdict, cell.word), cell.trace, cell.server),
            ),
        ),
        key=row.host,
    )
