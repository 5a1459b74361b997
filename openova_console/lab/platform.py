"""One region's Kubernetes side: its objects, its API, and what scenarios do to them."""

import random
from datetime import datetime

from aiohttp import web

from openova_console.lab.clock import Clock
from openova_console.lab.kube import flagger, flux, rbac, rollouts, seed, server
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.names import REGIONS, peer
from openova_console.lab.objects import CHANGES, LEASE, Ledger, is_primary
from openova_console.lab.writes import Writes


class RegionObjects:
    """The objects of one region.

    Args:
        number: the lab's seed; names and ids follow from it.
    """

    def __init__(self, region: str, clock: Clock, number: int) -> None:
        self.region = region
        self._clock = clock
        self.store = ObjectStore(now=clock.now, seed=number * 2 + REGIONS.index(region))
        self._ledger = Ledger(self.store)
        self._changes: tuple[str, ...] = ()
        self._born = self._awake = self._ticked = clock.now()
        seed.seed(
            self.store,
            region_id=region,
            geo_tag=region,
            is_primary=region == REGIONS[0],
            peer_id=peer(region),
            now=clock.now(),
            rng=random.Random(f"{number}/{region}"),
        )

    def application(self, *, reader: str, actor: str, viewer: str, writes: Writes) -> web.Application:
        """The API server, with a token for each account; `writes` keeps and spoils its writes."""
        tokens = {reader: rbac.console_reader(), actor: rbac.console_actor(), viewer: rbac.viewer()}
        around = writes.hook(self.region, self.store)
        return server.application(store=self.store, tokens=tokens, now=self._clock.now, around_writes=around)

    def switch(self, changes: tuple[str, ...], now: datetime) -> None:
        """Undo what the last scenario did and do what this one does (names in `objects.CHANGES`)."""
        self._ledger.restore()
        self._changes, self._awake = changes, now
        for name in changes:
            CHANGES[name](self._ledger, self.region, now)

    def tick(self, now: datetime, *, lease_renewed: bool, troubles: frozenset[str] = frozenset()) -> None:
        """Let the region's controllers work. Jobs that a scenario has stopped stay stopped.

        Args:
            lease_renewed: whether the failover controllers' lease is being renewed, as this region sees it.
            troubles: what is broken; see `troubles`.
        """
        paused = self._ledger.touched("cronjobs.batch")
        if not lease_renewed:
            paused.add("/".join(LEASE))
        seed.tick(self.store, now=now, paused=paused)
        if "stop_flagger" not in self._changes:
            bad = "fail_canary" in self._changes and self.region == REGIONS[0]
            flagger.advance(self.store, now=now, awake=self._awake, failing=bad)
        since, self._ticked = self._ticked, now
        rollouts.advance(self.store, since=since, now=now, stuck="rollout_stuck" in troubles)
        git = flux.Git(self._born, failing="kustomization_fails" in troubles, busy="commits_keep_coming" in troubles)
        flux.advance(self.store, git, since=since, now=now, paused=self._ledger.touched(flux.KUSTOMIZATIONS))

    @property
    def primary(self) -> bool:
        """Whether the Postgres Cluster object makes this region a primary."""
        return bool(is_primary(self.store))
