"""Asks DNS about every host that k8gb serves, every `cadence.gslb_s`: each region's own CoreDNS, and all resolvers.

A CoreDNS is asked over UDP (TCP when the answer is cut), without recursion: for the host, for `localtargets-<host>` (what it
holds to be healthy in its own region), for the zone's name servers and its SOA. A resolver is asked as users ask it, over the
witnesses' transport, besides for a control name. Which hosts there are is known from the Gslb objects and the settings.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from openova_console.handbook.gslb import RESOLVERS, Answer, GslbEvidence, ServerView
from openova_console.handbook.witnesses import Outcome
from openova_console.settings import Region, Resolver, Settings
from openova_console.systems import dns
from openova_console.systems.dns_stream import Kind, ask_together
from openova_console.systems.errors import Fault, TimedOut, Unreachable
from openova_console.systems.exchange import Exchange, exchange
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import Snapshot, SnapshotStore

HOSTS_AT_MOST = 40
"""More hosts than this are not asked about in one poll: questions to a resolver are not free."""


def hosts(settings: Settings, snapshot: Snapshot) -> tuple[str, ...]:
    """Every host to ask for, sorted: of both regions' Gslb objects as they were last read, and of the settings."""
    found = {host.rstrip(".").lower() for host in settings.gslb.hosts}
    for region in settings.regions:
        known = snapshot.kube.get((region.id, "gslbs"))
        found |= set(known.value or ()) if known is not None else set()
    return tuple(sorted(found))[:HOSTS_AT_MOST]


class CoreDnsCollector:
    """One region's own CoreDNS."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.dns is None:
            raise ValueError(f"{region.id} has no dns")
        self.name = f"gslb/{region.id}"
        self.cadence_s = settings.cadence.gslb_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._server = Resolver(name=f"{region.display}'s CoreDNS", address=region.dns.address, port=region.dns.port)

    async def read(self) -> None:
        """One poll. Raises `Unreachable` when not one question was answered; the view then says so of each."""
        at, names = utc_now(), hosts(self._settings, self._snapshots.current)
        asked: list[tuple[str, Kind]] = [(host, "A") for host in names]
        asked += [(f"localtargets-{host}", "A") for host in names]
        if zone := self._settings.gslb.zone:
            asked += [(zone, "NS"), (zone, "SOA")]
        answers = await _ask_all(self._server, asked, self._settings, own=True)
        view = ServerView(
            self._region.display,
            at,
            {host: _answer(answers[host, "A"]) for host in names},
            {host: _answer(answers[f"localtargets-{host}", "A"]) for host in names},
            _answer(answers[zone, "NS"]) if zone else None,
            _answer(answers[zone, "SOA"]) if zone else None,
        )
        traces = {self.name: _together(answers.values())} if answers else {}
        self._snapshots.put_all({"gslb": {self._region.id: GslbEvidence((view,))}, "traces": traces})
        _raise_when_silent(list(answers.values()), self._server.name)

    async def close(self) -> None:
        """Nothing is kept open between polls."""


class ResolversCollector:
    """All resolvers at once; a silent one delays nobody and is a fact."""

    def __init__(self, settings: Settings, snapshots: SnapshotStore) -> None:
        self.name = "gslb/resolvers"
        self.cadence_s = settings.cadence.gslb_s
        self._settings, self._snapshots = settings, snapshots

    async def read(self) -> None:
        """One poll of every resolver. Raises `Fault` when none answered anything."""
        names = hosts(self._settings, self._snapshots.current)
        resolvers = self._settings.witnesses.resolvers
        views = await asyncio.gather(*(self._view(resolver, names) for resolver in resolvers))
        traces = {f"{self.name}/{view.name}": trace for view, trace, _ in views}
        evidence = GslbEvidence(tuple(view for view, _, _ in views))
        self._snapshots.put_all({"gslb": {RESOLVERS: evidence}, "traces": traces})
        _raise_when_silent([answer for _, _, answers in views for answer in answers], "The resolvers")

    async def close(self) -> None:
        """Nothing is kept open between polls."""

    async def _view(self, resolver: Resolver, names: Sequence[str]) -> tuple[ServerView, Exchange, list[dns.DnsAnswer]]:
        control, zone, at = self._settings.witnesses.control_name, self._settings.gslb.zone, utc_now()
        asked: list[tuple[str, Kind]] = [(control, "A"), *((host, "A") for host in names)]
        if zone:
            asked.append((zone, "NS"))
        answers = await _ask_all(resolver, asked, self._settings, own=False)
        view = ServerView(
            resolver.name,
            at,
            {host: _answer(answers[host, "A"]) for host in names},
            {},
            _answer(answers[zone, "NS"]) if zone else None,
            None,
            _answer(answers[control, "A"]),
        )
        return view, _together(answers.values()), list(answers.values())


async def _ask_all(
    server: Resolver, asked: Sequence[tuple[str, Kind]], settings: Settings, *, own: bool
) -> Mapping[tuple[str, Kind], dns.DnsAnswer]:
    """All questions to one server side by side, in the order given."""
    witnesses = settings.witnesses
    answers = await ask_together(
        server,
        asked,
        transport="udp" if own else witnesses.transport,
        timeout_s=settings.gslb.timeout_s,
        ca_file=None if own else witnesses.ca_file,
        recursive=not own,
    )
    return dict(zip(asked, answers, strict=True))


def _answer(found: dns.DnsAnswer) -> Answer:
    return Answer(Outcome(found.outcome), found.addresses or found.names, found.ttl, found.ede, found.authoritative)


def _together(answers: Iterable[dns.DnsAnswer]) -> Exchange:
    """All questions of one poll as one source."""
    found = list(answers)
    text = "\n\n".join(f"; {a.exchange.call}\n{a.exchange.answer}" for a in found)
    last = max(found, key=lambda a: a.exchange.answered_at).exchange
    took = max(a.duration_ms for a in found)
    return exchange("\n".join(a.exchange.call for a in found), text, answered_at=last.answered_at, duration_ms=took)


def _raise_when_silent(answers: Sequence[dns.DnsAnswer], source: str) -> None:
    silent = [a for a in answers if a.detail and a.outcome in ("timeout", "unreachable", "tls_failed", "malformed")]
    if not answers or len(silent) < len(answers):
        return
    first = silent[0]
    if len({a.detail for a in silent}) > 1 or not first.detail.startswith(source):
        raise Unreachable(source, f"{source} did not answer: {first.detail}", call=first.exchange.call)
    kind: type[Fault] = TimedOut if first.outcome == "timeout" else Unreachable
    raise kind(source, first.detail, call=first.exchange.call)
