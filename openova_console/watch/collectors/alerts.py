"""Asks every Alertmanager of one region for its alerts, every `cadence.alerts_s`, and merges the answers.

Alertmanager keeps nothing over a restart and no peer is the leader: each is asked, all at once, and one that is silent makes
the set partial. Grouping is taken from the first that gives it. Merging and counting run in a thread when there are many.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from openova_console.handbook.alerts import AlertEvidence, Peer, Route, gather
from openova_console.settings import Region, Settings
from openova_console.systems.alertmanager import Alertmanager, Alerts, connect
from openova_console.systems.errors import Fault
from openova_console.watch.snapshot import SnapshotStore

_IN_THREAD = 200


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one peer said; `fault` when it gave no alerts. Without routes the handbook's grouping is used."""

    peer: Peer
    alerts: Alerts | None
    routes: Mapping[str, Sequence[Route]]
    fault: Fault | None


class AlertCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if not region.alertmanagers:
            raise ValueError(f"{region.id} has no Alertmanager")
        self.name = f"alerts/{region.id}"
        self.cadence_s = settings.cadence.alerts_s
        self._region, self._rules, self._snapshots = region, settings.alerts, snapshots
        many = len(region.alertmanagers)
        self._names = ["Alertmanager" if many == 1 else f"Alertmanager {n} of {many}" for n in range(1, many + 1)]
        self._peers = [
            connect(
                endpoint,
                source=f"{region.display}'s {name}",
                network=settings.network,
                severity_label=settings.alerts.severity_label,
                deadline_s=settings.cadence.timeout_s,
            )
            for endpoint, name in zip(region.alertmanagers, self._names, strict=True)
        ]

    async def read(self) -> None:
        """One round. Raises the first `Fault` when no peer answered; the alerts known so far are then kept, as such."""
        answers = await asyncio.gather(*(self._ask(p, name) for p, name in zip(self._peers, self._names, strict=True)))
        peers = [answer.peer for answer in answers]
        said = [answer for answer in answers if answer.alerts is not None]
        if not said:
            old = self._snapshots.current.alerts.get(self._region.id) or AlertEvidence((), None)
            self._snapshots.put("alerts", self._region.id, replace(old, peers=tuple(peers)))
            raise next(answer.fault for answer in answers if answer.fault is not None)
        found = [answer.alerts for answer in said if answer.alerts is not None]
        lists = [alerts.alerts for alerts in found]
        work = partial(
            gather,
            peers,
            lists,
            min(alerts.exchange.answered_at for alerts in found),
            routes=next((answer.routes for answer in said if answer.routes), {}),
            group_by=self._rules.group_by,
            watchdog=self._rules.watchdog,
        )
        evidence = await asyncio.to_thread(work) if sum(map(len, lists)) > _IN_THREAD else work()
        keys = [self.name, *(f"{self.name}/{n}" for n in range(2, len(answers) + 1))]
        traces = {key: answer.alerts.exchange for key, answer in zip(keys, answers, strict=True) if answer.alerts}
        self._snapshots.put_all({"alerts": {self._region.id: evidence}, "traces": traces})

    async def close(self) -> None:
        await asyncio.gather(*(peer.aclose() for peer in self._peers))

    async def _ask(self, alertmanager: Alertmanager, name: str) -> _Answer:
        try:
            alerts = await alertmanager.alerts()
        except Fault as fault:
            return _Answer(Peer(name, error=fault.sentence), None, {}, fault)
        routes, cluster, version = await self._beside(alertmanager)
        beats = [a.updated_at for a in alerts.alerts if a.name == self._rules.watchdog and a.updated_at]
        peer = Peer(name, "", len(alerts.alerts), max(beats, default=None), cluster, version)
        return _Answer(peer, alerts, routes, None)

    async def _beside(self, alertmanager: Alertmanager) -> tuple[Mapping[str, Sequence[Route]], int | None, str]:
        """Groups and status. Without them the alerts are known all the same: grouped by the handbook, cluster unknown."""
        groups, status = await asyncio.gather(alertmanager.groups(), alertmanager.status(), return_exceptions=True)
        for failure in (groups, status):
            if isinstance(failure, BaseException) and not isinstance(failure, Fault):
                raise failure
        routes = {} if isinstance(groups, BaseException) else groups
        return (routes, None, "") if isinstance(status, BaseException) else (routes, status.cluster, status.version)
