"""The frame of every page: navigation, header, alarm strip, dialogs, and the banner for lost updates."""

import reflex as rx

from openova_console.web.components.asking import ask_dialog
from openova_console.web.components.basics import age, goto, icon, leave, state
from openova_console.web.components.object import object_drawer
from openova_console.web.rows import AlarmRow, NavItem
from openova_console.web.states.frame import Frame
from openova_console.web.states.panels import AlarmPanel, Pulse
from openova_console.web.states.source import SourceView
from openova_console.web.topics.changes import BrakeLine, ChangesPanel

KEYS = (
    ("?", "This list"),
    ("/  or  Ctrl K", "Command palette"),
    ("g o", "Overview"),
    ("g r", "Replication"),
    ("g l", "SLOs"),
    ("g d", "Delivery"),
    ("g a", "Alerts"),
    ("g b", "Budget"),
    ("g 1, g 2", "Region 1, Region 2"),
    ("g w", "Witnesses"),
    ("g n", "Global DNS"),
    ("g u, g p", "Runs, approvals"),
    ("g t, g f", "Standing approvals, freeze"),
    ("g i", "Audit"),
    ("g e, g k", "Users, tokens"),
    ("g s, g y", "Sources, notifications"),
    ("j, k", "Next and previous row"),
    ("Esc", "Close what is open"),
)


def layout(
    title: str | rx.Var[str],
    subtitle: str | rx.Var[str],
    *children: rx.Component,
    here: str,
    mark: rx.Var[str] = ChangesPanel.title_mark,
) -> rx.Component:
    """A whole page. `here`: id of the navigation entry that is current; `mark`: what the window's title begins with."""
    return rx.fragment(
        rx.el.a("Skip to content", href="#content", class_name="skip"),
        rx.cond(Frame.is_lab, rx.el.div(class_name="stripes", aria_hidden="true")),
        rx.el.div(
            _nav(here),
            rx.el.div(
                _header(title, subtitle),
                rx.el.main(_lost(), _strip(), _brakes(), *children, id="content", class_name="main", tab_index=-1),
            ),
            class_name="app",
        ),
        _dialogs(),
        rx.el.div(id="pulse", hidden=True, custom_attrs={"data-at": Pulse.at, "data-limit": Pulse.limit_s}),
        rx.el.div(id="page-title", hidden=True, custom_attrs={"data-title": mark + title + Frame.title_tail}),
        rx.el.div(
            id="notice",
            hidden=True,
            custom_attrs={
                "data-notice": ChangesPanel.notice_id,
                "data-title": ChangesPanel.notice_title,
                "data-text": ChangesPanel.notice_text,
                "data-link": ChangesPanel.notice_link,
                "data-said": ChangesPanel.notice_at,
            },
        ),
        rx.el.div(id="announcer", class_name="sr", aria_live="polite"),
    )


def _nav(here: str) -> rx.Component:
    def item(entry: NavItem) -> rx.Component:
        return goto(
            rx.fragment(entry.label, _count(entry)),
            entry.href,
            class_name="item",
            custom_attrs={"data-hotkey": entry.hotkey},
            aria_current=rx.cond(entry.href == Frame.path, "page", rx.cond(entry.id == here, "page", "false")),
        )

    return rx.el.nav(
        goto(rx.fragment(icon("brand"), rx.el.span("OpenOva Console")), "/", class_name="brand"),
        rx.foreach(Frame.watch_nav, item),
        rx.el.div("Regions", class_name="group"),
        rx.foreach(Frame.region_nav, item),
        rx.el.div("Changes", class_name="group"),
        rx.foreach(Frame.change_nav, item),
        rx.el.div("Console", class_name="group"),
        rx.foreach(Frame.console_nav, item),
        id="nav",
        aria_label="Main",
        class_name="nav",
        custom_attrs={"popover": "auto"},
    )


def _count(entry: NavItem) -> rx.Component:
    """How many runs go on and how many requests wait, beside their entries."""
    hot = rx.cond(ChangesPanel.asking, "count hot", "count")
    return rx.match(
        entry.id,
        ("runs", rx.cond(ChangesPanel.busy != "", rx.el.span(ChangesPanel.busy, class_name=hot, title="go on, or ask a person"))),
        ("approvals", rx.cond(ChangesPanel.waiting != "", rx.el.span(ChangesPanel.waiting, class_name="count", title="wait"))),
        (
            "freeze",
            rx.cond(
                ChangesPanel.freezes.length() > 0,
                rx.el.span("on", class_name="count hot"),
                rx.cond(ChangesPanel.reviews != "", rx.el.span(ChangesPanel.reviews, class_name="count", title="to be reviewed")),
            ),
        ),
        rx.fragment(),
    )


def _header(title: str | rx.Var[str], subtitle: str | rx.Var[str]) -> rx.Component:
    return rx.el.header(
        rx.el.button(
            icon("menu"),
            type="button",
            class_name="menu-button ghost",
            aria_label="Open the menu",
            custom_attrs={"popovertarget": "nav"},
        ),
        rx.el.div(rx.el.h1(title), rx.el.p(subtitle, class_name="small muted hide-s"), class_name="title"),
        rx.el.span(Frame.environment, class_name="env " + Frame.kind, title="Environment"),
        rx.el.span(class_name="grow"),
        rx.el.span("You look from ", rx.el.b(Frame.looks_from), class_name="small muted hide-s"),
        rx.el.span(rx.el.i("●", aria_hidden="true"), " ", rx.el.span(class_name="live-word"), class_name="live-dot small nowrap"),
        rx.el.span(class_name="small muted hide-s mono", custom_attrs={"data-clock": ""}),
        rx.el.button(
            Frame.who,
            type="button",
            class_name="small",
            aria_label="Your account",
            custom_attrs={"popovertarget": "account"},
        ),
        rx.el.div(
            rx.el.ul(
                rx.el.li(rx.el.b(Frame.who), rx.el.div(Frame.role, class_name="small muted")),
                rx.el.li(
                    rx.el.button(
                        icon("theme"),
                        " Dark or light",
                        type="button",
                        class_name="ghost",
                        on_click=rx.toggle_color_mode,
                        custom_attrs={"data-command": "Switch between dark and light"},
                    )
                ),
                rx.el.li(
                    rx.el.button("Keyboard shortcuts", type="button", class_name="ghost", custom_attrs={"data-open": "shortcuts"})
                ),
                rx.el.li(
                    rx.el.button(
                        "Notify me in this browser",
                        type="button",
                        class_name="ghost",
                        custom_attrs={"data-notify": "", "data-command": "Notify me in this browser"},
                    )
                ),
                rx.el.li(leave("Sessions", "/auth/sessions", class_name="item", custom_attrs={"data-command": "Your sessions"})),
                rx.el.li(
                    leave(
                        "Change password",
                        "/auth/password",
                        class_name="item",
                        custom_attrs={"data-command": "Change password"},
                    )
                ),
                rx.el.li(leave("Sign out", "/auth/sign-out", class_name="item", custom_attrs={"data-command": "Sign out"})),
            ),
            id="account",
            class_name="popover",
            custom_attrs={"popover": "auto"},
        ),
        class_name="top",
    )


def _lost() -> rx.Component:
    """Shown by the browser itself when updates stop; the server need not be alive for it."""
    return rx.el.div(
        rx.el.div(
            state(rx.Var.create("unknown"), "Not live"),
            rx.el.span(
                "No update for ",
                rx.el.b(custom_attrs={"data-lost-for": ""}),
                ". Everything below is as of ",
                rx.el.b(custom_attrs={"data-lost-at": ""}),
                " and may be wrong now. It returns by itself.",
                class_name="what small",
            ),
            class_name="row",
        ),
        class_name="strip unknown lost",
        role="alert",
    )


def _strip() -> rx.Component:
    def row(alarm: AlarmRow) -> rx.Component:
        return rx.el.div(
            state(alarm.verdict, alarm.word),
            rx.el.b(alarm.title, class_name="small"),
            rx.el.span(alarm.sentence, class_name="what small"),
            rx.cond(alarm.since != "", rx.el.span("for ", age(alarm.since), class_name="small muted nowrap", aria_live="off")),
            class_name="row",
        )

    return rx.el.section(
        rx.cond(
            AlarmPanel.rows.length() > 0,
            rx.fragment(
                rx.foreach(AlarmPanel.rows[:3], row),
                rx.cond(
                    AlarmPanel.more > 0,
                    rx.el.details(rx.el.summary(f"{AlarmPanel.more} more"), rx.foreach(AlarmPanel.rows[3:], row)),
                ),
            ),
            rx.el.div(state(AlarmPanel.verdict, AlarmPanel.title), class_name="row"),
        ),
        class_name="strip " + AlarmPanel.verdict,
        aria_label="What needs a look",
        aria_live="polite",
    )


def _brakes() -> rx.Component:
    """What holds changes back, or lets them pass with fewer people: on every page as long as it lasts."""

    def row(line: BrakeLine) -> rx.Component:
        return rx.el.div(
            state(rx.Var.create("warn"), line.title),
            rx.el.span(line.reason, class_name="what small"),
            rx.el.span(line.by, " · ", age(line.since), class_name="small muted nowrap", aria_live="off"),
            class_name="row",
            key=line.id,
        )

    shown = (ChangesPanel.freezes.length() + ChangesPanel.incidents.length() > 0) | (ChangesPanel.others_note != "")
    return rx.cond(
        shown | (ChangesPanel.trouble != ""),
        rx.el.section(
            rx.foreach(ChangesPanel.freezes, row),
            rx.foreach(ChangesPanel.incidents, row),
            rx.foreach(
                [ChangesPanel.others_note, ChangesPanel.trouble],
                lambda note: rx.cond(note != "", rx.el.div(state(rx.Var.create("unknown"), note), class_name="row")),
            ),
            goto("Freeze and incidents", "/freeze", class_name="small"),
            class_name="band warn",
            aria_label="What holds changes back",
            aria_live="polite",
        ),
    )


def _dialogs() -> rx.Component:
    return rx.fragment(
        rx.el.dialog(
            _dialog_head("Source", "Close"),
            rx.el.div(
                rx.el.p(SourceView.key, class_name="mono small muted"),
                rx.cond(
                    SourceView.note != "",
                    rx.el.p(SourceView.note),
                    rx.fragment(
                        rx.el.h3("Asked"),
                        rx.el.pre(SourceView.call, id="source-call"),
                        rx.el.h3(
                            "Answered ",
                            age(SourceView.at, ago=True),
                            rx.el.span(" in ", SourceView.took, class_name="muted small"),
                        ),
                        rx.el.pre(SourceView.answer, tab_index=0),
                        rx.el.div(
                            rx.el.button(
                                "Copy the call", type="button", class_name="small", custom_attrs={"data-copy": "source-call"}
                            ),
                            rx.cond(
                                SourceView.grafana != "",
                                rx.el.a(
                                    "Open Grafana",
                                    href=SourceView.grafana,
                                    target="_blank",
                                    rel="noopener noreferrer",
                                    class_name="small",
                                ),
                                rx.el.span(
                                    "No Grafana address is set for this region (regions[].grafana_url).", class_name="small muted"
                                ),
                            ),
                            style={"display": "flex", "gap": "12px", "alignItems": "center", "flexWrap": "wrap"},
                        ),
                    ),
                ),
                class_name="body",
            ),
            id="source",
            custom_attrs={"data-of": SourceView.key},
            aria_label="Source of a figure",
        ),
        object_drawer(),
        ask_dialog(),
        rx.el.dialog(
            _dialog_head("Keyboard shortcuts", "Close"),
            rx.el.dl(
                *[part for key, what in KEYS for part in (rx.el.dt(rx.el.kbd(key)), rx.el.dd(what))], class_name="body keys"
            ),
            id="shortcuts",
            aria_label="Keyboard shortcuts",
        ),
        rx.el.dialog(
            rx.el.input(
                id="palette-input",
                type="text",
                placeholder="Go to, or do…",
                aria_label="Command",
                auto_complete="off",
                role="combobox",
                aria_expanded="true",
                aria_controls="palette-list",
            ),
            rx.el.div(id="palette-list", role="listbox", class_name="body", aria_label="Commands"),
            id="palette",
            aria_label="Command palette",
        ),
    )


def _dialog_head(title: str, close: str) -> rx.Component:
    return rx.el.div(
        rx.el.h2(title),
        rx.el.span(class_name="grow"),
        rx.el.button(close, type="button", class_name="small", custom_attrs={"data-close": ""}),
        class_name="head",
    )
