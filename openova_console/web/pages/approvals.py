"""Approvals: what waits for a yes, first what this person may give. Both verbs lie where a thumb reaches."""

import reflex as rx

from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow, guard_list, plan_list, reason_field, said
from openova_console.web.pages.page import page
from openova_console.web.states.approvals import ApprovalsView, WaitLine
from openova_console.web.topics.changes import ChangesPanel


@page(route="/approvals", title="Approvals", on_load=(ApprovalsView.arrive,))
def approvals() -> rx.Component:
    return layout(
        "Approvals",
        "What waits for a yes; who asks never approves",
        follow(ChangesPanel.stamp, ApprovalsView.refresh),
        said(ApprovalsView.error, ApprovalsView.said),
        rx.cond(
            ApprovalsView.note != "",
            rx.el.section(
                rx.el.div(
                    rx.el.p(ApprovalsView.note),
                    rx.el.p(
                        "Requests appear here by themselves, and a tab in the background counts them in its title. ",
                        goto("All runs", "/runs"),
                        class_name="small muted",
                    ),
                    class_name="body stack",
                ),
                class_name="card",
            ),
        ),
        rx.foreach(ApprovalsView.rows, _card),
        rx.cond(
            ApprovalsView.others.length() > 0,
            rx.fragment(rx.el.h2("Wait for somebody else"), rx.foreach(ApprovalsView.others, _card)),
        ),
        here="approvals",
        mark=ApprovalsView.title_mark,
    )


def _card(wait: WaitLine) -> rx.Component:
    return rx.el.section(
        _head(wait),
        rx.el.div(
            _about(wait),
            rx.cond(
                ApprovalsView.error_at == wait.line.id,
                rx.el.p(state(rx.Var.create("breach"), ApprovalsView.error)),
            ),
            class_name="body stack",
        ),
        rx.cond(
            wait.decided != "",
            rx.el.div(rx.el.span(wait.decided, class_name="small"), goto("Open the run", wait.line.href), class_name="foot"),
            rx.el.div(_approve(wait), _deny(wait), class_name="foot verbs"),
        ),
        class_name="card wait",
        key=wait.line.id,
        aria_label=wait.line.title,
    )


def _head(wait: WaitLine) -> rx.Component:
    return rx.el.div(
        rx.el.h2(goto(wait.line.title, wait.line.href, class_name="row-link")),
        rx.el.span(wait.line.region, class_name="pill"),
        rx.el.span(class_name="grow"),
        rx.el.span(
            "expires ",
            rx.el.time(date_time=wait.expires, custom_attrs={"data-age": "until"}, class_name="nowrap"),
            class_name="small muted",
        ),
        class_name="head",
    )


def _about(wait: WaitLine) -> rx.Component:
    return rx.fragment(
        rx.el.p(wait.line.reason, class_name="large"),
        rx.el.p(
            "Asked for by ", rx.el.b(wait.line.actor), " ", age(wait.line.at, ago=True), ". ", wait.sentence, class_name="why"
        ),
        rx.cond(wait.exception != "", rx.el.p(state(rx.Var.create("warn"), wait.exception))),
        rx.cond(wait.aside.length() > 0, guard_list(wait.aside)),
        rx.el.details(
            rx.el.summary("Plan: ", wait.steps.length(), " steps"),
            plan_list(wait.steps),
        ),
        rx.el.p(wait.policy, " ", wait.given, " ", wait.guards, "; they are asked again now.", class_name="small muted"),
    )


def _hidden(wait: WaitLine, act: str) -> list[rx.Component]:
    return [
        rx.el.input(type="hidden", name="act", value=act),
        rx.el.input(type="hidden", name="operation", value=wait.line.id),
        rx.el.input(type="hidden", name="digest", value=wait.digest),
    ]


def _approve(wait: WaitLine) -> rx.Component:
    return rx.cond(
        wait.confirm_href != "",
        rx.el.a("Give your password again to approve", href=wait.confirm_href, class_name="button primary"),
        rx.cond(
            wait.against != "",
            rx.el.div(
                rx.el.button("Approve", type="button", disabled=True),
                rx.el.span(wait.against, class_name="small muted"),
                class_name="do",
            ),
            rx.el.form(
                *_hidden(wait, "approve"),
                rx.el.button(
                    "Approve", rx.el.span(": ", wait.line.title, class_name="hide-s"), type="submit", class_name="primary"
                ),
                on_submit=ApprovalsView.do,
            ),
        ),
    )


def _deny(wait: WaitLine) -> rx.Component:
    label = rx.cond(wait.own, "Take it back", "Deny")
    return rx.cond(
        wait.against_denial == "",
        rx.el.details(
            rx.el.summary(label, class_name="button"),
            rx.el.form(
                *_hidden(wait, "deny"),
                reason_field(),
                rx.el.button(label, type="submit", class_name="danger"),
                on_submit=ApprovalsView.do,
                class_name="do",
            ),
        ),
    )
