"""Every entrance: each route of the whole app, each command, each task that runs by itself.

From the module of each, imports reach nothing that makes a permit but through the operations; and what an entrance may call
there is the engine's own doors. `tests/wire/test_handlers.py` does the same for each event that a browser can name.
Between those doors and a write stands the run (`tests/unit/test_no_way_around.py`).
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

import typer
from starlette.routing import BaseRoute, Mount

from openova_console.access.identity import WhoCache
from openova_console.api import history, rest
from openova_console.api.health import Readiness
from openova_console.api.routes import wrap
from openova_console.cli.app import app as commands
from openova_console.notify.carrier import Carrier
from openova_console.operations.deliveries import Deliveries
from openova_console.watch.watch import Watch
from tests.support.engines import Bench
from tests.support.source import PACKAGE, around_the_operations, called, nodes

OPERATIONS = f"{PACKAGE}.operations"
TASKS = {
    "watch.watch:Watch.start",
    "watch.collectors.kubernetes:KubernetesCollector._see_that_mirrors_run",
    "access.identity:WhoCache.who_by_digest",
    "web.books:Books.start",
    "web.verifying:Verifier.start",
    "notify.carrier:Carrier.start",
    "web.publish:Publisher.start",
    "openova_console:Console.lifespan",
    "operations.records:Records._soon",
    "operations.housekeeping:Housekeeping.start",
}
"""What runs by itself. A new one is looked at, and added."""


def endpoints(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every route below these, with what answers it."""
    for route in routes:
        path = before + getattr(route, "path", "")
        if isinstance(route, Mount):
            inner = route.app
            while not hasattr(inner, "routes") and hasattr(inner, "_app"):
                inner = inner._app
            yield from endpoints(list(inner.routes), path)
        else:
            yield path, getattr(route, "endpoint", None)


def modules_of(function: Any) -> set[str]:
    """Where a function is from, and those that it closes over."""
    inner = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    inner = [*inner, *(value for one in inner if isinstance(one, dict) for value in one.values())]
    inner.append(getattr(function, "__wrapped__", None))
    found = {str(getattr(function, "__module__", ""))}
    return found.union(*(modules_of(one) for one in inner if callable(one) and hasattr(one, "__module__")))


def named(entrances: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """By name and number, with each module behind it."""
    return {f"{name} {n}.{m}": m for n, (name, function) in enumerate(entrances) for m in modules_of(function)}


async def test_every_route_of_the_whole_app(bench: Bench):
    watch = Watch(bench.settings, bench.database)
    who = WhoCache(bench.database, bench.settings.console)
    deliveries = Deliveries(bench.settings, bench.database, Carrier(bench.settings, bench.database), now=bench.now)
    more = [*history.routes(watch), *rest.routes(bench.engine, bench.database, bench.settings, deliveries)]
    app: Any = wrap(
        _nothing, settings=bench.settings, engine=bench.database, who=who, readiness=Readiness(), build=None, more=more
    )
    own = next(found for found in _applications(app) if found is not None)
    found = list(endpoints(own.routes))
    assert {"/healthz", "/auth/sign-in", "/api/v1/operations/{id}/approve"} <= {path for path, _ in found}
    behind = named(found)
    assert {f"{PACKAGE}.api.auth_pages", f"{PACKAGE}.api.rest.decisions", f"{PACKAGE}.api.history"} <= set(behind.values())
    assert around_the_operations(behind) == []


async def _nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("the pages are not part of this")


def _applications(app: Any) -> Iterator[Any]:
    """The application inside its wrappers: they are closures and objects with one inner app."""
    seen, todo = set(), [app]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if hasattr(one, "routes") and hasattr(one, "router"):
            yield one
        inner = [cell.cell_contents for cell in getattr(one, "__closure__", None) or ()]
        inner += (
            [value for name, value in vars(one).items() if name in ("_app", "app", "_inner")] if hasattr(one, "__dict__") else []
        )
        todo += [value for value in inner if callable(value)]


def test_every_command():
    group = typer.main.get_command(commands)
    found: list[tuple[str, Any]] = []

    def walk(command: Any, path: str) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{path} {name}".strip())
        if command.callback is not None:
            found.append((path, command.callback))

    walk(group, "")
    assert {"run", "migrate", "users add", "audit verify"} <= {name for name, _ in found}
    behind = named(found)
    assert {f"{PACKAGE}.cli.users", f"{PACKAGE}.cli.audit", f"{PACKAGE}.cli.run"} <= set(behind.values())
    assert around_the_operations(behind) == []


def test_every_task_that_runs_by_itself():
    assert (called("create_task") | called("ensure_future")) - AWAITED == TASKS
    outside = {place for place in TASKS if not place.startswith("operations.")}
    assert around_the_operations({place: f"{PACKAGE}.{place.partition(':')[0]}" for place in outside}) == []


AWAITED = {"operations.executor:Executor._book", "operations.conductor:RunConductor._book"}
"""Where a future is only a shield around what is awaited at once."""


def test_what_other_rooms_take_from_the_operations_is_the_engine_and_what_reads():
    """By name: classes that write are made by the engine alone."""
    writers = {"Executor", "RunConductor", "Records", "Clusters", "Runs", "Decisions", "Steering", "Housekeeping", "Asking"}
    for place, node in nodes():
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OPERATIONS):
            inside = place.module.startswith(OPERATIONS)
            assert inside or not {alias.name for alias in node.names} & writers, f"{place}: {ast.unparse(node)}"
