"""The mark that an event handler carries: which role it needs. A handler without one is refused by the event guard."""

from collections.abc import Callable
from typing import Any, TypeVar

from openova_console.access.roles import Role

F = TypeVar("F", bound=Callable[..., Any])

_MARK, _PASSIVE = "_openova_needs", "_openova_passive"


def needs(role: Role, *, passive: bool = False) -> Callable[[F], F]:
    """Mark an event handler with the role that it needs. Stands above or below `@rx.event`.

    Args:
        passive: an open page causes it by itself: nobody has to sit before it, so it keeps no session alive.

    Raises:
        ValueError: when there is no such role.
    """
    role = Role(role)

    def mark(handler: F) -> F:
        setattr(handler, _MARK, role)
        setattr(handler, _PASSIVE, passive)
        return handler

    return mark


def need_of(handler: object) -> Role | None:
    """The role that a handler needs; None when it carries no mark of its own."""
    found = vars(handler).get(_MARK) if hasattr(handler, "__dict__") else None
    return found if isinstance(found, Role) else None


def is_passive(handler: object) -> bool:
    """Whether a page causes this event by itself; False for one that carries no mark."""
    return hasattr(handler, "__dict__") and vars(handler).get(_PASSIVE) is True
