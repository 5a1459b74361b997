"""What makes a function a page: its route, its title, and the events of a browser that arrives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from openova_console.web.states.frame import Frame


@dataclass(frozen=True, slots=True)
class Page:
    """A page, ready to be added to the app."""

    route: str
    title: str
    draw: Callable[[], rx.Component]
    on_load: tuple[Any, ...]

    def add_to(self, app: rx.App) -> None:
        """Register with Reflex."""
        app.add_page(self.draw, route=self.route, title=f"{self.title} · OpenOva Console", on_load=list(self.on_load))


def page(*, route: str, title: str, on_load: tuple[Any, ...] = ()) -> Callable[[Callable[[], rx.Component]], Page]:
    """Make a page of a function; every arrival is announced to `Frame` first."""

    def make(draw: Callable[[], rx.Component]) -> Page:
        return Page(route, title, draw, (Frame.arrive, *on_load))

    return make
