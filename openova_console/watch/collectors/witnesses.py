"""Asks every DNS witness about every region, every `cadence.witnesses_s`: a control question, then N rounds per region.

Each round uses a fresh random label below the region's probe zone, which only that region serves, so that no cache can
answer. One witness's questions run beside the other witnesses'; a slow one delays nobody.
"""

from openova_console.handbook.witnesses import Outcome, Round, cast
from openova_console.settings import Region, Resolver, Settings
from openova_console.systems import dns
from openova_console.systems.dns_stream import ask_together
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
        witnesses = self._settings.witnesses
        regions = [r for r in self._settings.regions if r.probe_zone]
        names = [f"{dns.fresh_label()}.{r.probe_zone}" for r in regions for _ in range(witnesses.rounds)]
        control, *answers = await ask_together(
            self._resolver,
            [(name, "A") for name in (witnesses.control_name, *names)],
            transport=witnesses.transport,
            timeout_s=witnesses.timeout_s,
            ca_file=witnesses.ca_file,
        )
        asked = Round(Outcome(control.outcome), control.ede, control.duration_ms)
        facts, traces = {}, {f"witness/{self._resolver.name}": control.exchange}
        for number, region in enumerate(regions):
            rounds = answers[number * witnesses.rounds : (number + 1) * witnesses.rounds]
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
