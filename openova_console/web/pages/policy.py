"""Policy: for every kind of change who may ask, who approves, how many, and where that comes from."""

import reflex as rx

from openova_console.web.account_rows import ROLE_NAMES, PolicyLine
from openova_console.web.components.basics import goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import follow
from openova_console.web.pages.page import page
from openova_console.web.states.policy import PolicyView
from openova_console.web.topics.changes import ChangesPanel

_AS_IT_IS = "Left as it is"
_SAYS = "What is left as it is follows the kind itself and the settings"
_PEOPLE = {"0": "Nobody has to approve", "1": "1 person", **{str(n): f"{n} people" for n in range(2, 6)}}


@page(route="/policy", title="Policy", on_load=(PolicyView.arrive,))
def policy() -> rx.Component:
    return layout(
        "Policy",
        "For every kind of change: who may ask, who approves, how many people, and where that comes from",
        follow(ChangesPanel.stamp, PolicyView.refresh),
        _table("Changes of the platform", PolicyView.platform),
        _table("Changes of the console itself", PolicyView.own),
        _form(),
        here="users",
    )


def _table(title: str, rows: rx.Var[list[PolicyLine]]) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(title),
            rx.el.span(class_name="grow"),
            goto("Users and roles", "/users", class_name="small"),
            class_name="head",
        ),
        rx.cond(
            rows.length() > 0,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th("Kind", scope="col"),
                            rx.el.th("May ask", scope="col"),
                            rx.el.th("May approve", scope="col"),
                            rx.el.th("May set guards aside", scope="col"),
                            rx.el.th("People", scope="col"),
                            rx.el.th("Counts for", scope="col", class_name="num"),
                            rx.el.th("Pause after", scope="col", class_name="num"),
                            rx.el.th("Password again", scope="col"),
                            rx.el.th(rx.el.span("Change", class_name="sr"), scope="col"),
                        )
                    ),
                    rx.el.tbody(rx.foreach(rows, _row)),
                    class_name="fold wrapped policies",
                ),
                class_name="scroll",
            ),
            rx.el.div(rx.el.p("Loading…", class_name="muted"), class_name="body"),
        ),
        class_name="card",
        aria_label=title,
    )


def _row(row: PolicyLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.b(row.title),
            rx.el.div(rx.cond(row.href != "", goto(row.origin, row.href), row.origin), class_name="why"),
            class_name="wide",
        ),
        _cell("May ask", row.request),
        _cell("May approve", row.approve),
        _cell("May set guards aside", row.override),
        _cell("People", row.people),
        _cell("Counts for", row.valid, "num"),
        _cell("Pause after", row.pause, "num"),
        _cell("Password again", row.confirm),
        rx.el.td(
            rx.el.button(
                "Change",
                type="button",
                class_name="small",
                aria_label="Change the policy of: " + row.title,
                on_click=PolicyView.choose(row.kind),
            ),
            class_name="num wide",
        ),
        key=row.kind,
    )


def _cell(label: str, value: rx.Var[str], look: str = "") -> rx.Component:
    return rx.el.td(rx.el.span(label, class_name="only-s muted small"), rx.el.span(value), class_name=f"small {look}".strip())


def _form() -> rx.Component:
    draft = PolicyView.draft
    return rx.el.dialog(
        rx.el.div(
            rx.el.div(rx.el.h2("Change a policy: ", draft.title), rx.el.div(_SAYS, class_name="small muted")),
            rx.el.span(class_name="grow"),
            rx.el.button("Close", type="button", class_name="small", custom_attrs={"data-close": ""}),
            class_name="head",
        ),
        rx.el.form(
            rx.el.input(type="hidden", name="kind", value=draft.kind),
            rx.el.div(
                _role("request", "May ask", draft.request),
                _role("approve", "May approve", draft.approve),
                _role("override", "May set guards aside", draft.override),
                _choice("approvals", "How many people", draft.approvals, _PEOPLE),
                _number("valid_minutes", "Counts for (minutes)", draft.valid_minutes, least="1", most="10080"),
                _number("cool_down_minutes", "Pause after a run (minutes)", draft.cool_down_minutes, most="1440"),
                _choice("confirm", "Password again", draft.confirm, {"yes": "Yes", "no": "No"}),
                class_name="form-grid",
                key=draft.kind,
            ),
            rx.cond(PolicyView.error != "", rx.el.p(state(rx.Var.create("breach"), PolicyView.error), role="alert")),
            rx.el.div(
                rx.el.button("Look at the change", type="submit", class_name="primary", disabled=PolicyView.against != ""),
                rx.el.span(
                    rx.cond(
                        PolicyView.against != "",
                        PolicyView.against,
                        "Another administrator approves it. What waits under the former policy is void then.",
                    ),
                    class_name="small muted",
                ),
                class_name="buttons",
            ),
            on_submit=PolicyView.ask,
            class_name="body",
        ),
        id="policy",
        custom_attrs={"data-wanted": PolicyView.wanted},
        aria_label="Change a policy",
    )


def _role(name: str, label: str, chosen: rx.Var[str]) -> rx.Component:
    return _choice(name, label, chosen, {role: words for role, (words, _) in ROLE_NAMES.items()})


def _choice(name: str, label: str, chosen: rx.Var[str], options: dict[str, str]) -> rx.Component:
    shown = {"": _AS_IT_IS, **options}
    return rx.el.label(
        label,
        rx.el.select(*(rx.el.option(words, value=value) for value, words in shown.items()), name=name, default_value=chosen),
    )


def _number(name: str, label: str, value: rx.Var[str], *, least: str = "0", most: str) -> rx.Component:
    return rx.el.label(
        label,
        rx.el.input(name=name, type="number", min=least, max=most, step="any", default_value=value, placeholder=_AS_IT_IS),
    )
