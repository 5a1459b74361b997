"""Tokens: what machines use instead of a password, made and taken back by whoever they count as."""

import reflex as rx

from openova_console.web.components.basics import age, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import ask_for, follow, look
from openova_console.web.pages.page import page
from openova_console.web.states.tokens import TokensView
from openova_console.web.token_rows import ScopeLine, TokenLine
from openova_console.web.topics.changes import ChangesPanel


@page(route="/tokens", title="Tokens", on_load=(TokensView.arrive,))
def tokens() -> rx.Component:
    return layout(
        "Tokens",
        "What machines use instead of a password; each counts as its owner and never approves",
        follow(ChangesPanel.stamp, TokensView.refresh),
        rx.el.div(
            rx.el.div(_mine(), _others(), _past(), class_name="stack"),
            rx.el.div(_make(), _use(), class_name="stack"),
            class_name="two",
        ),
        here="tokens",
    )


def _mine() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Your tokens"), class_name="head"),
        rx.cond(
            TokensView.own.length() > 0,
            _table(TokensView.own),
            rx.el.div(
                rx.cond(
                    TokensView.loaded,
                    rx.el.p(
                        "You have none. A program that reads or asks for changes at /api/v1 needs one: name it after the "
                        "program, and choose no more than what it does.",
                        class_name="muted",
                    ),
                    rx.el.p("Loading…", class_name="muted"),
                ),
                class_name="body",
            ),
        ),
        class_name="card",
        aria_label="Your tokens",
    )


def _others() -> rx.Component:
    return rx.cond(
        TokensView.sees_all,
        rx.el.section(
            rx.el.div(rx.el.h2("Tokens of others"), class_name="head"),
            rx.cond(
                TokensView.others.length() > 0,
                _table(TokensView.others),
                rx.el.div(rx.el.p("Nobody else has a valid token.", class_name="muted"), class_name="body"),
            ),
            class_name="card",
            aria_label="Tokens of others",
        ),
    )


def _past() -> rx.Component:
    return rx.cond(
        TokensView.past.length() > 0,
        rx.el.details(
            rx.el.summary("Over: ", TokensView.past.length()),
            rx.el.div(_table(TokensView.past), class_name="card"),
            class_name="past",
        ),
    )


def _table(rows: rx.Var[list[TokenLine]]) -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Name", scope="col"),
                rx.el.th("State", scope="col"),
                rx.el.th("Made", scope="col", class_name="num"),
                rx.el.th("Last used", scope="col", class_name="num"),
                rx.el.th("Ends", scope="col", class_name="num"),
                rx.el.th(rx.el.span("Change", class_name="sr"), scope="col"),
            )
        ),
        rx.el.tbody(rx.foreach(rows, _row)),
        class_name="fold wrapped",
    )


def _row(row: TokenLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.b(row.name),
            rx.cond(row.own, rx.fragment(), rx.el.span(" of ", row.owner, class_name="muted small")),
            rx.el.div("May ", row.scopes, class_name="why"),
            class_name="wide",
        ),
        rx.el.td(rx.el.span("State", class_name="only-s muted small"), look(row.look, row.word), class_name="text"),
        rx.el.td(rx.el.span("Made", class_name="only-s muted small"), age(row.made, ago=True), class_name="num muted small"),
        rx.el.td(
            rx.el.span("Last used", class_name="only-s muted small"),
            rx.cond(row.used != "", age(row.used, ago=True), rx.el.span("never")),
            class_name="num muted small",
        ),
        rx.el.td(
            rx.el.span("Ends", class_name="only-s muted small"),
            rx.cond(
                row.over,
                rx.el.span("–"),
                rx.el.time(date_time=row.expires, custom_attrs={"data-age": "until"}, class_name="nowrap"),
            ),
            class_name="num muted small",
        ),
        rx.el.td(
            rx.cond(
                row.over,
                rx.fragment(),
                ask_for("Take back", "revoke-token", row.params, aria_label="Take back the token " + row.name),
            ),
            class_name="num wide",
        ),
        key=row.id,
    )


def _make() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Make a token"), class_name="head"),
        rx.el.div(
            rx.el.form(
                rx.el.label(
                    "Name",
                    rx.el.input(
                        name="name",
                        required=True,
                        max_length=63,
                        auto_complete="off",
                        placeholder="as in nightly-checks",
                        spell_check=False,
                    ),
                ),
                rx.el.fieldset(
                    rx.el.legend("What it may do"),
                    rx.foreach(TokensView.scopes, _scope),
                    class_name="checks",
                ),
                rx.el.label(
                    "Ends after (days)",
                    rx.el.input(name="days", type="number", min="1", max="366", step="1", default_value="30", required=True),
                ),
                rx.cond(TokensView.error != "", rx.el.p(state(rx.Var.create("breach"), TokensView.error), role="alert")),
                rx.el.div(
                    rx.el.button("Make a token", type="submit", class_name="primary", disabled=TokensView.against != ""),
                    class_name="buttons",
                ),
                rx.el.p(
                    rx.cond(
                        TokensView.against != "",
                        TokensView.against,
                        "It is shown once. One that only looks is valid at once; one that asks for changes waits for approval.",
                    ),
                    class_name="small muted",
                ),
                on_submit=TokensView.make,
                class_name="stack small-gap",
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _scope(row: ScopeLine) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name="scope:" + row.scope, disabled=row.against != ""),
        rx.el.span(row.label, rx.cond(row.against != "", rx.el.span(" ", row.against, class_name="muted"))),
        class_name="check",
        key=row.scope,
    )


def _use() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("How it is used"), class_name="head"),
        rx.el.div(
            rx.el.p("Sent with every call, here to list what was asked for:", class_name="small"),
            rx.el.pre("curl -H 'Authorization: Bearer ovm_…' \\\n  https://CONSOLE/api/v1/operations", tab_index=0),
            rx.el.p(
                "It ends by itself, when it is taken back, and when its owner's account is closed.", class_name="small muted"
            ),
            class_name="body stack small-gap",
        ),
        class_name="card",
    )
