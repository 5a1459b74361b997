"""How a public resolver finds the names of the GSLB zone: it asks one of the regions' CoreDNS and keeps what it hears.

Answers are kept for their time to live, so that a change reaches users late, as it does. When no CoreDNS answers there is
nothing to give. Which of the two is asked changes with every question, as resolvers spread their questions.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.clock import Clock
from openova_console.lab.k8gb import ZONE, K8gb
from openova_console.lab.names import REGIONS, WITNESSES

NAMESERVERS_TTL_S: Final = 5
FORGED: Final = "192.0.2.66"


@dataclass(frozen=True, slots=True)
class Found:
    """What a resolver knows: addresses or names (none: the name does not exist), and for how long."""

    records: tuple[str, ...]
    ttl_s: int


class Recursion:
    """One resolver's knowledge of the GSLB zone."""

    def __init__(self, resolver: str, k8gb: K8gb, clock: Clock) -> None:
        self._number = WITNESSES.index(resolver)
        self._k8gb, self._clock = k8gb, clock
        self._kept: dict[str, tuple[float, Found]] = {}
        self._asked = 0

    def addresses(self, host: str) -> Found | None:
        """The host's addresses; None when no CoreDNS could be asked."""
        now = self._clock.unix()
        until, kept = self._kept.get(host, (0.0, Found((), 0)))
        if now < until:
            return Found(kept.records, max(1, round(until - now)))
        authorities = [r for r in REGIONS if self._k8gb.answers(r) and self._k8gb.serves(r)]
        if not authorities:
            return None
        self._asked += 1
        records = self._k8gb.records(authorities[(self._number + self._asked) % len(authorities)], host)
        found = Found(records.addresses, records.ttl_s) if records else Found((), NAMESERVERS_TTL_S)
        self._kept[host] = (now + found.ttl_s, found)
        return found

    def nameservers(self) -> Found | None:
        """The zone's name servers; None when no CoreDNS could be asked."""
        if not any(self._k8gb.answers(r) and self._k8gb.serves(r) for r in REGIONS):
            return None
        return Found(self._k8gb.delegated(), NAMESERVERS_TTL_S)


def in_zone(name: str) -> bool:
    """Whether the GSLB zone holds this name (lower case, no last dot)."""
    return name == ZONE or name.endswith(f".{ZONE}")
