"""Prints every event that a browser can name, as JSON: run as a child, so that the app is registered nowhere else."""

import inspect
import json

from reflex_base.registry import RegistrationContext

import openova_console.openova_console as console
from openova_console.access.event_guard import framework_events
from openova_console.access.needs import need_of

SAMPLES = {
    "vars": {},
    "value": True,
    "info": "a script failed",
    "component_stack": "",
    "key": "kubernetes/region-1",
}


def main() -> None:
    assert console.app is not None
    known = framework_events()
    rows = []
    for name, registered in RegistrationContext.get().event_handlers.items():
        handler = registered.handler.fn
        need = need_of(handler)
        needed = [p.name for p in inspect.signature(handler).parameters.values() if p.default is p.empty][1:]
        rows.append(
            {
                "name": name,
                "module": handler.__module__,
                "need": need.value if need else None,
                "framework": name in known,
                "arguments": {argument: SAMPLES.get(argument, "x") for argument in needed},
            }
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
