"""Global load balancing: the words for who is asked, what is said, and what is made of it (`gslb_hosts`, `delegation`).

Handbook, "Multi-Region Strategy": k8gb makes each region's CoreDNS authoritative for the GSLB zone. Under `failover` all
users go to the region that `primaryGeoTag` names (the pin), under `roundRobin` to every healthy region. k8gb has neither a
hold nor a switchover: it leaves a dead primary by itself and goes back by itself (docs/strategy.md), to a region whose
database may by then be stale. So answers that differ from the pin are a breach, whoever is healthy.

What a region holds to be healthy are its CoreDNS's records `localtargets-<host>`. Without a fresh answer nothing is OK.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.witnesses import Outcome
from openova_console.handbook.words import Judgement, Reading, Verdict

RESOLVERS = "@resolvers"
"""Key of what the resolvers say, beside the regions' ids; no id begins with @."""
FAILOVER, ROUND_ROBIN, GEO_IP = "failover", "roundRobin", "geoip"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one DNS server said to one question: addresses or names, and how long they may be kept."""

    outcome: Outcome
    records: tuple[str, ...] = ()
    ttl_s: int | None = None
    ede: tuple[int, ...] = ()
    authoritative: bool = False


@dataclass(frozen=True, slots=True)
class ServerView:
    """All that one DNS server said in one poll.

    Attributes:
        name: the resolver's name, or the region's.
        hosts: answers by host.
        local: of a CoreDNS, the answers for `localtargets-<host>` by host.
        nameservers, soa: what it says of the zone; None when it was not asked.
        control: of a resolver, whether it works at all.
    """

    name: str
    asked_at: datetime
    hosts: Mapping[str, Answer]
    local: Mapping[str, Answer]
    nameservers: Answer | None = None
    soa: Answer | None = None
    control: Answer | None = None


@dataclass(frozen=True, slots=True)
class GslbEvidence:
    """What one region's CoreDNS says, or, under `RESOLVERS`, what each resolver says."""

    servers: tuple[ServerView, ...] = ()


@dataclass(frozen=True, slots=True)
class GslbObject:
    """One region's Gslb object for one host.

    Attributes:
        object: namespace/name.
        geo_tag: what k8gb there calls its own region.
        health: "Healthy", "Unhealthy" or "NotFound"; empty when not reported.
        healthy: the addresses that its CoreDNS answers with.
        exposed: the addresses of its own entrance.
    """

    object: str
    strategy: str
    primary_geo_tag: str
    ttl_s: int
    geo_tag: str
    health: str
    healthy: tuple[str, ...]
    exposed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One region: its name in k8gb, its Gslb objects by host, and whether it accepts writes (None: not known)."""

    region_id: str
    name: str
    geo_tag: str
    objects: Reading[Mapping[str, GslbObject]]
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A DNS server that should be asked; `region_id` is empty for a resolver, `view` None before it was asked."""

    name: str
    region_id: str
    configured: bool
    view: ServerView | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The instant, how old answers and objects may be, and k8gb's pace, all in seconds."""

    now: datetime
    dns_s: float
    kube_s: float
    reconcile_s: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What one server answers for one host, judged."""

    server: str
    region_id: str
    verdict: Verdict
    word: str
    why: str
    addresses: tuple[str, ...] = ()
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class SideHealth:
    """One region's healthy addresses for the host (None: not known), what k8gb calls its service, and its pin."""

    region: str
    addresses: tuple[str, ...] | None
    health: str
    pin: str


@dataclass(frozen=True, slots=True)
class HostAssessment:
    """One host, judged.

    Attributes:
        expected: the addresses that users should get; None when that is not known.
        pin: the geo tag that both regions' objects name; empty when they differ or none is known.
        convergence_s: until a change reaches users: k8gb's pace and the longest time to live; their own caches come on top.
        observed_at: when the server that was asked longest ago was asked.
    """

    host: str
    judgement: Judgement
    strategy: str
    pin: str
    expected: tuple[str, ...] | None
    expected_from: str
    cells: tuple[Cell, ...]
    sides: tuple[SideHealth, ...]
    findings: tuple[Judgement, ...]
    ttl_s: int | None
    convergence_s: float | None
    observed_at: datetime | None
