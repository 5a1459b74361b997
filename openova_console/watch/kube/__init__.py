"""What is read out of the mirrored Kubernetes objects, beyond the region's own tile. `PARTS` is the table of contents.

A part is a pure function over the objects of one or more kinds. Its value lands in `Snapshot.kube` under
(region id, part name) as a reading dated by the server's last confirmation of the oldest of its mirrors; a kind that the
server does not have is "not installed", which is never zero.
"""

from openova_console.watch.kube.canaries import CANARIES
from openova_console.watch.kube.clusters import CLUSTERS
from openova_console.watch.kube.gslbs import GSLB
from openova_console.watch.kube.nodes import NODES
from openova_console.watch.kube.part import Objects, Part
from openova_console.watch.kube.push_secrets import PUSH_SECRETS
from openova_console.watch.kube.workloads import WORKLOADS

PARTS: tuple[Part, ...] = (CLUSTERS, CANARIES, GSLB, NODES, PUSH_SECRETS, WORKLOADS)

__all__ = ["PARTS", "Objects", "Part"]
