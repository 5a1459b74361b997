"""Reads the cross-region probe and the WireGuard handshake from one region's Prometheus, every `cadence.link_s`."""

from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems import link
from openova_console.systems.prometheus import Window, connect
from openova_console.watch.snapshot import LinkFacts, SnapshotStore

WINDOW_S = 300


class LinkCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.prometheus is None:
            raise ValueError(f"{region.id} has no Prometheus")
        self.name = f"link/{region.id}"
        self.cadence_s = settings.cadence.link_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._prometheus = connect(
            region.prometheus, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )

    async def read(self) -> None:
        """One query for probe and handshake."""
        window = await self._prometheus.window(link.names(self._settings.link), seconds=WINDOW_S)
        facts = link.facts(window, self._settings.link)
        self._snapshots.put_all({"links": {self._region.id: self._facts(facts, window)}, "traces": {self.name: window.exchange}})

    async def close(self) -> None:
        await self._prometheus.aclose()

    def _facts(self, facts: link.LinkFacts, window: Window) -> LinkFacts:
        settings = self._settings.link
        # The path that fares worst speaks for the link: a healthy second path does not carry the first one's packets.
        path = max(facts.paths, key=lambda p: (p.loss_percent is None, p.loss_percent or 0), default=None)
        missing = f'{settings.success_metric}{{job="{settings.job}"}} has no sample'
        if path is None:
            return LinkFacts(
                Reading.missing("ms", window.source, missing),
                Reading.missing("%", window.source, missing),
                self._handshake(facts, window),
                "",
            )
        loss = (
            Reading(path.loss_percent, "%", path.last_probe_at, f"{window.source}: {settings.success_metric}")
            if path.loss_percent is not None
            else Reading[float].missing("%", window.source, missing)
        )
        rtt = (
            Reading(path.rtt_ms, "ms", path.rtt_at, f"{window.source}: {settings.rtt_metric}")
            if path.rtt_ms is not None
            else Reading[float].missing("ms", window.source, "no probe got through")
        )
        return LinkFacts(rtt, loss, self._handshake(facts, window), path.tested)

    def _handshake(self, facts: link.LinkFacts, window: Window) -> Reading[float] | None:
        settings = self._settings.link
        if settings.kind != "wireguard":
            return None
        source = f"{window.source}: {settings.handshake_metric}"
        if not facts.handshakes:
            return Reading.missing("s", source, f"{settings.handshake_metric} has no sample")
        # With several peers the one that was silent longest speaks for the link.
        oldest = min(facts.handshakes, key=lambda h: (h.at is not None, h.at or h.sampled_at))
        if oldest.at is None:
            return Reading.missing("s", source, f"there never was a handshake with {oldest.peer or 'the peer'}")
        return Reading(max(0.0, (oldest.sampled_at - oldest.at).total_seconds()), "s", oldest.sampled_at, source)
