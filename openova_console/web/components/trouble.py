"""What a person sees, and the log gets, when a page or an event fails: one sentence, never a traceback."""

import logging

import reflex as rx
from reflex_components_core.base.error_boundary import ErrorBoundary

_log = logging.getLogger(__name__)


def broken_page(*children: rx.Component) -> rx.Component:
    """Shown in place of a page that cannot be drawn in this browser."""
    return ErrorBoundary.create(
        *children,
        fallback_render=rx.Var(
            """() => jsx("main", {className: "main", role: "alert"}, """
            """jsx("div", {className: "card"}, jsx("div", {className: "body"}, """
            """"This page could not be drawn. Load it again; if it happens twice, look from the other region's console.")))"""
        ),
    )


def log_failed_event(exception: Exception) -> None:
    """A handler failed: the log gets the whole story, the page keeps what it shows."""
    _log.error("an event of a page failed", exc_info=exception)
