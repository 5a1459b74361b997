"""Users and roles: who may sign in, as what, and the wishes to change that."""

import reflex as rx

from openova_console.web.account_rows import ROLE_NAMES, AccountLine
from openova_console.web.components.basics import age, goto, state
from openova_console.web.components.layout import layout
from openova_console.web.components.runs import ask_for, follow, look
from openova_console.web.pages.page import page
from openova_console.web.states.users import UsersView
from openova_console.web.topics.changes import ChangesPanel


@page(route="/users", title="Users", on_load=(UsersView.arrive,))
def users() -> rx.Component:
    return layout(
        "Users and roles",
        "Who may sign in and as what; one administrator asks, another approves",
        follow(ChangesPanel.stamp, UsersView.refresh),
        _open(),
        _closed(),
        rx.el.div(_make(), _roles(), class_name="halves"),
        _other_role(),
        here="users",
    )


def _open() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Accounts"),
            rx.el.span(UsersView.count, class_name="muted small"),
            rx.el.span(class_name="grow"),
            goto("Policy: who may ask for what, and who approves", "/policy", class_name="small"),
            class_name="head",
        ),
        rx.cond(
            UsersView.loaded,
            _table(UsersView.rows),
            rx.el.div(rx.el.p("Loading…", class_name="muted"), class_name="body"),
        ),
        class_name="card",
        aria_label="Accounts",
    )


def _closed() -> rx.Component:
    return rx.cond(
        UsersView.closed.length() > 0,
        rx.el.details(
            rx.el.summary("Closed accounts: ", UsersView.closed.length()),
            rx.el.div(_table(UsersView.closed), class_name="card"),
            class_name="past",
        ),
    )


def _table(rows: rx.Var[list[AccountLine]]) -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Name", scope="col"),
                rx.el.th("Role", scope="col"),
                rx.el.th("State", scope="col"),
                rx.cond(UsersView.sees_all, rx.el.th("Last signed in", scope="col", class_name="num")),
                rx.el.th("Made", scope="col", class_name="num"),
                rx.cond(UsersView.against == "", rx.el.th(rx.el.span("Change", class_name="sr"), scope="col")),
            )
        ),
        rx.el.tbody(rx.foreach(rows, _row)),
        class_name="fold wrapped accounts",
    )


def _row(row: AccountLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.b(row.name),
            rx.cond(row.own, rx.el.span(" (you)", class_name="muted small")),
            rx.cond(row.note != "", rx.el.div(row.note, class_name="why")),
            class_name="wide",
        ),
        rx.el.td(
            rx.el.span("Role", class_name="only-s muted small"),
            rx.el.span(row.role_name, title=row.role_does),
        ),
        rx.el.td(rx.el.span("State", class_name="only-s muted small"), look(row.look, row.word)),
        rx.cond(UsersView.sees_all, rx.el.td(_last(row), class_name="num small")),
        rx.el.td(
            rx.el.span("Made", class_name="only-s muted small"), rx.el.span(age(row.made, ago=True)), class_name="num muted small"
        ),
        rx.cond(UsersView.against == "", rx.el.td(_verbs(row), class_name="wide verbs-cell")),
        key=row.name,
    )


def _last(row: AccountLine) -> rx.Component:
    return rx.fragment(
        rx.el.span("Last signed in", class_name="only-s muted small"),
        rx.el.span(
            rx.cond(row.last != "", age(row.last, ago=True), rx.el.span("not lately", class_name="muted")),
            rx.cond(row.sessions != "", rx.el.div(row.sessions, class_name="muted xs")),
        ),
    )


def _verbs(row: AccountLine) -> rx.Component:
    return rx.el.div(
        rx.cond(
            row.sealed,
            ask_for("Seal anew", "seal-account", row.params, aria_label="Seal the account " + row.name + " anew"),
            rx.cond(
                row.closed,
                ask_for("Open again", "enable-account", row.params, aria_label="Open the account " + row.name + " again"),
                rx.fragment(
                    rx.el.button(
                        "Change role",
                        type="button",
                        class_name="small",
                        aria_label="Change the role of " + row.name,
                        on_click=UsersView.pick(row.name, row.role),
                    ),
                    ask_for("Reset password", "reset-password", row.params, aria_label="Reset the password of " + row.name),
                    ask_for("Close", "disable-account", row.params, aria_label="Close the account " + row.name),
                ),
            ),
        ),
        class_name="row-verbs",
    )


def _other_role() -> rx.Component:
    return rx.el.dialog(
        rx.el.div(
            rx.el.h2("Change the role of ", UsersView.picked),
            rx.el.span(class_name="grow"),
            rx.el.button("Close", type="button", class_name="small", custom_attrs={"data-close": ""}),
            class_name="head",
        ),
        rx.el.form(
            rx.el.input(type="hidden", name="name", value=UsersView.picked),
            rx.el.label("New role", _role_choice(UsersView.picked_role, "New role", key=UsersView.picked)),
            rx.cond(UsersView.error_role != "", rx.el.p(state(rx.Var.create("breach"), UsersView.error_role), role="alert")),
            rx.el.div(rx.el.button("Look at the change", type="submit", class_name="primary"), class_name="buttons"),
            on_submit=UsersView.change_role,
            class_name="body",
        ),
        id="role",
        custom_attrs={"data-wanted": UsersView.wanted},
        aria_label="Change a role",
        class_name="narrow",
    )


def _role_choice(chosen: rx.Var[str] | str, label: str, **props: object) -> rx.Component:
    options = (rx.el.option(f"{name}: {does}", value=role) for role, (name, does) in ROLE_NAMES.items())
    return rx.el.select(*options, name="role", default_value=chosen, aria_label=label, **props)


def _make() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Make an account"), class_name="head"),
        rx.el.div(
            rx.el.form(
                rx.el.label(
                    "Name",
                    rx.el.input(
                        name="name",
                        required=True,
                        max_length=64,
                        auto_complete="off",
                        placeholder="as in jane.doe",
                        spell_check=False,
                    ),
                ),
                rx.el.label("Role", _role_choice("viewer", "Role of the new account")),
                rx.el.label(
                    rx.el.input(type="checkbox", name="sealed", value="yes"),
                    "Sealed, for whoever is alone on call: one yes of it is enough, everybody hears of it, and it is reviewed",
                    class_name="check",
                ),
                rx.cond(UsersView.error != "", rx.el.p(state(rx.Var.create("breach"), UsersView.error), role="alert")),
                rx.el.div(
                    rx.el.button("Make an account", type="submit", class_name="primary", disabled=UsersView.against != ""),
                    class_name="buttons",
                ),
                rx.el.p(
                    rx.cond(
                        UsersView.against != "",
                        UsersView.against,
                        "You are shown a one-time word for its owner. It works when another administrator has approved it.",
                    ),
                    class_name="small muted",
                ),
                on_submit=UsersView.make,
                class_name="stack small-gap",
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _roles() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Roles"), class_name="head"),
        rx.el.div(
            rx.el.dl(
                *[part for name, does in ROLE_NAMES.values() for part in (rx.el.dt(name), rx.el.dd(does))],
                class_name="pairs",
            ),
            rx.el.p(
                "Whoever asks never approves the same change, administrators included. A new or changed account cannot approve "
                "for a while.",
                class_name="small muted",
            ),
            class_name="body stack small-gap",
        ),
        class_name="card",
    )
