"""Every node of a region as the budget counts it: its type, and since when it exists."""

from openova_console.handbook.budget import Node
from openova_console.systems import kinds, shape
from openova_console.watch.kube.part import Objects, Part

_TYPE = "node.kubernetes.io/instance-type"


def _read(objects: Objects, source: str) -> tuple[Node, ...]:
    return tuple(
        Node(
            shape.require(source, item, "metadata", "name", kind=str),
            shape.text(source, item, "metadata", "labels", _TYPE),
            shape.instant(source, item, "metadata", "creationTimestamp"),
        )
        for _, item in sorted(objects[kinds.NODES].items())
    )


NODES = Part("nodes", (kinds.NODES,), _read)
