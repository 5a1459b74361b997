"""Notifications: whether people are reached, and what was given up."""

import reflex as rx

from openova_console.web.components.basics import age, goto
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, look, said
from openova_console.web.pages.page import page
from openova_console.web.states.deliveries import DeliveriesView, LetterLine, TargetLine
from openova_console.web.topics.changes import ChangesPanel


@page(route="/notifications", title="Notifications", on_load=(DeliveriesView.arrive,))
def deliveries() -> rx.Component:
    return layout(
        "Notifications",
        "Who is told of what waits for a person, and whether it arrives",
        follow(ChangesPanel.stamp, DeliveriesView.refresh),
        said(DeliveriesView.error, DeliveriesView.said),
        _targets(),
        _letters(),
        here="notifications",
    )


def _targets() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Targets"),
            rx.el.span("as of ", age(DeliveriesView.read_at, ago=True), class_name="muted small"),
            class_name="head",
        ),
        rx.cond(
            DeliveriesView.targets.length() > 0,
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Target", scope="col"),
                        rx.el.th("State", scope="col"),
                        rx.el.th("Last arrived", scope="col", class_name="num"),
                        rx.el.th(rx.el.span("Test", class_name="sr"), scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(DeliveriesView.targets, _target)),
                class_name="fold",
            ),
            rx.el.div(
                rx.el.p("Nobody is told outside of this console."),
                rx.el.p(
                    "Name webhooks and mailboxes under notify.targets in the settings. ",
                    "A browser tells you by itself once you allow it in the menu of your account.",
                    class_name="small muted",
                ),
                class_name="body stack",
            ),
        ),
        rx.cond(
            (DeliveriesView.against_test != "") & (DeliveriesView.targets.length() > 0),
            rx.el.div(rx.el.span(DeliveriesView.against_test, class_name="small muted"), class_name="foot"),
        ),
        class_name="card",
    )


def _target(row: TargetLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(row.name), " ", rx.el.span(row.kind, class_name="xs muted"), rx.el.div(row.events, class_name="why")),
        rx.el.td(
            look(row.look, row.word),
            rx.el.div(
                row.sentence,
                rx.cond(
                    row.next_at != "",
                    rx.fragment(" · next try ", rx.el.time(date_time=row.next_at, custom_attrs={"data-age": "until"})),
                ),
                class_name="why",
            ),
            class_name="text",
        ),
        rx.el.td(rx.cond(row.sent_at != "", age(row.sent_at, ago=True), "never"), class_name="num muted"),
        rx.el.td(
            rx.el.form(
                rx.el.input(type="hidden", name="target", value=row.name),
                rx.el.button("Send a test", type="submit", class_name="small", disabled=DeliveriesView.against_test != ""),
                on_submit=DeliveriesView.test,
            ),
            class_name="num",
        ),
        key=row.name,
    )


def _letters() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Newest messages"), class_name="head"),
        rx.cond(
            DeliveriesView.note != "",
            rx.el.div(rx.el.p(DeliveriesView.note, class_name="muted"), class_name="body"),
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Message", scope="col"),
                        rx.el.th("State", scope="col"),
                        rx.el.th("When", scope="col", class_name="num"),
                        rx.el.th(rx.el.span("Again", class_name="sr"), scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(DeliveriesView.letters, _letter)),
                class_name="fold",
            ),
        ),
        class_name="card",
    )


def _letter(row: LetterLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            goto(row.title, row.href, class_name="row-link"),
            " ",
            rx.el.span(row.target, class_name="xs muted"),
            class_name="wide",
        ),
        rx.el.td(look(row.look, row.word), rx.el.div(row.sentence, class_name="why"), class_name="text"),
        rx.el.td(age(row.at, ago=True), class_name="num muted"),
        rx.el.td(
            rx.cond(
                row.dead,
                rx.el.form(
                    rx.el.input(type="hidden", name="id", value=row.id),
                    rx.el.input(type="hidden", name="target", value=row.target),
                    rx.el.button(
                        "Try again",
                        type="submit",
                        class_name="small",
                        disabled=DeliveriesView.against_retry != "",
                        title=DeliveriesView.against_retry,
                    ),
                    on_submit=DeliveriesView.retry,
                ),
            ),
            class_name="num",
        ),
        key=row.id + row.target,
    )
