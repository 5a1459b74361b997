"""Tools for filling a region: one record of who the region is, and a way to plant objects of a certain age."""

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from openova_console.lab.kube.records import Json
from openova_console.lab.kube.store import ObjectStore

DOMAIN = "openova.example"
TENANT = "acme"


def stamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime) -> str:
    """RFC 3339 with microseconds, as Leases want it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The instant of a stamp."""
    return datetime.fromisoformat(text)


def condition(kind: str, status: str, reason: str, message: str, since: datetime, **more: Any) -> Json:
    """One entry of `status.conditions`."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": stamp(since),
        **more,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Who the region is.

    Attributes:
        id, peer: the two regions' ids.
        geo_tag, peer_geo_tag: their names in k8gb.
        is_primary: whether this one is active at the start.
    """

    id: str
    geo_tag: str
    is_primary: bool
    peer: str
    peer_geo_tag: str

    @property
    def primary(self) -> str:
        return self.id if self.is_primary else self.peer

    @property
    def primary_geo_tag(self) -> str:
        return self.geo_tag if self.is_primary else self.peer_geo_tag

    @property
    def ordinal(self) -> int:
        """1 for the region whose id sorts first, 2 for the other: for addresses and names."""
        return 1 if self.id <= self.peer else 2

    def address(self, host: int) -> str:
        """A public address of this region, from the ranges kept for documentation."""
        return f"{'203.0.113' if self.ordinal == 1 else '198.51.100'}.{host}"

    def peer_address(self, host: int) -> str:
        """The same host's address in the other region."""
        return f"{'198.51.100' if self.ordinal == 1 else '203.0.113'}.{host}"


class Planter:
    """Plants objects into a store."""

    def __init__(self, store: ObjectStore, region: Region, now: datetime, rng: random.Random) -> None:
        self.store, self.region, self.now, self.rng = store, region, now, rng

    def ago(self, **span: float) -> datetime:
        """A moment before now, in whole seconds."""
        return (self.now - timedelta(**span)).replace(microsecond=0)

    def revision(self, *of: str) -> str:
        """A Git commit id, the same for the same words."""
        return hashlib.sha1("/".join(of).encode(), usedforsecurity=False).hexdigest()

    def digest(self, *of: str) -> str:
        """A content digest, the same for the same words."""
        return f"sha256:{hashlib.sha256('/'.join(of).encode()).hexdigest()}"

    def plant(
        self,
        kind: str,
        namespace: str,
        name: str,
        *,
        since: datetime | None = None,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        owner: Json | None = None,
        finalizers: list[str] | None = None,
        **fields: Any,
    ) -> Json:
        """Create one object with its status and return it."""
        metadata: Json = {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp(since or self.ago(days=41, hours=3)),
            "labels": labels or {},
            "annotations": annotations or {},
            "finalizers": finalizers or [],
        }
        if owner is not None:
            metadata["ownerReferences"] = [owned_by(owner)]
        return self.store.create(kind, {"metadata": metadata, **fields})


def owned_by(owner: Json) -> Json:
    """The ownerReference to a controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
