"""k8gb in both regions: what each holds to be healthy, and what its CoreDNS therefore answers.

Each region's k8gb looks at its own Gslb objects and at its peer's `localtargets-` records, nothing else: it has neither a
hold nor a memory. A dead or unreachable peer has no targets, so under `failover` users move to the rest by themselves, and
back by themselves. The pin is whatever the region's own object says, so that two objects can disagree.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from openova_console.lab.clock import Clock
from openova_console.lab.faults import Faults
from openova_console.lab.kube.planting import DOMAIN
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.names import REGIONS, peer
from openova_console.lab.timeline import Conditions
from openova_console.lab.world import World

ZONE: Final = f"gslb.{DOMAIN}"
KIND: Final = "gslbs.k8gb.absa.oss"
LOCAL: Final = "localtargets-"


def nameserver(region: str) -> str:
    """The name under which the parent zone knows a region's CoreDNS."""
    return f"gslb-ns-{region}-{ZONE}"


@dataclass(frozen=True, slots=True)
class Records:
    """What a CoreDNS holds for a name: addresses, and how many seconds they may be kept."""

    addresses: tuple[str, ...]
    ttl_s: int


class K8gb:
    """Both regions' k8gb. `broken` CoreDNS (a fault set by hand) answer nobody, the peer included."""

    def __init__(self, world: World, clock: Clock, faults: Faults, stores: dict[str, ObjectStore]) -> None:
        self._world, self._clock, self._faults, self._stores = world, clock, faults, stores

    def answers(self, region: str) -> bool:
        """Whether the internet gets answers from this region's CoreDNS."""
        conditions = self._conditions
        gone = conditions.dead | conditions.isolated
        return region not in gone and self._faults.by_hand(f"{region}/dns").kind in ("up", "slow")

    def serves(self, region: str) -> bool:
        """Whether its CoreDNS has loaded the zone."""
        return not (region == REGIONS[1] and "gslb_lame" in self._conditions.troubles)

    def records(self, region: str, name: str) -> Records | None:
        """What the region's CoreDNS holds for `name`; None when there is no such name."""
        host = name.removeprefix(LOCAL)
        gslb = self._gslb(region, host)
        if gslb is None:
            return None
        found = self._local(region, host) if name.startswith(LOCAL) else self._served(region, host, gslb)
        return Records(found, int(gslb["spec"]["strategy"].get("dnsTtlSeconds", 30))) if found else None

    def delegated(self) -> tuple[str, ...]:
        """The name servers in the parent zone."""
        if "gslb_delegation_broken" in self._conditions.troubles:
            return (nameserver(REGIONS[0]), f"gslb-ns-old-{ZONE}")
        return tuple(nameserver(region) for region in REGIONS)

    def reconcile(self, region: str) -> None:
        """Write what it sees into the status of the region's own Gslb objects, where that has changed."""
        store = self._stores[region]
        for gslb in store.list(KIND):
            status = gslb.get("status", {})
            health = {host: "Healthy" if self._local(region, host) else "Unhealthy" for host in _hosts(gslb)}
            served = {host: list(self._served(region, host, gslb)) for host in _hosts(gslb)}
            if (status.get("serviceHealth"), status.get("healthyRecords")) != (health, served):
                changed = status | {"serviceHealth": health, "healthyRecords": served}
                metadata = gslb["metadata"]
                store.apply_inside(KIND, metadata["namespace"], metadata["name"], partial(_report, changed))

    @property
    def _conditions(self) -> Conditions:
        return self._world.timeline.at(self._clock.unix()).conditions

    def _gslb(self, region: str, host: str) -> dict[str, Any] | None:
        return next((gslb for gslb in self._stores[region].list(KIND) if host in _hosts(gslb)), None)

    def _local(self, region: str, host: str) -> tuple[str, ...]:
        """The addresses of the region's own entrance, while the service behind it is well."""
        gslb = self._gslb(region, host)
        if gslb is None or (region == REGIONS[0] and "gslb_unhealthy" in self._conditions.troubles):
            return ()
        return tuple(gslb.get("status", {}).get("loadBalancer", {}).get("exposedIps", ()))

    def _served(self, region: str, host: str, gslb: dict[str, Any]) -> tuple[str, ...]:
        """What is answered for the host: the pinned region's addresses, or all, out of the regions that it reaches."""
        other = peer(region)
        conditions = self._conditions
        reached = [region] if region in conditions.isolated or not self.answers(other) else [region, other]
        targets = {r: self._local(r, host) for r in reached}
        strategy = gslb["spec"]["strategy"]
        pinned = targets.get(strategy.get("primaryGeoTag", ""), ())
        if strategy["type"] == "failover" and pinned:
            return pinned
        if strategy["type"] == "failover":
            return targets[region] or targets.get(other, ())
        return tuple(sorted(address for found in targets.values() for address in found))


def _report(status: dict[str, Any], gslb: dict[str, Any]) -> None:
    gslb["status"] = status


def _hosts(gslb: dict[str, Any]) -> list[str]:
    return [str(rule["host"]) for rule in gslb["spec"].get("ingress", {}).get("rules", []) if "host" in rule]
