"""Standing approvals: what schedules and alerts may do within limits without anybody being asked."""

import reflex as rx

from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import ask_for, follow, look
from openova_console.web.pages.page import page
from openova_console.web.rows import Fact
from openova_console.web.standing_rows import FieldLine, Option, StandingLine
from openova_console.web.states.standing import StandingView, kind_options
from openova_console.web.topics.changes import ChangesPanel

_HINT = "One target a line, e.g.\nnamespace=shop name=checkout\nnamespace=shop name=cart"


@page(route="/standing", title="Standing approvals", on_load=(StandingView.arrive,))
def standing() -> rx.Component:
    return layout(
        "Standing approvals",
        "What a schedule or an alert may do within limits without anybody being asked",
        follow(ChangesPanel.stamp, StandingView.refresh),
        rx.el.div(rx.el.div(_holding(), _past(), class_name="stack"), _grant(), class_name="two"),
        here="standing",
    )


def _holding() -> rx.Component:
    return rx.cond(
        StandingView.rows.length() > 0,
        rx.foreach(StandingView.rows, _card),
        rx.el.section(
            rx.el.div(
                rx.cond(
                    StandingView.loaded,
                    rx.fragment(
                        rx.el.p(state(rx.Var.create("ok"), "Nothing runs without a person's approval.")),
                        rx.el.p(
                            "A schedule or an alert mapping may ask for a change; it then waits for approval like a person's. "
                            "With a standing approval it begins at once, as long as it is exactly what was approved beforehand: "
                            "these parameters, so many times a day, for so many days.",
                            class_name="muted",
                        ),
                    ),
                    rx.el.p("Loading…", class_name="muted"),
                ),
                class_name="body stack small-gap",
            ),
            class_name="card",
        ),
    )


def _card(row: StandingLine) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(row.name),
            look(row.look, row.word),
            rx.el.span(class_name="grow"),
            rx.cond(
                row.over,
                rx.el.span(age(row.ended, ago=True), class_name="small muted"),
                rx.el.span(
                    "ends ",
                    rx.el.time(date_time=row.ends, custom_attrs={"data-age": "until"}, class_name="nowrap"),
                    class_name="small muted",
                ),
            ),
            class_name="head",
        ),
        rx.el.div(
            rx.el.p("The ", rx.el.b(row.source), " may run ", rx.el.b("“", row.kind, "”"), " by itself."),
            rx.cond(row.why != "", rx.el.p(row.why, class_name="why")),
            rx.el.dl(rx.foreach(row.template, _fact), class_name="facts small"),
            rx.cond(
                row.targets.length() > 0,
                rx.el.details(
                    rx.el.summary("Targets: ", row.targets.length(), " ", row.more),
                    rx.el.ul(rx.foreach(row.targets, lambda target: rx.el.li(rx.el.code(target))), class_name="small"),
                ),
            ),
            rx.el.p(row.limits, ". Used ", rx.el.b(row.used), ".", class_name="small"),
            rx.el.p(
                "Granted by ",
                row.granted_by,
                " ",
                age(row.granted, ago=True),
                ". ",
                goto("See the request", row.href),
                class_name="small muted",
            ),
            class_name="body stack small-gap",
        ),
        rx.cond(row.over, rx.fragment(), rx.el.div(_revoke(row), class_name="foot")),
        class_name="card",
        key=row.id,
        aria_label=row.name,
    )


def _fact(row: Fact) -> rx.Component:
    return rx.el.div(rx.el.dt(row.label), rx.el.dd(row.value), key=row.label)


def _revoke(row: StandingLine) -> rx.Component:
    return rx.cond(
        StandingView.against_revoking == "",
        ask_for("Take back", "revoke-standing-approval", row.params, aria_label="Take back " + row.name),
        rx.fragment(
            rx.el.button("Take back", type="button", class_name="small", disabled=True),
            rx.el.span(StandingView.against_revoking, class_name="small muted"),
        ),
    )


def _past() -> rx.Component:
    return rx.cond(
        StandingView.past.length() > 0,
        rx.el.details(
            rx.el.summary("Over: ", StandingView.past.length()),
            rx.el.div(rx.foreach(StandingView.past, _card), class_name="stack"),
            class_name="past",
        ),
    )


def _grant() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Grant a standing approval"), class_name="head"),
        rx.el.div(
            rx.el.form(
                rx.el.label("Name", _text("name", "as in nightly-restart", most=63)),
                rx.el.div(
                    rx.el.label(
                        "For",
                        rx.el.select(
                            rx.el.option("A schedule", value="schedule"),
                            rx.el.option("An alert mapping", value="alert"),
                            name="source_kind",
                            default_value="schedule",
                        ),
                    ),
                    rx.el.label("Its name", _text("source", "as in nightly", most=100)),
                    class_name="pair-of-fields",
                ),
                rx.el.label(
                    "May run",
                    rx.el.select(
                        *(rx.el.option(option.label, value=option.value) for option in kind_options()),
                        name="kind",
                        value=StandingView.kind,
                        on_change=StandingView.choose,
                    ),
                ),
                rx.el.fieldset(
                    rx.el.legend("With exactly these parameters; write * for what the targets say"),
                    rx.foreach(StandingView.fields, _field),
                    class_name="pair-of-fields",
                    key=StandingView.kind,
                ),
                rx.el.label(
                    "Targets, when something was left open",
                    rx.el.textarea(name="targets", rows=3, placeholder=_HINT, max_length=4000),
                ),
                rx.el.div(
                    rx.el.label("Runs in 24 h", _number("per_day", "1", "1000")),
                    rx.el.label("Objects a run", _number("per_run", "1", "1000")),
                    rx.el.label("Ends in (days)", _number("days", "30", StandingView.most_days)),
                    rx.el.label(
                        rx.el.span("Only while no more was spent this month than (", StandingView.currency, ")"),
                        rx.el.input(name="budget", type="number", min="0", step="any", placeholder="no such limit"),
                        class_name="across",
                    ),
                    class_name="pair-of-fields thirds-of-fields",
                ),
                rx.cond(StandingView.error != "", rx.el.p(state(rx.Var.create("breach"), StandingView.error), role="alert")),
                rx.el.div(
                    rx.el.button("Look at the grant", type="submit", class_name="primary", disabled=StandingView.against != ""),
                    class_name="buttons",
                ),
                rx.el.p(
                    rx.cond(
                        StandingView.against != "",
                        StandingView.against,
                        "As many people approve it as the change itself needs, an administrator among them.",
                    ),
                    class_name="small muted",
                ),
                on_submit=StandingView.grant,
                class_name="stack small-gap",
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _text(name: str, hint: str, *, most: int) -> rx.Component:
    return rx.el.input(name=name, required=True, max_length=most, auto_complete="off", placeholder=hint, spell_check=False)


def _number(name: str, value: str, most: str | rx.Var[str]) -> rx.Component:
    return rx.el.input(name=name, type="number", min="1", max=most, step="1", default_value=value, required=True)


def _field(row: FieldLine) -> rx.Component:
    name = "param:" + row.name
    return rx.el.label(
        row.label,
        rx.cond(
            row.options.length() > 0,
            rx.el.select(rx.foreach(row.options, _option), name=name, default_value=row.value),
            rx.el.input(
                name=name, required=True, max_length=300, auto_complete="off", default_value=row.value, spell_check=False
            ),
        ),
        key=row.name,
    )


def _option(row: Option) -> rx.Component:
    return rx.el.option(row.label, value=row.value)
