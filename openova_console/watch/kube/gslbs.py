"""Every Gslb object of a region by host, from k8gb's old group and its new one; a cluster that changes over has both."""

from openova_console.handbook.gslb import GslbObject
from openova_console.systems import k8gb, kinds
from openova_console.watch.kube.part import Objects, Part


def _read(objects: Objects, source: str) -> dict[str, GslbObject]:
    newer = k8gb.by_host(objects.get(kinds.GSLBS_NEW, {}).values(), source=source)
    return k8gb.by_host(objects.get(kinds.GSLBS, {}).values(), source=source) | newer


GSLB = Part("gslbs", (), _read, optional=(kinds.GSLBS, kinds.GSLBS_NEW))
