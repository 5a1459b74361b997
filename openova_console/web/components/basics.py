"""The smallest parts: icon, state, age, link to a page, "Show source"."""

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from openova_console.web.states.source import SourceView


def icon(name: str | rx.Var[str], **props: object) -> rx.Component:
    """An icon of `assets/icons.svg`, drawn in the text's colour. Decoration only: the word beside it says the same."""
    return rx.el.svg(rx.el.svg.use(href="/icons.svg#" + name), aria_hidden="true", class_name="icon", **props)


def state(verdict: rx.Var[str], word: rx.Var[str] | str) -> rx.Component:
    """A verdict: icon shape, word and colour."""
    return rx.el.span(icon(verdict), rx.el.span(word), class_name="state " + verdict)


def age(at: rx.Var[str], *, fresh_s: rx.Var[float] | float = 0, ago: bool = False) -> rx.Component:
    """How old something is; ticks in the browser, and is marked once it is older than `fresh_s` seconds."""
    return rx.el.time(
        date_time=at, custom_attrs={"data-age": "ago" if ago else "plain", "data-fresh": fresh_s}, class_name="nowrap"
    )


def goto(text: rx.Var[str] | str | rx.Component, to: rx.Var[str] | str, **props: object) -> rx.Component:
    """A link to another page of the console, without a full load."""
    return ReactRouterLink.create(text, to=to, **props)


def sourced(value: rx.Var[str] | str | rx.Component, key: rx.Var[str], what: rx.Var[str] | str) -> rx.Component:
    """A figure that opens its own source when pressed; plain text where there is none to show."""
    return rx.cond(
        key != "",
        rx.el.button(
            value,
            rx.el.span(", show the source of ", what, class_name="sr"),
            type="button",
            class_name="figure",
            title="Show source",
            on_click=SourceView.show(key),
            custom_attrs={"data-open": "source", "data-for": key},
        ),
        rx.el.span(value),
    )


def leave(text: rx.Var[str] | str, to: rx.Var[str] | str, **props: object) -> rx.Component:
    """A link to something of the console that is not one of its pages: a download, an account page. A full load."""
    return ReactRouterLink.create(text, to=to, reload_document=True, **props)


def show_source(key: rx.Var[str] | str, what: rx.Var[str] | str, *, text: str = "Show source") -> rx.Component:
    """Opens the drawer that shows what was asked and what the system answered."""
    return rx.el.button(
        text,
        type="button",
        class_name="link-button",
        on_click=SourceView.show(key),
        aria_label="Show the source of " + what,
        custom_attrs={"data-open": "source", "data-for": key},
    )
