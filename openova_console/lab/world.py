"""The lab's world: the pairs, the link and the traffic of two regions, under one timeline.

Everything measured is a pure function of (seed, timeline, time). Roles live in the Kubernetes objects; whoever watches
them tells the world by `change`.
"""

from dataclasses import replace

from openova_console.lab.gitea import Giteas
from openova_console.lab.harbor import HarborRuns
from openova_console.lab.link import Link
from openova_console.lab.minio import MinioPair
from openova_console.lab.postgres import PostgresPair
from openova_console.lab.streams import Streams
from openova_console.lab.timeline import Carry, Conditions, Epoch, Timeline
from openova_console.lab.traffic import Traffic
from openova_console.lab.valkey import ValkeyPair
from openova_console.lab.vault import Vaults
from openova_console.lab.waves import unit

LEASE_TTL_S, RENEW_S = 30.0, 10.0


class World:
    """Two regions with time passing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.postgres = PostgresPair(seed)
        self.valkey = ValkeyPair(seed)
        self.link = Link(seed)
        self.streams = Streams(seed)
        self.traffic = Traffic(seed)
        self.vaults = Vaults(seed)
        self.giteas = Giteas(seed)
        self.minio = MinioPair(seed)
        self.harbor = HarborRuns(seed)
        self._renewal = RENEW_S * unit(seed, "renew")
        self.timeline = Timeline(self._inherit)

    @property
    def conditions(self) -> Conditions:
        """What is true now."""
        return self.timeline.current.conditions

    def change(self, t: float, **changes: object) -> bool:
        """Change the conditions from unix time `t` on. Returns whether anything changed."""
        return self.timeline.change(replace(self.conditions, **changes), t)  # type: ignore[arg-type]

    def alive(self, region: str, t: float) -> bool:
        """Whether anything runs in `region` at unix time `t`."""
        return region not in self.timeline.at(t).conditions.dead

    def active(self, epoch: Epoch, region: str) -> bool:
        """Whether `region`'s failover controller is ACTIVE: it follows the database's role."""
        return region in epoch.conditions.postgres_primaries

    def lease_renewed(self, conditions: Conditions, region: str) -> bool:
        """Whether the lease that `region` sees is being renewed: its holder lives and both reach the lease's keeper.

        The keeper stands outside both regions, so that a cut between the regions does not end the lease.
        """
        holders = conditions.postgres_primaries - conditions.dead - conditions.isolated
        return region not in conditions.isolated and bool(holders)

    def lease_ttl(self, epoch: Epoch, region: str, t: float) -> float:
        """Seconds that the lease which `region` sees is still valid; 0 once it has not been renewed for long."""
        if self.lease_renewed(epoch.conditions, region):
            return LEASE_TTL_S - (t + self._renewal) % RENEW_S
        left = LEASE_TTL_S - (epoch.at + self._renewal) % RENEW_S
        return max(0.0, left - (t - epoch.at))

    def _inherit(self, last: Epoch, conditions: Conditions, t: float) -> Carry:
        """What the epoch under `conditions` starts with when `last` ends at `t`."""
        fresh = Epoch(t, conditions)
        old = last.carry
        promoted = [(region, at) for region, at in old.promoted_at if region in conditions.valkey_primaries]
        promoted += [(region, t) for region in sorted(conditions.valkey_primaries - last.conditions.valkey_primaries)]
        reconnected = conditions.connected and not last.conditions.connected
        # A primary without power wrote nothing that its standby would have to catch up with.
        silent = bool(last.conditions.dead & last.conditions.postgres_primaries)
        return Carry(
            wal=self.postgres.written(t) if silent and not conditions.dead else self.postgres.flushed(last, t),
            wal_cut_at=None if self.postgres.streaming(fresh) else old.wal_cut_at or t,
            offset=self.valkey.received(last, t),
            offset_cut_at=None if self.valkey.flowing(fresh) else old.offset_cut_at or t,
            lagging_since=(old.lagging_since or t) if conditions.lagging else None,
            handshake=self.link.handshake(last, t),
            linked_since=t if reconnected else old.linked_since,
            served=self.traffic.inherit(last, conditions, t),
            promoted_at=tuple(promoted),
            halts=self.streams.inherit(last, conditions, t),
            apart_since=None if conditions.connected else old.apart_since or t,
            troubled=tuple((name, dict(old.troubled).get(name, t)) for name in sorted(conditions.troubles)),
            objects=self.minio.inherit(last, conditions, t),
        )
