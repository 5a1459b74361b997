"""Freeze: the kill switch, incidents, and what has to be reviewed. Freezing needs a reason and nobody's yes."""

import reflex as rx

from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, reason_field, said
from openova_console.web.pages.page import page
from openova_console.web.states.freeze import HOURS, FreezeView, ReviewLine, Scope
from openova_console.web.topics.changes import BrakeLine, ChangesPanel


@page(route="/freeze", title="Freeze", on_load=(FreezeView.arrive,))
def freeze() -> rx.Component:
    return layout(
        "Freeze",
        "Stops changes at once, in both consoles; needs a reason and nobody's approval",
        follow(ChangesPanel.stamp, FreezeView.refresh),
        said(FreezeView.error, FreezeView.said),
        rx.el.div(_freezes(), _set(), class_name="halves"),
        rx.el.div(_incidents(), _reviews(), class_name="halves"),
        here="freeze",
    )


def _freezes() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Frozen now"), class_name="head"),
        rx.el.div(
            rx.cond(
                ChangesPanel.freezes.length() > 0,
                rx.el.ul(
                    rx.foreach(ChangesPanel.freezes, lambda line: _brake(line, "Lift", FreezeView.lift)), class_name="brakes"
                ),
                rx.el.p("Nothing is frozen.", class_name="muted"),
            ),
            rx.cond(ChangesPanel.others_note != "", rx.el.p(state(rx.Var.create("unknown"), ChangesPanel.others_note))),
            class_name="body stack",
        ),
        class_name="card",
    )


def _brake(line: BrakeLine, verb: str, event: rx.EventHandler) -> rx.Component:
    return rx.el.li(
        rx.el.b(line.title),
        rx.el.div(line.reason, class_name="why"),
        rx.el.div(
            line.by,
            " · ",
            age(line.since, ago=True),
            rx.cond(
                line.until != "",
                rx.fragment(" · ends ", rx.el.time(date_time=line.until, custom_attrs={"data-age": "until"})),
                " · until somebody lifts it" if verb == "Lift" else "",
            ),
            class_name="small muted",
        ),
        rx.cond(
            line.here,
            rx.el.details(
                rx.el.summary(verb, class_name="button small"),
                rx.el.form(
                    rx.el.input(type="hidden", name="id", value=line.id),
                    reason_field(),
                    rx.el.button(verb, type="submit"),
                    on_submit=event,
                    class_name="do",
                ),
            ),
            rx.el.div("It can be lifted at that console only.", class_name="small muted"),
        ),
        key=line.id,
    )


def _set() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Freeze"), class_name="head"),
        rx.el.div(
            rx.el.form(
                rx.el.label("What", rx.el.select(rx.foreach(FreezeView.scopes, _scope), name="scope")),
                rx.el.label("How long", rx.el.select(*(rx.el.option(w, value=h) for h, w in HOURS.items()), name="hours")),
                reason_field(hint="What others need to know before they lift it"),
                rx.el.div(
                    rx.el.button("Freeze", type="submit", class_name="primary", disabled=FreezeView.against != ""),
                    rx.el.span(FreezeView.against, class_name="small muted"),
                    class_name="buttons",
                ),
                on_submit=FreezeView.freeze,
                class_name="stack",
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _scope(row: Scope) -> rx.Component:
    return rx.el.option(row.label, value=row.value)


def _incidents() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Incidents"),
            rx.el.span(
                "while one lasts, one approval is enough for whoever did not declare it; it ends after ",
                FreezeView.incident_hours,
                class_name="muted small",
            ),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(
                ChangesPanel.incidents.length() > 0,
                rx.el.ul(
                    rx.foreach(ChangesPanel.incidents, lambda line: _brake(line, "End it", FreezeView.end_incident)),
                    class_name="brakes",
                ),
                rx.el.p("No incident is declared.", class_name="muted"),
            ),
            rx.el.form(
                rx.el.label("Declare an incident", rx.el.input(name="title", max_length=200, min_length=5, required=True)),
                rx.el.div(
                    rx.el.button("Declare", type="submit", disabled=FreezeView.against_incident != ""),
                    rx.el.span(FreezeView.against_incident, class_name="small muted"),
                    class_name="buttons",
                ),
                on_submit=FreezeView.declare,
                class_name="stack",
            ),
            class_name="body stack",
        ),
        class_name="card",
    )


def _reviews() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("To be reviewed"),
            rx.el.span("what was set aside, or done alone", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(
                FreezeView.reviews.length() > 0,
                rx.el.ul(rx.foreach(FreezeView.reviews, _review), class_name="brakes"),
                rx.el.p("Nothing waits for a review.", class_name="muted"),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _review(row: ReviewLine) -> rx.Component:
    return rx.el.li(
        rx.cond(row.href != "", goto(row.what, row.href, class_name="row-link"), rx.el.b(row.what)),
        rx.el.div(row.by, " · ", age(row.at, ago=True), class_name="small muted"),
        rx.cond(
            row.against == "",
            rx.el.details(
                rx.el.summary("Close the review", class_name="button small"),
                rx.el.form(
                    rx.el.input(type="hidden", name="id", value=row.id),
                    reason_field("finding", "What you found"),
                    rx.el.button("Close the review", type="submit"),
                    on_submit=FreezeView.close_review,
                    class_name="do",
                ),
            ),
            rx.el.div(row.against, class_name="small muted"),
        ),
        key=row.id,
    )
