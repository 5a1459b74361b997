"""Audit: who did what, when, and what came of it; searched, verified and taken along."""

import reflex as rx

from openova_console.web.audit_rows import AuditLine, PlaceLine
from openova_console.web.components.basics import age, goto, leave, state
from openova_console.web.components.filters import newest_and_older, tabs
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow
from openova_console.web.pages.page import page
from openova_console.web.states.audit import AuditView
from openova_console.web.topics.changes import ChangesPanel


@page(route="/audit", title="Audit", on_load=(AuditView.arrive,))
def audit() -> rx.Component:
    return layout(
        "Audit",
        "Who did what, when, and what came of it: one sealed chain that nobody can alter unseen",
        follow(ChangesPanel.stamp, AuditView.refresh),
        _restored(),
        _broken(),
        rx.el.div(_events(), rx.el.div(_verify(), _places(), _export(), class_name="stack"), class_name="two"),
        here="audit",
    )


def _restored() -> rx.Component:
    return rx.cond(
        AuditView.restored != "",
        rx.el.section(
            rx.el.div(
                state(rx.Var.create("breach"), "This database is older than what was written outside of it"),
                rx.el.span(AuditView.restored, class_name="what small"),
                class_name="row",
            ),
            rx.el.span(
                "What to do: runs that were asked for before are held and ask a person. Look at the platform first, then let "
                "each go on or stop it. If a newer copy of the database exists, stop the console and put that one back.",
                class_name="small",
            ),
            class_name="strip breach",
            aria_label="The database is an old one",
        ),
    )


def _broken() -> rx.Component:
    return rx.cond(
        AuditView.look == "breach",
        rx.el.section(
            rx.el.div(
                state(rx.Var.create("breach"), AuditView.word),
                rx.el.span(AuditView.sentence, class_name="what small"),
                class_name="row",
            ),
            rx.el.span(
                "What to do: copy the database, the file with the heads and the newest export to where nobody else writes, "
                "before anything else. Tell your security officer. Freeze changes until it is known who did this.",
                class_name="small",
            ),
            goto("Freeze changes", "/freeze", class_name="small"),
            class_name="strip breach",
            role="alert",
        ),
    )


def _events() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            _search(),
            tabs("Kind of event", AuditView.groups),
            rx.cond(AuditView.note != "", rx.el.p(AuditView.note, class_name="muted", role="status")),
            class_name="body filters",
        ),
        rx.cond(AuditView.rows.length() > 0, _table()),
        newest_and_older(AuditView.newest, AuditView.following),
        class_name="card",
        aria_label="Events",
    )


def _search() -> rx.Component:
    asked = AuditView.asked
    return rx.el.form(
        rx.el.label("Words", _field("q", asked["q"], "in names and bodies", most=200, type="search"), class_name="across"),
        rx.el.label("Who", _field("actor", asked["actor"], "exactly this name", most=80)),
        rx.el.label("Operation", _field("operation", asked["operation"], "its id", most=32)),
        rx.el.label("From (UTC)", _field("from", asked["from"], "", most=30, type="datetime-local")),
        rx.el.label("Before (UTC)", _field("to", asked["to"], "", most=30, type="datetime-local")),
        rx.el.div(
            rx.el.button("Find", type="submit", class_name="small"),
            goto("Clear", "/audit", class_name="small"),
            rx.el.span(class_name="grow"),
            rx.el.span(
                rx.cond(
                    AuditView.newer != "",
                    rx.el.button(AuditView.newer, type="button", class_name="small", on_click=AuditView.arrive),
                ),
                role="status",
            ),
            class_name="buttons across",
        ),
        on_submit=AuditView.search,
        class_name="search",
        role="search",
    )


def _field(name: str, value: rx.Var[str], hint: str, *, most: int, type: str = "text") -> rx.Component:
    return rx.el.input(
        name=name, type=type, default_value=value, key=value, placeholder=hint, max_length=most, auto_complete="off"
    )


def _table() -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("No.", scope="col", class_name="num"),
                rx.el.th("What", scope="col"),
                rx.el.th("Event", scope="col"),
                rx.el.th("Who", scope="col"),
                rx.el.th("When", scope="col", class_name="num"),
            )
        ),
        rx.el.tbody(rx.foreach(AuditView.rows, _row)),
        class_name="fold audit",
    )


def _row(row: AuditLine) -> rx.Component:
    is_open = AuditView.opened == row.number
    return rx.el.tr(
        rx.el.td(
            rx.el.button(
                row.number,
                type="button",
                class_name="figure row-link",
                title="Body and seal",
                aria_label="Event " + row.number + ": body and seal",
                aria_expanded=rx.cond(is_open, "true", "false"),
                on_click=AuditView.unfold(row.number),
            ),
            class_name="num",
        ),
        rx.el.td(
            rx.el.div(row.what, class_name="small breaks"),
            rx.cond(row.href != "", rx.el.div(goto(row.title, row.href), class_name="xs")),
            rx.cond(is_open, _unfolded()),
            class_name="wide",
        ),
        rx.el.td(goto(row.event, row.event_href, class_name="mono xs plain", title="Only these"), class_name="small"),
        rx.el.td(goto(row.actor, row.actor_href, class_name="plain", title="Only what this one did"), class_name="small"),
        rx.el.td(age(row.at, ago=True), class_name="num muted small"),
        key=row.number,
    )


def _unfolded() -> rx.Component:
    return rx.el.div(
        rx.el.pre(AuditView.body, tab_index=0, aria_label="Body"),
        rx.el.div("Seal ", rx.el.code(AuditView.seal), class_name="xs muted breaks"),
        rx.el.div("After the seal ", rx.el.code(AuditView.previous), class_name="xs muted breaks"),
        class_name="stack small-gap unfolded",
    )


def _verify() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Is it unbroken?"), class_name="head"),
        rx.el.div(
            rx.el.div(
                rx.cond(
                    AuditView.verifying != "",
                    rx.el.p(AuditView.verifying, class_name="small"),
                    rx.cond(
                        AuditView.look != "",
                        rx.fragment(
                            rx.el.p(state(AuditView.look, AuditView.word)),
                            rx.el.p(AuditView.sentence, " ", age(AuditView.verified_at, ago=True), ".", class_name="small"),
                        ),
                        rx.el.p(
                            "Every event carries the seal of the one before it. Verifying reads all of them, and compares "
                            "the chain with the heads that lie outside the database.",
                            class_name="small muted",
                        ),
                    ),
                ),
                class_name="verdict",
                role="status",
            ),
            rx.cond(
                AuditView.compared.length() > 0,
                rx.el.details(
                    rx.el.summary("What was compared"),
                    rx.el.ul(rx.foreach(AuditView.compared, _place), class_name="votes"),
                ),
            ),
            rx.el.div(
                rx.el.button(
                    "Verify the audit",
                    type="button",
                    class_name="primary",
                    disabled=AuditView.verifying != "",
                    on_click=AuditView.verify,
                ),
                class_name="buttons",
            ),
            class_name="body stack small-gap",
        ),
        class_name="card",
        aria_label="Verification",
    )


def _places() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Its head"), rx.el.span(AuditView.head, class_name="muted small"), class_name="head"),
        rx.el.div(
            rx.cond(
                AuditView.places.length() > 0,
                rx.el.ul(rx.foreach(AuditView.places, _place), class_name="votes"),
                rx.el.p(
                    "Not written outside the database yet: that happens when a run ends, and every few minutes.",
                    class_name="small muted",
                ),
            ),
            class_name="body",
        ),
        class_name="card",
        aria_label="Where its head lies",
    )


def _place(row: PlaceLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(row.place, class_name="small breaks"),
        state(row.look, row.word),
        rx.el.div(
            row.note,
            rx.cond(row.at != "", rx.fragment(" · ", age(row.at, ago=True))),
            class_name="why",
        ),
        key=row.place,
    )


def _export() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Take it along"), class_name="head"),
        rx.el.div(
            rx.el.div(
                rx.cond(
                    AuditView.against_export == "",
                    leave("Export everything", "/api/v1/audit/export", class_name="button", download="audit.jsonl"),
                    rx.el.button("Export everything", type="button", disabled=True),
                ),
                class_name="buttons",
            ),
            rx.el.p(
                rx.cond(
                    AuditView.against_export == "",
                    "One event a line, as JSON. To verify it anywhere else: python -m openova_console audit verify audit.jsonl",
                    AuditView.against_export,
                ),
                class_name="small muted",
            ),
            class_name="body stack small-gap",
        ),
        class_name="card",
        aria_label="Export",
    )
