"""One region's Kubernetes API: a cheap probe every `cadence.kubernetes_probe_s`, and mirrors kept by list and watch.

The probe is the fact "the API answers"; a probe that fails is a fresh fact too. Everything else comes from the mirrors
and is dated by the instant at which the server last confirmed them, so that a stuck watch grows old by itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from openova_console.handbook.regions import CERTIFICATE_NOTICE_S, RegionEvidence
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems import cert_manager, cnpg, flux, kinds, lease, nodes, velero
from openova_console.systems.errors import Fault, NotInstalled, TlsFailed, Unreachable
from openova_console.systems.exchange import Exchange
from openova_console.systems.kubernetes import KubernetesApi, connect
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.kube import PARTS, Part, workloads
from openova_console.watch.mirror import Mirror, without_bookkeeping
from openova_console.watch.snapshot import RegionFacts, SnapshotStore

T = TypeVar("T")
_log = logging.getLogger(__name__)
FLUX_KINDS = {"Kustomization": kinds.KUSTOMIZATIONS, "HelmRelease": kinds.HELM_RELEASES, "GitRepository": kinds.GIT_REPOSITORIES}
MIRRORED = (
    kinds.NODES,
    kinds.CNPG_CLUSTERS,
    *FLUX_KINDS.values(),
    kinds.CERTIFICATES,
    kinds.VELERO_BACKUPS,
    kinds.LEASES,
    *(resource for part in PARTS for resource in (*part.resources, *part.optional)),
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A mirror's content: objects by (namespace, name), when the server confirmed it, and what went wrong last."""

    objects: Mapping[tuple[str, str], dict[str, Any]]
    confirmed_at: datetime | None
    error: str
    not_installed: bool


class KubernetesCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        self.name = f"kubernetes/{region.id}"
        self.cadence_s = settings.cadence.kubernetes_probe_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._api: KubernetesApi | None = None
        self._mirrors: dict[str, Mirror] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._version: Reading[str] = Reading.missing("text", self.name, "nothing was read yet")
        self._api_up: Reading[bool] = Reading.missing("bool", self.name, "nothing was read yet")
        self._redraw: asyncio.TimerHandle | None = None
        self._parts: dict[str, tuple[list[int], Any, str]] = {}

    async def read(self) -> None:
        """Probe the API, see that every mirror runs, and put the region's facts into the snapshot."""
        source = f"{self._region.display}'s Kubernetes API: GET /version"
        try:
            api = await self._connected()
            version = await api.version()
        except TlsFailed as fault:
            # Something answers that cannot prove who it is: no outage of the region, and no proof that it is up.
            self._api_up = Reading.missing("bool", source, fault.sentence)
            self._put()
            raise
        except Unreachable as fault:
            self._api_up = Reading(False, "bool", utc_now(), source, "full", fault.sentence)
            self._put()
            raise
        except Fault as fault:
            # It answers, or was not asked: that is no outage of the region.
            self._api_up = Reading.missing("bool", source, fault.sentence)
            self._put()
            raise
        self._api_up = Reading(True, "bool", version.exchange.answered_at, source)
        self._version = Reading(version.git_version, "text", version.exchange.answered_at, source)
        self._snapshots.put("traces", self.name, version.exchange)
        self._see_that_mirrors_run(api)
        self._put()
        for mirror in self._mirrors.values():
            if mirror.fault is not None and not isinstance(mirror.fault, NotInstalled):
                raise mirror.fault

    async def close(self) -> None:
        """End the mirrors and close the connections."""
        if self._redraw is not None:
            self._redraw.cancel()
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self._tasks.clear()
        if self._api is not None:
            await self._api.aclose()

    async def _connected(self) -> KubernetesApi:
        if self._api is None:
            self._api = await connect(
                self._region.kubernetes,
                region=self._region.display,
                network=self._settings.network,
                deadline_s=self._settings.cadence.timeout_s,
            )
        return self._api

    def _see_that_mirrors_run(self, api: KubernetesApi) -> None:
        for resource in dict.fromkeys(MIRRORED):
            task = self._tasks.get(resource.path())
            if task is not None and not task.done():
                continue
            if task is not None and not task.cancelled() and (error := task.exception()):
                _log.error("the copy of %s of %s ended and is started again: %r", resource.plural, self._region.id, error)
            namespace = self._region.lease.namespace if resource is kinds.LEASES else None
            trim = workloads.trimmed if resource in workloads.KINDS else without_bookkeeping
            mirror = Mirror(api, resource, namespace=namespace, timeout_s=self._watch_s(), trim=trim, on_change=self._changed)
            self._mirrors[resource.path()] = mirror
            self._tasks[resource.path()] = asyncio.create_task(mirror.run(), name=f"mirror {self.name} {resource.plural}")

    def _watch_s(self) -> float:
        """A watch ends often enough that an idle kind is confirmed well within its freshness budget."""
        return max(1.0, self._settings.freshness.kubernetes_s / 3)

    def _changed(self) -> None:
        """Draw the facts again soon; many changes at once are one."""
        if self._redraw is None:
            self._redraw = asyncio.get_running_loop().call_later(0.02, self._redrawn)

    def _redrawn(self) -> None:
        self._redraw = None
        self._put()

    def _put(self) -> None:
        traces = {
            f"{m.resource.plural}/{self._region.id}": _kept_current(m.exchange, m.confirmed_at)
            for m in self._mirrors.values()
            if m.exchange is not None
        }
        kube = {(self._region.id, part.name): self._part(part) for part in PARTS}
        self._snapshots.put_all({"regions": {self._region.id: self._facts()}, "kube": kube, "traces": traces})

    def _part(self, part: Part) -> Reading[Any]:
        """One part's value; what it was is kept as long as none of its mirrors has changed."""
        named = dict.fromkeys(r.plural for r in (*part.resources, *part.optional))
        source = f"{self._region.display}'s Kubernetes API: {', '.join(named)}"
        found, confirmed, versions = {}, [], []
        for resource in (*part.resources, *part.optional):
            mirror = self._mirrors.get(resource.path())
            if mirror is not None and mirror.confirmed_at is not None:
                found[resource] = mirror.objects
                confirmed.append(mirror.confirmed_at)
                versions.append(mirror.version)
            elif mirror is not None and isinstance(mirror.fault, NotInstalled):
                if resource not in part.optional:
                    return Reading.missing("", source, f"{resource.plural} are not installed here")
                versions.append(-1)
            else:
                return Reading.missing("", source, mirror.error if mirror and mirror.error else "nothing was read yet")
        if not confirmed:
            return Reading.missing("", source, f"{', '.join(named)} are not installed here")
        kept = self._parts.get(part.name)
        if kept is None or kept[0] != versions:
            try:
                kept = self._parts[part.name] = (versions, part.read(found, self.name), "")
            except Fault as fault:
                kept = self._parts[part.name] = (versions, None, fault.sentence)
        if kept[2]:
            return Reading.missing("", source, kept[2])
        return Reading(kept[1], "", min(confirmed), source)

    def copy_of(self, resource: kinds.Resource) -> Copy:
        """A kind's objects as its mirror has them, for what shows single objects."""
        mirror = self._mirrors.get(resource.path())
        if mirror is None:
            return Copy({}, None, "", False)
        return Copy(mirror.objects, mirror.confirmed_at, mirror.error, isinstance(mirror.fault, NotInstalled))

    async def api(self) -> KubernetesApi:
        """The region's API, for questions that are asked on demand. Raises `Fault`."""
        return await self._connected()

    def _facts(self) -> RegionFacts:
        now = utc_now()
        cluster = self._of(kinds.CNPG_CLUSTERS, self._cluster, "text")
        ready = self._of(kinds.NODES, lambda objects: nodes.facts(objects.values(), source=self.name), "count")
        flux_facts = self._flux()
        certificates = self._of(kinds.CERTIFICATES, lambda o: cert_manager.facts(o.values(), source=self.name), "count")
        late = flux_facts.value.having("not_ready") + flux_facts.value.having("stalled") if flux_facts.value else ()
        suspended = flux_facts.value.having("suspended") if flux_facts.value else ()
        evidence = RegionEvidence(
            api=self._api_up,
            active=_accepts_writes(cluster),
            nodes_ready=_map(ready, "count", lambda n: n.ready),
            nodes=_map(ready, "count", lambda n: n.total),
            flux_ready=_map(flux_facts, "count", lambda f: f.ready),
            flux=_map(flux_facts, "count", lambda f: f.total),
            flux_findings=(
                *(f"{o.kind} {o.name} not ready: {o.reason}" for o in late),
                *(f"{o.kind} {o.name} is suspended" for o in suspended),
            ),
            certificates_due=_map(certificates, "count", lambda found: sum(_due(c, now) for c in found)),
            newest_backup=self._newest_backup(),
            failed_backup=self._failed_backup(),
        )
        ends = tuple((f"{c.namespace}/{c.name}", c.not_after) for c in certificates.value or () if c.not_after)
        return RegionFacts(
            evidence=evidence,
            version=self._version,
            lease=self._of(kinds.LEASES, self._lease, "text"),
            postgres_phase=_map(cluster, "text", lambda c: c.phase),
            postgres_pod=_map(cluster, "text", lambda c: c.current_primary),
            postgres_backup=_map(cluster, "instant", lambda c: c.last_successful_backup),
            certificates=ends,
            flux_suspended=len(suspended),
        )

    def _of(
        self, resource: kinds.Resource, read: Callable[[Mapping[tuple[str, str], dict[str, Any]]], T | None], unit: str
    ) -> Reading[T]:
        """A reading from one mirror, dated by its last confirmation; a kind that is not served is "not installed"."""
        source = f"{self._region.display}'s Kubernetes API: {resource.plural}"
        mirror = self._mirrors.get(resource.path())
        if mirror is None or mirror.confirmed_at is None:
            if mirror is not None and isinstance(mirror.fault, NotInstalled):
                return Reading.missing(unit, source, f"{resource.plural} are not installed here")
            return Reading.missing(unit, source, mirror.error if mirror and mirror.error else "nothing was read yet")
        try:
            value = read(mirror.objects)
        except Fault as fault:
            return Reading.missing(unit, source, fault.sentence)
        if value is None:
            return Reading.missing(unit, source, self._absent(resource))
        return Reading(value, unit, mirror.confirmed_at, source, "full", mirror.error)

    def _absent(self, resource: kinds.Resource) -> str:
        wanted = {
            kinds.CNPG_CLUSTERS: f"no Cluster {self._region.postgres_cluster.namespace}/{self._region.postgres_cluster.name}",
            kinds.LEASES: "no Lease",
        }
        return wanted.get(resource, f"no {resource.plural} were found")

    def _cluster(self, objects: Mapping[tuple[str, str], dict[str, Any]]) -> cnpg.ClusterFacts | None:
        wanted = self._region.postgres_cluster
        item = objects.get((wanted.namespace, wanted.name))
        return cnpg.cluster(item, source=self.name) if item is not None else None

    def _lease(self, objects: Mapping[tuple[str, str], dict[str, Any]]) -> lease.LeaseFacts | None:
        item = objects.get((self._region.lease.namespace, self._region.lease.name))
        return lease.facts(item, source=self.name) if item is not None else None

    def _flux(self) -> Reading[flux.FluxFacts]:
        """All Flux kinds together: one that cannot be read makes the count unknown, never smaller."""
        parts: list[tuple[str, dict[str, Any]]] = []
        confirmed: list[datetime] = []
        for kind, resource in FLUX_KINDS.items():
            found = self._of(resource, lambda objects: tuple(objects.values()), "count")
            if found.value is None or found.observed_at is None:
                return Reading.missing("count", found.source, found.error)
            parts.extend((kind, item) for item in found.value)
            confirmed.append(found.observed_at)
        source = f"{self._region.display}'s Kubernetes API: Flux"
        try:
            return Reading(flux.facts(parts, source=self.name), "count", min(confirmed), source)
        except Fault as fault:
            return Reading.missing("count", source, fault.sentence)

    def _failed_backup(self) -> str:
        """A backup that began after the newest completed one and ended badly: the next restore would go back further."""
        found = self._of(kinds.VELERO_BACKUPS, lambda o: velero.facts(o.values(), (), source=self.name), "count").value
        last, good = (found.newest_attempt, found.newest_completed) if found else (None, None)
        if last is None or good is None or last.name == good.name or not last.phase.endswith(("Failed", "FailedValidation")):
            return ""
        return f"{last.name}: {last.phase}"

    def _newest_backup(self) -> Reading[datetime]:
        """The newest completed Velero backup: the only phase that is a recovery point."""
        found = self._of(kinds.VELERO_BACKUPS, lambda o: velero.facts(o.values(), (), source=self.name), "count")
        if found.value is None:
            return Reading.missing("instant", found.source, found.error)
        newest = found.value.newest_completed
        if newest is None or newest.completed_at is None:
            return Reading.missing("instant", found.source, "no completed backup was found")
        return Reading(newest.completed_at, "instant", found.observed_at, found.source)


def _accepts_writes(cluster: Reading[cnpg.ClusterFacts]) -> Reading[bool]:
    """Whether the Cluster accepts writes: a primary by its spec, without an instance that is ready, is no proof of it."""
    if cluster.value is not None and cluster.value.is_primary and cluster.value.ready_instances < 1:
        sentence = f"the Cluster {cluster.value.name} is meant to accept writes, but none of its instances is ready"
        return Reading.missing("bool", cluster.source, sentence)
    return _map(cluster, "bool", lambda c: c.is_primary)


def _kept_current(listed: Exchange, confirmed_at: datetime | None) -> Exchange:
    """The list with a word on what has kept it current since: what is shown may be newer than the list."""
    when = f"{confirmed_at:%Y-%m-%d %H:%M:%S} UTC" if confirmed_at else "never"
    return replace(listed, call=f"{listed.call}\nthen watched; the server last confirmed the copy at {when}")


def _due(certificate: cert_manager.CertificateFacts, now: datetime) -> bool:
    """Ends soon, or was never issued: neither can be counted as well."""
    return certificate.not_after is None or (certificate.not_after - now).total_seconds() < CERTIFICATE_NOTICE_S


S = TypeVar("S")


def _map(reading: Reading[S], unit: str, convert: Callable[[S], T]) -> Reading[T]:
    if reading.value is None:
        return Reading.missing(unit, reading.source, reading.error)
    value = convert(reading.value)
    return Reading(value, unit, reading.observed_at, reading.source, reading.completeness, reading.error)
