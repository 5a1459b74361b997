"""The dialog in which an operation is asked for: what would happen, what stands against it, and the reason."""

import reflex as rx

from openova_console.web.components.basics import goto, state
from openova_console.web.components.runs import guard, guard_list, plan_list, reason_field
from openova_console.web.run_rows import GuardLine
from openova_console.web.states.asking import AskView
from openova_console.web.topics.changes import BrakeLine


def ask_dialog() -> rx.Component:
    """One dialog for every page; the page's script opens and closes it as `AskView.wanted` says."""
    return rx.el.dialog(
        rx.el.div(
            rx.el.div(rx.el.h2(AskView.title), rx.el.div(AskView.sentence, class_name="small muted")),
            rx.el.span(class_name="grow"),
            rx.el.button("Close", type="button", class_name="small", custom_attrs={"data-close": ""}),
            rx.el.button(type="button", hidden=True, tab_index=-1, on_click=AskView.close, custom_attrs={"data-closed": ""}),
            class_name="head",
        ),
        rx.el.div(rx.cond(AskView.done != "", _done(), _preview()), class_name="body"),
        id="ask",
        aria_label="Ask for a change",
        custom_attrs={"data-wanted": AskView.wanted},
    )


def _preview() -> rx.Component:
    return rx.cond(
        (AskView.steps.length() == 0) & (AskView.refusals.length() == 0),
        rx.el.p("Looking at the platform…", class_name="muted"),
        rx.fragment(
            rx.foreach(AskView.refusals, lambda why: rx.el.p(state(rx.Var.create("breach"), why))),
            rx.cond(
                AskView.against.length() > 0,
                rx.fragment(
                    rx.el.h3("What stands against it"), rx.el.ul(rx.foreach(AskView.against, _against), class_name="votes")
                ),
            ),
            rx.cond(AskView.steps.length() > 0, rx.fragment(rx.el.h3("What would happen"), plan_list(AskView.steps))),
            rx.cond(
                AskView.others.length() > 0,
                rx.el.details(
                    rx.el.summary(AskView.others.length(), " guards allow it"),
                    guard_list(AskView.others),
                ),
            ),
            rx.cond(AskView.steps.length() > 0, _form()),
        ),
    )


def _against(line: GuardLine) -> rx.Component:
    return rx.fragment(
        guard(line),
        rx.cond(
            line.override != "",
            rx.el.li(
                rx.el.label(
                    "Set it aside (role ",
                    line.override,
                    ", only under a declared incident) because…",
                    rx.el.input(name="override:" + line.id, form="ask-form", max_length=500, auto_complete="off"),
                    class_name="wide",
                ),
            ),
            rx.el.li(rx.el.span("Nobody may set this guard aside.", class_name="small muted wide")),
        ),
    )


def _form() -> rx.Component:
    return rx.el.form(
        rx.cond(
            AskView.overridable | (AskView.incidents.length() > 0),
            rx.cond(
                AskView.incidents.length() > 0,
                rx.el.label(
                    "Incident",
                    rx.el.select(
                        rx.el.option("None", value=""),
                        rx.foreach(AskView.incidents, _incident),
                        name="incident",
                        default_value="",
                    ),
                ),
                rx.el.p(
                    "Setting a guard aside needs a declared incident: ",
                    goto("declare one", "/freeze"),
                    " first.",
                    class_name="small muted",
                ),
            ),
        ),
        reason_field(hint="What others need to know when they read this at three in the morning"),
        rx.el.p(AskView.policy, class_name="small muted"),
        rx.cond(AskView.error != "", rx.el.p(state(rx.Var.create("breach"), AskView.error), role="alert")),
        rx.el.div(
            rx.el.button(AskView.button, type="submit", class_name="primary", disabled=~AskView.possible),
            rx.cond(
                AskView.possible,
                rx.fragment(),
                rx.el.span("Not possible now: see what stands against it, above.", class_name="small muted"),
            ),
            class_name="buttons",
        ),
        id="ask-form",
        class_name="stack",
        on_submit=AskView.send,
        reset_on_submit=False,
    )


def _incident(line: BrakeLine) -> rx.Component:
    return rx.el.option(line.title, value=line.id)


def _done() -> rx.Component:
    return rx.fragment(
        rx.el.p(state(rx.Var.create("ok"), AskView.done)),
        rx.el.p("Write this down now. It is shown once, kept nowhere, and works as soon as the request is approved and done."),
        rx.el.pre(AskView.word, id="ask-word", class_name="secret"),
        rx.el.div(
            rx.el.button("Copy", type="button", custom_attrs={"data-copy": "ask-word"}),
            goto("Follow the request", AskView.done_href, on_click=AskView.close),
            class_name="buttons",
        ),
    )
