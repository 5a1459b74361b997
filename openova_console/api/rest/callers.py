"""Who calls the API, and which routes they may call. A route without a rule is refused for everybody.

The gate has let the caller in and left who it is in the scope. What a caller may do with an operation the engine decides;
a rule here only says who may call a route at all. Machines call what names a scope of theirs, and so never decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from sqlalchemy import Engine as Database
from starlette.requests import Request

from openova_console.access.caller import Caller, caller_of
from openova_console.access.roles import Role, allows
from openova_console.api.rest.problems import Problematic
from openova_console.store.database import in_thread, reading

F = TypeVar("F", bound=Callable[..., Any])
_RULE = "_openova_rule"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a route.

    Attributes:
        roles: one of these is needed.
        scope: what a machine's token needs: a scope, or the beginning of one when it ends with a colon. "" keeps machines out.
    """

    roles: tuple[Role, ...] = (Role.VIEWER,)
    scope: str = ""

    def against(self, caller: Caller) -> str:
        """Why this caller may not; "" when he may."""
        if caller.kind == "machine" and not self._in_scope(caller):
            if not self.scope:
                return "Only a person may do this; tokens never decide."
            return f"This token may not do this: it needs the scope {self.scope}{'…' if self.scope.endswith(':') else ''}."
        if not any(allows(caller.role, role) for role in self.roles):
            needed = " or ".join(role.value for role in self.roles)
            return f"This needs the role {needed}; yours is {caller.role.value}."
        return ""

    def _in_scope(self, caller: Caller) -> bool:
        if self.scope.endswith(":"):
            return any(scope.startswith(self.scope) for scope in caller.scopes)
        return bool(self.scope) and self.scope in caller.scopes


READ = Rule(scope="read")
ASK = Rule(scope="request:")
PEOPLE = Rule()
EXPORT = Rule((Role.APPROVER, Role.SECURITY_OFFICER), scope="read")


def may(rule: Rule) -> Callable[[F], F]:
    """Mark a route's function with its rule. Stands below the route."""

    def mark(function: F) -> F:
        setattr(function, _RULE, rule)
        return function

    return mark


def rule_of(function: object) -> Rule | None:
    """The rule of a route's function; None when it has none."""
    found = getattr(function, _RULE, None)
    return found if isinstance(found, Rule) else None


def key_of(scope: Any) -> str:
    """Whom a request is counted for, without asking the database: the machine, or the person however often signed in."""
    machine, who = scope.get("openova.caller"), scope.get("openova.who")
    if isinstance(machine, Caller):
        return f"{machine.kind} {machine.label}"
    return f"person {who.user_id}" if who is not None else "nobody"


async def caller_in(scope: Any, database: Database) -> Caller | None:
    """The caller as the database has it now; None when the session is over."""
    machine, who = scope.get("openova.caller"), scope.get("openova.who")
    if isinstance(machine, Caller):
        return machine

    def ask() -> Caller | None:
        with reading(database) as opened:
            return caller_of(session=opened, who=who)

    return await in_thread(ask) if who is not None else None


async def asks(request: Request) -> Caller:
    """Dependency of every route: the caller, when the route's rule lets it in. Raises `Problematic`."""
    rule = rule_of(request.scope.get("endpoint"))
    if rule is None:
        raise Problematic("role", "Nobody may call this address: it has no rule.")
    caller = await caller_in(request.scope, request.app.state.database)
    if caller is None:
        raise Problematic("unauthenticated", "Sign in first, or send a token: this request carries neither.")
    if against := rule.against(caller):
        raise Problematic("role", against)
    return caller


Asks = Annotated[Caller, Depends(asks)]
