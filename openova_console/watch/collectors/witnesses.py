"""Asks every DNS witness about every region, every `cadence.witnesses_s`: a control question, then N rounds per region.

Each round uses a fresh random label below the region's probe zone, which only that region serves, so that no cache can
answer. One witness's questions run beside the other witnesses'; a slow one delays nobody.
"""

import asyncio

from openova_console.handbook.witnesses import Outcome, Round, cast
from openova_console.settings import Region, Resolver, Settings
from openova_console.systems import dns
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import SnapshotStore, WitnessFacts


class WitnessCollector:
    """One witness."""

    def __init__(self, resolver: Resolver, settings: Settings, snapshots: SnapshotStore) -> None:
        self.name = f"witness/{resolver.name}"
        self.cadence_s = settings.cadence.witnesses_s
        self._resolver, self._settings, self._snapshots = resolver, settings, snapshots

    async def read(self) -> None:
        """One poll: the control and all rounds about all regions at once. An outcome is a fact, never a fault."""
        regions = [r for r in self._settings.regions if r.probe_zone]
        control, answers = await asyncio.gather(
            self._ask(self._settings.witnesses.control_name), asyncio.gather(*(self._region(r) for r in regions))
        )
        asked = Round(Outcome(control.outcome), control.ede, control.duration_ms)
        facts, traces = {}, {f"witness/{self._resolver.name}": control.exchange}
        for region, rounds in zip(regions, answers, strict=True):
            facts[(region.id, self._resolver.name)] = self._facts(region, rounds, asked)
            traces[f"witness/{region.id}/{self._resolver.name}"] = rounds[-1].exchange
        self._snapshots.put_all({"witnesses": facts, "traces": traces})

    async def close(self) -> None:
        """Nothing is kept open between polls."""

    def _facts(self, region: Region, answers: list[dns.DnsAnswer], control: Round) -> WitnessFacts:
        rounds = tuple(Round(Outcome(a.outcome), a.ede, a.duration_ms) for a in answers)
        return WitnessFacts(
            witness=self._resolver.name,
            address=self._resolver.address,
            region_id=region.id,
            rounds=rounds,
            control=control,
            ballot=cast(rounds, control, agree=self._settings.witnesses.agree),
            asked_at=utc_now(),
        )

    async def _region(self, region: Region) -> list[dns.DnsAnswer]:
        names = [f"{dns.fresh_label()}.{region.probe_zone}" for _ in range(self._settings.witnesses.rounds)]
        return list(await asyncio.gather(*(self._ask(name) for name in names)))

    async def _ask(self, name: str) -> dns.DnsAnswer:
        witnesses = self._settings.witnesses
        return await dns.ask(
            self._resolver,
            name,
            transport=witnesses.transport,
            timeout_s=witnesses.timeout_s,
            ca_file=witnesses.ca_file,
        )
