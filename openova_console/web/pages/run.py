"""One run: how it stands, what can be done, its steps as a timeline, and everything that it rests on."""

import reflex as rx

from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, guard_list, look, reason_field, said
from openova_console.web.pages.page import page
from openova_console.web.rows import Fact
from openova_console.web.run_rows import ApprovalLine, EventLine, EvidenceLine, StepLine
from openova_console.web.states.run import DoLine, RunView
from openova_console.web.topics.changes import ChangesPanel


@page(route="/runs/[run_id]", title="Run", on_load=(RunView.arrive,))
def run() -> rx.Component:
    return layout(
        RunView.title,
        RunView.kind,
        follow(ChangesPanel.stamp, RunView.refresh),
        rx.cond(
            RunView.note != "",
            rx.el.section(
                rx.el.div(rx.el.p(RunView.note), goto("All runs", "/runs"), class_name="body stack"), class_name="card"
            ),
            rx.cond(
                RunView.line.id != "",
                rx.el.div(
                    rx.el.div(_stands(), _timeline(), _evidence(), _events(), _runbook(), class_name="stack"),
                    rx.el.div(_doing(), _approvals(), _facts(), class_name="stack"),
                    class_name="two run",
                ),
                rx.el.p("Loading…", class_name="muted"),
            ),
        ),
        here="runs",
    )


def _stands() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            look(RunView.line.look, RunView.line.word),
            rx.el.span(RunView.line.region, class_name="pill"),
            rx.el.span(class_name="grow"),
            rx.el.span("asked for by ", RunView.line.actor, " ", age(RunView.line.at, ago=True), class_name="small muted"),
            class_name="head line",
        ),
        rx.el.div(
            rx.cond(
                RunView.line.sentence != RunView.line.word,
                rx.el.p(RunView.line.sentence, class_name="large", aria_live="polite"),
            ),
            rx.el.p(RunView.line.reason, class_name="why"),
            rx.cond(
                RunView.aside.length() > 0,
                rx.el.div(
                    state(rx.Var.create("warn"), "Guards were set aside"),
                    rx.el.dl(rx.foreach(RunView.aside, _fact), class_name="stack small texts"),
                ),
            ),
            class_name="body stack",
        ),
        class_name="card stands",
    )


def _timeline() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Steps"),
            rx.el.span(RunView.progress, "; as of ", age(RunView.read_at, ago=True), class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(rx.el.ol(rx.foreach(RunView.steps, _step), class_name="steps timeline"), class_name="body"),
        class_name="card",
    )


def _step(step: StepLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(step.number, class_name="number " + step.look, aria_hidden="true"),
        rx.el.div(
            rx.el.div(
                rx.el.b(step.title),
                look(step.look, step.word),
                rx.el.span(class_name="grow"),
                rx.cond(
                    step.ended != "",
                    rx.el.span(step.took, " · ", age(step.ended, ago=True), class_name="small muted nowrap"),
                    rx.cond(step.began != "", rx.el.span("for ", age(step.began), class_name="small muted nowrap")),
                ),
                class_name="line",
            ),
            rx.cond(step.sentence != step.title, rx.el.div(step.sentence, class_name="why")),
            rx.el.div(
                step.where, rx.cond(step.call != "", rx.fragment(" · ", rx.el.code(step.call))), class_name="xs muted breaks"
            ),
            rx.el.details(
                rx.el.summary("More"),
                rx.el.div(
                    rx.el.div(step.note, class_name="small muted"),
                    rx.cond(step.undo != "", rx.el.div("Taking it back: ", step.undo, class_name="small muted")),
                    rx.cond(step.by != "", rx.el.div("Done by ", step.by, class_name="small muted")),
                    rx.cond(step.body != "", rx.fragment(rx.el.h3("As planned"), rx.el.pre(step.body, tab_index=0))),
                    rx.cond(step.request != "", rx.fragment(rx.el.h3("Sent"), rx.el.pre(step.request, tab_index=0))),
                    rx.cond(step.answer != "", rx.fragment(rx.el.h3("Answered"), rx.el.pre(step.answer, tab_index=0))),
                    class_name="stack small-gap",
                ),
            ),
        ),
        key=step.number,
    )


def _doing() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("What can be done"), class_name="head"),
        rx.el.div(
            said(RunView.error, RunView.said),
            rx.foreach(RunView.possible, _do),
            rx.cond(
                RunView.confirm_href != "",
                rx.el.div(
                    rx.el.a("Give your password again to approve", href=RunView.confirm_href, class_name="button primary"),
                ),
            ),
            rx.foreach(RunView.impossible, _cannot),
            rx.cond(
                (RunView.possible.length() == 0) & (RunView.impossible.length() == 0),
                rx.el.p("Nothing more: it has ended.", class_name="muted small"),
            ),
            class_name="body stack",
        ),
        class_name="card doing",
        aria_label="What can be done",
    )


def _do(row: DoLine) -> rx.Component:
    """A button; what needs a reason unfolds first."""
    fields = (
        rx.el.input(type="hidden", name="act", value=row.name),
        rx.el.input(type="hidden", name="operation", value=RunView.id),
        rx.el.input(type="hidden", name="digest", value=RunView.digest),
    )
    return rx.cond(
        (row.name == "approve") | (row.name == "revoke"),
        rx.el.form(
            *fields,
            rx.el.button(row.label, type="submit", class_name=rx.cond(row.name == "approve", "primary", "")),
            rx.el.div(row.what, class_name="xs muted"),
            on_submit=RunView.do,
            class_name="do",
            key=row.name,
        ),
        rx.el.details(
            rx.el.summary(row.label, rx.el.span(" · ", row.what, class_name="xs muted")),
            rx.el.form(
                *fields,
                reason_field(),
                rx.el.button(
                    row.label, type="submit", class_name=rx.cond((row.name == "deny") | (row.name == "abort"), "danger", "")
                ),
                on_submit=RunView.do,
                class_name="do",
            ),
            key=row.name,
        ),
    )


def _cannot(row: DoLine) -> rx.Component:
    return rx.el.div(
        rx.el.button(row.label, type="button", disabled=True),
        rx.el.div(row.against, class_name="small muted"),
        class_name="do",
        key=row.name,
    )


def _approvals() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Approvals"), class_name="head"),
        rx.el.div(
            rx.el.p(RunView.policy, class_name="small muted"),
            rx.el.ul(rx.foreach(RunView.approvals, _approval), class_name="votes"),
            class_name="body stack",
        ),
        class_name="card",
    )


def _approval(row: ApprovalLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(row.name),
        look(row.look, row.word),
        rx.el.div(row.reason, " ", age(row.at, ago=True), class_name="why"),
    )


def _facts() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("About"), class_name="head"),
        rx.el.div(rx.el.dl(rx.foreach(RunView.facts, _fact), class_name="stack small texts"), class_name="body"),
        class_name="card",
    )


def _fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="muted"),
        rx.el.dd(fact.value, " ", rx.el.span(fact.detail, class_name="muted xs")),
    )


def _evidence() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("What it rests on"),
            rx.el.span("as of ", age(RunView.evidence_at, ago=True), class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.el.details(
                rx.el.summary("Facts that the approval is bound to (", RunView.rests.length(), ")"),
                rx.el.dl(rx.foreach(RunView.rests, _fact), class_name="stack small texts"),
            ),
            rx.el.details(
                rx.el.summary("Guards, as they answered last (", RunView.guards.length(), ")"), guard_list(RunView.guards)
            ),
            rx.el.details(
                rx.el.summary("Evidence (", RunView.evidence.length(), ")"),
                rx.el.ul(rx.foreach(RunView.evidence, _item), class_name="votes"),
            ),
            class_name="body stack",
        ),
        class_name="card",
    )


def _item(row: EvidenceLine) -> rx.Component:
    return rx.el.li(
        rx.el.span(row.key, class_name="small mono breaks"),
        state(row.look, row.word),
        rx.el.div(row.value, " ", rx.el.span(row.source, class_name="muted xs"), " ", age(row.at, ago=True), class_name="why"),
        key=row.key,
    )


def _events() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Audit"),
            rx.el.span("every event of this run, sealed", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.el.details(
                rx.el.summary("Events (", RunView.events.length(), ")"),
                rx.el.table(rx.el.tbody(rx.foreach(RunView.events, _event)), class_name="fold compact"),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _event(row: EventLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.b(row.event, class_name="small"),
            " ",
            rx.el.span(row.actor, class_name="xs muted"),
            rx.el.div(row.detail, class_name="why breaks"),
            class_name="wide",
        ),
        rx.el.td(row.number, class_name="num muted mono xs"),
        rx.el.td(age(row.at, ago=True), class_name="num muted"),
        key=row.number,
    )


def _runbook() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Without this console"),
            rx.el.span("the same plan for kubectl", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.el.details(
                rx.el.summary("Runbook"),
                rx.el.pre(RunView.runbook, id="runbook", tab_index=0),
                rx.el.button("Copy", type="button", class_name="small", custom_attrs={"data-copy": "runbook"}),
            ),
            class_name="body",
        ),
        class_name="card",
    )
