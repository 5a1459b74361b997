"""k8gb's Gslb objects: which hosts it serves, by which strategy, and what it holds to be healthy.

Read from `k8gb.absa.oss/v1beta1` and from `k8gb.io/v1beta1`, its newer group: the fields are the same. Each cluster
has its own object and nothing keeps the two alike. `status.healthyRecords` is what the cluster's own CoreDNS answers with.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from openova_console.handbook.gslb import GslbObject
from openova_console.systems import shape

DEFAULT_TTL_S = 30
"""`spec.strategy.dnsTtlSeconds` when it is not written (k8gb, api/v1beta1/gslb_types.go)."""


def by_host(items: Iterable[Mapping[str, Any]], *, source: str) -> dict[str, GslbObject]:
    """Every host (lower case, no last dot) with the object that serves it; of two objects the first by name.

    Raises:
        Malformed: an object is not a Gslb.
    """
    found: dict[str, GslbObject] = {}
    named = sorted(items, key=lambda item: str((item.get("metadata") or {}).get("name", "")))
    for item in named:
        for host, gslb in _hosts(item, source).items():
            found.setdefault(host, gslb)
    return found


def _hosts(item: Mapping[str, Any], source: str) -> dict[str, GslbObject]:
    health = shape.optional(source, item, "status", "serviceHealth", kind=dict) or {}
    records = shape.optional(source, item, "status", "healthyRecords", kind=dict) or {}
    ttl = shape.optional(source, item, "spec", "strategy", "dnsTtlSeconds", kind=int)
    namespace, name = shape.text(source, item, "metadata", "namespace"), shape.require(source, item, "metadata", "name", kind=str)
    strategy = shape.require(source, item, "spec", "strategy", "type", kind=str)
    exposed = _texts(source, item, "status", "loadBalancer", "exposedIps")
    return {
        _plain(host): GslbObject(
            object=f"{namespace}/{name}",
            strategy=strategy,
            primary_geo_tag=shape.text(source, item, "spec", "strategy", "primaryGeoTag"),
            ttl_s=DEFAULT_TTL_S if ttl is None else ttl,
            geo_tag=shape.text(source, item, "status", "geoTag"),
            health=shape.text(source, health, host),
            healthy=_texts(source, records, host),
            exposed=exposed,
        )
        for host in _names(source, item, health)
    }


def _names(source: str, item: Mapping[str, Any], health: Mapping[str, Any]) -> list[str]:
    """The hosts that the spec asks for and those that the status reports."""
    rules = [shape.text(source, rule, "host") for rule in shape.rows(source, item, "spec", "ingress", "rules")]
    served = [shape.text(source, server, "host") for server in shape.rows(source, item, "status", "servers")]
    listed = [part.strip() for part in shape.text(source, item, "status", "hosts").split(",")]
    return list(dict.fromkeys(name for name in (*rules, *served, *listed, *map(str, health)) if name))


def _texts(source: str, document: Any, *path: str) -> tuple[str, ...]:
    found = shape.optional(source, document, *path, kind=list) or []
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise shape.malformed(source, (*path, index), "text")
    return tuple(found)


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
