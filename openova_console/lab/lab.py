"""The lab: every listener of both regions and of the witnesses, the clock that moves them, and the control port."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

from openova_console.lab import control, exporters, prometheus
from openova_console.lab.certificates import Authority
from openova_console.lab.chat import Chat
from openova_console.lab.clock import Clock
from openova_console.lab.coredns import CoreDns
from openova_console.lab.dns import Witness
from openova_console.lab.eso import PushController
from openova_console.lab.faults import Fault, Faults
from openova_console.lab.folder import VALKEY_USER, RunFolder
from openova_console.lab.k8gb import K8gb
from openova_console.lab.listeners import Listeners
from openova_console.lab.names import CHAT, REGIONS, TLS_NAMES, WITNESSES
from openova_console.lab.platform import RegionObjects
from openova_console.lab.ports import CONTROL
from openova_console.lab.resp import RespServer
from openova_console.lab.scenarios import SCENARIOS
from openova_console.lab.scrape import Scraper
from openova_console.lab.services import SERVED
from openova_console.lab.site import Site
from openova_console.lab.timeline import Conditions
from openova_console.lab.troubles import TROUBLES
from openova_console.lab.world import World
from openova_console.lab.writes import CONFLICTS, SLOW_S, Writes

TICK_S = 1.0


class Lab:
    """A two-region platform on loopback.

    Args:
        folder: prepared run folder.
        base_port: first port; 0 takes free ones.
        looks_from: the region in which the console stands; scenarios cut links as seen from there.
        interval_s: seconds between two scrapes.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        seed: int = 1,
        clock: Clock | None = None,
        base_port: int = 0,
        looks_from: str = REGIONS[1],
        interval_s: float = 5.0,
    ) -> None:
        self.folder = folder
        self.clock = clock or Clock()
        self.looks_from = looks_from
        self.world = World(seed)
        self.faults = Faults()
        self.writes = Writes(self.clock)
        self.chat = Chat(folder.secret("notify.key"))
        self.scenario = "healthy"
        self.troubles: set[str] = set()
        self.since = self.clock.now()
        self.ports: dict[str, int] = {}
        self.regions = {region: RegionObjects(region, self.clock, seed) for region in REGIONS}
        stores = {region: objects.store for region, objects in self.regions.items()}
        self.k8gb = K8gb(self.world, self.clock, self.faults, stores)
        self.eso = PushController(self.world, self.clock, stores)
        self._base_port = base_port
        self._interval_s = interval_s
        self._listeners: Listeners | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self, scenario: str = "healthy") -> None:
        """Open every listener, start a scenario and write the console's settings.

        Raises:
            PortTaken: a port cannot be had.
            FolderError: the run folder cannot be written.
        """
        machine_now = datetime.now(UTC)
        folder = self.folder.path
        authority, foreign = Authority.of(folder, "OpenOva lab", machine_now), Authority("Unknown authority", machine_now)
        self.folder.write_authority(authority.pem)
        stranger = foreign.server(folder, "stranger", ("localhost",))
        self._listeners = Listeners(self.faults, self._base_port, stranger)
        try:
            await self._open(self._listeners, authority)
            self.ports = self._listeners.ports
            await self.switch(scenario)
            self.folder.write_settings(self.ports, self.looks_from)
        except BaseException:
            await self.stop()
            raise
        if not self.clock.manual:
            self._ticker = asyncio.create_task(self._tick_for_ever())

    async def _open(self, listeners: Listeners, authority: Authority) -> None:
        secret = self.folder.secret
        tls = authority.server(self.folder.path, "regions", ("localhost",))
        for region, objects in self.regions.items():
            kubernetes = objects.application(
                reader=secret(f"{region}-kubernetes.token"),
                actor=secret(f"{region}-kubernetes-actor.token"),
                viewer=secret(f"{region}-viewer.token"),
                writes=self.writes,
            )
            scraper = Scraper(self.world, region, self._interval_s)
            queries = prometheus.application(scraper, self.clock, token=secret(f"{region}-prometheus.token"))
            valkey = RespServer(
                self.world,
                region,
                self.clock,
                self.faults,
                user=VALKEY_USER,
                password=secret(f"{region}-valkey.password"),
            )
            await listeners.http(f"{region}/kubernetes", kubernetes, tls)
            await listeners.http(f"{region}/prometheus", queries, tls)
            await listeners.http(f"{region}/exporters", exporters.application(self.world, region, self.clock))
            await listeners.stream(f"{region}/valkey", f"{region}/valkey", valkey.protocol)
            coredns = CoreDns(region, self.k8gb, self.faults, alive=lambda name: self.world.alive(name, self.clock.unix()))
            await listeners.both(f"{region}/dns", coredns.protocol, coredns.datagrams)
            site = Site(region, self.world, self.clock, {name: r.store for name, r in self.regions.items()}, secret)
            for name, service in SERVED.items():
                await listeners.http(f"{region}/{name}", service.application(site), tls if service.tls else None)
        for name in WITNESSES:
            witness = Witness(name, self.world, self.clock, self.faults, self.k8gb)
            await listeners.both(name, witness.protocol, witness.datagrams)
            certificate = authority.server(self.folder.path, name, (TLS_NAMES[name],))
            await listeners.stream(f"{name}/tls", name, witness.protocol, certificate)
        await listeners.http(CHAT, self.chat.application())
        await listeners.http(CONTROL, control.application(self, secret("control.token")))

    async def stop(self) -> None:
        """Close everything within a second; safe to call twice."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        if self._listeners is not None:
            await self._listeners.close()

    async def switch(self, name: str) -> None:
        """Start a scenario: undo what the last one did, forget faults set by hand. Raises KeyError."""
        scenario = SCENARIOS[name]
        now = self.clock.now()
        for region in self.regions.values():
            region.switch(scenario.objects, now)
        self.scenario, self.since = name, now
        self.troubles = set()
        self.writes.configure(conflicts=CONFLICTS, slow_s=SLOW_S)
        self.faults.set_scenario(scenario.faults(self.looks_from))
        await self._apply()

    async def set_trouble(self, name: str, on: bool) -> None:
        """Break one single thing, or mend it, on top of the scenario. Raises KeyError when there is no such trouble."""
        self.troubles = self.troubles | {name} if TROUBLES[name] and on else self.troubles - {name}
        scenario, now = SCENARIOS[self.scenario], self.clock.now()
        objects = tuple(change for trouble in sorted(self.troubles) for change in TROUBLES[trouble].objects)
        for region in self.regions.values():
            region.switch((*scenario.objects, *objects), now)
        await self._apply()

    async def set_fault(self, endpoint: str, fault: Fault) -> None:
        """Set one endpoint's state by hand, on top of the scenario. Raises `faults.FaultError`."""
        self.faults.set(endpoint, fault)
        await self._apply()

    async def advance(self, seconds: float) -> None:
        """Move a manual clock and let the controllers work. Raises `clock.ClockError`."""
        self.clock.advance(seconds)
        self.tick()

    def tick(self) -> None:
        """One round of the controllers; a promotion in the objects becomes a promotion in the world."""
        now = self.clock.now()
        conditions = self.world.conditions
        for name, region in self.regions.items():
            if name not in conditions.dead:
                renewed = self.world.lease_renewed(conditions, name)
                region.tick(now, lease_renewed=renewed, troubles=conditions.troubles)
        self._apply_conditions()
        for name in self.regions:
            if name not in self.world.conditions.dead:
                self.k8gb.reconcile(name)
                self.eso.reconcile(name)

    def state(self) -> dict[str, Any]:
        """What is switched, where everything listens, who is primary; JSON-ready."""
        return {
            "scenario": self.scenario,
            "sentence": SCENARIOS[self.scenario].sentence,
            "since": self.since.isoformat(),
            "now": self.clock.now().isoformat(),
            "manual_clock": self.clock.manual,
            "seed": self.world.seed,
            "looks_from": self.looks_from,
            "troubles": sorted(self.troubles),
            "endpoints": self.faults.all(),
            "ports": self.ports,
            "postgres_primaries": sorted(self.world.conditions.postgres_primaries),
            "valkey_primaries": sorted(self.world.conditions.valkey_primaries),
        }

    def _apply_conditions(self) -> None:
        """Tell the world what holds now: the scenario, the roles in the objects, exporters that give no answer."""
        fields = dict(SCENARIOS[self.scenario].conditions)
        fields["postgres_primaries"] = frozenset(name for name, region in self.regions.items() if region.primary)
        # A network cut between the console and an exporter leaves that exporter's own Prometheus in peace; a broken
        # exporter does not.
        fields["mute"] = frozenset(
            region for region in REGIONS if self.faults.by_hand(f"{region}/exporters").kind not in ("up", "slow")
        )
        fields["troubles"] = frozenset(self.troubles)
        conditions = Conditions(**fields)
        self.world.timeline.change(conditions, self.clock.unix())

    async def _apply(self) -> None:
        self._apply_conditions()
        self.writes.switch(frozenset(self.troubles))
        if self._listeners is not None:
            await self._listeners.apply()

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()
