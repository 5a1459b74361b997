"""Reads the cross-region probe and the WireGuard handshake from one region's Prometheus, every `cadence.link_s`."""

from datetime import UTC, datetime
from typing import TypeVar

from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems import link
from openova_console.systems.prometheus import Window, connect
from openova_console.watch.snapshot import LinkFacts, SnapshotStore

T = TypeVar("T")
_NEVER = datetime.min.replace(tzinfo=UTC)


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
        window = await self._prometheus.window(link.names(self._settings.link), seconds=round(self._settings.link.window_s))
        facts = link.facts(window, self._settings.link)
        self._snapshots.put_all({"links": {self._region.id: self._facts(facts, window)}, "traces": {self.name: window.exchange}})

    async def close(self) -> None:
        await self._prometheus.aclose()

    def _facts(self, facts: link.LinkFacts, window: Window) -> LinkFacts:
        settings = self._settings.link
        # The path that fares worst speaks for the link: a healthy second path does not carry the first one's packets. Of
        # equals the one that was probed longest ago: it may be gone.
        path = min(facts.paths, key=_health, default=None)
        missing = f'{settings.success_metric}{{job="{settings.job}"}} has no sample'
        if path is None:
            return LinkFacts(
                Reading.missing("ms", window.source, missing),
                Reading.missing("%", window.source, missing),
                Reading.missing("bool", window.source, missing),
                self._handshake(facts, window),
                "",
            )
        probe = f"{window.source}: {settings.success_metric}"
        return LinkFacts(
            _read(path.rtt_ms, "ms", path.rtt_at, f"{window.source}: {settings.rtt_metric}", window, "no probe got through"),
            _read(path.loss_percent, "%", path.last_probe_at, probe, window, missing),
            _read(path.last_succeeded, "bool", path.last_probe_at, probe, window, missing),
            self._handshake(facts, window),
            path.tested,
        )

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
        age_s = max(0.0, (oldest.sampled_at - oldest.at).total_seconds())
        return _read(age_s, "s", oldest.sampled_at, source, window, "")


def _health(path: link.Path) -> tuple[bool, float, datetime]:
    """Sorts paths from the one that fares worst to the one that fares best; one without a success sample is worst."""
    return path.loss_percent is not None, -(path.loss_percent or 0.0), path.last_probe_at or _NEVER


def _read(value: T | None, unit: str, at: datetime | None, source: str, window: Window, missing: str) -> Reading[T]:
    if value is None:
        return Reading.missing(unit, source, missing)
    if window.warnings:
        return Reading(value, unit, at, source, "partial", "Prometheus says that its answer is not whole")
    return Reading(value, unit, at, source)
