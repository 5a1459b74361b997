"""The mark that an event handler carries: which role it needs. A handler without one is refused by the event guard."""

from collections.abc import Callable
from typing import Any, TypeVar

from openova_console.access.roles import Role

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_openova_needs"


def needs(role: Role) -> Callable[[F], F]:
    """Mark an event handler with the role that it needs. Stands above or below `@rx.event`.

    Raises:
        ValueError: when there is no such role.
    """
    role = Role(role)

    def mark(handler: F) -> F:
        setattr(handler, _MARK, role)
        return handler

    return mark


def need_of(handler: object) -> Role | None:
    """The role that a handler needs; None when it carries no mark of its own."""
    found = vars(handler).get(_MARK) if hasattr(handler, "__dict__") else None
    return found if isinstance(found, Role) else None
