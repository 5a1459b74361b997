"""Every CNPG Cluster of a region: which databases there are, and which of them follow another."""

from openova_console.systems import cnpg, kinds
from openova_console.watch.kube.part import Objects, Part


def _read(objects: Objects, source: str) -> dict[tuple[str, str], cnpg.ClusterFacts]:
    return {key: cnpg.cluster(item, source=source) for key, item in objects[kinds.CNPG_CLUSTERS].items()}


CLUSTERS = Part("clusters", (kinds.CNPG_CLUSTERS,), _read)
