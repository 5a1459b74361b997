"""Every Canary of a region with the weights of its HTTPRoute. One that cannot be read is a sentence, and hides no other."""

from collections.abc import Mapping

from openova_console.handbook.canary import Canary
from openova_console.systems import flagger, kinds
from openova_console.systems.errors import Fault
from openova_console.watch.kube.part import Objects, Part

Canaries = Mapping[tuple[str, str], Canary | str]
"""By (namespace, name)."""
NAME = "canaries"


def _read(objects: Objects, source: str) -> Canaries:
    routes = objects.get(kinds.HTTP_ROUTES)
    found: dict[tuple[str, str], Canary | str] = {}
    for key, item in objects[kinds.CANARIES].items():
        try:
            found[key] = flagger.canary(item, routes, source=source)
        except Fault as fault:
            found[key] = fault.sentence
    return found


CANARIES = Part(NAME, (kinds.CANARIES,), _read, optional=(kinds.HTTP_ROUTES,))
