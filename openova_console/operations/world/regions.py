"""One region: its API, its role, its Flux, its nodes, its backups, its vault, its lease, its databases' tokens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from openova_console.handbook.vault import USABLE, VaultState
from openova_console.handbook.words import Reading
from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.operations.leases import NO_LEASE, lease_value
from openova_console.operations.world.classes import as_item, is_lost
from openova_console.settings import Region, Settings
from openova_console.systems.cnpg import ClusterFacts
from openova_console.watch.board import RegionRow
from openova_console.watch.kube.clusters import CLUSTERS
from openova_console.watch.snapshot import RegionFacts, Snapshot

_NO_LEASE = ("no Lease", "leases are not installed here")
"""What the collector says where the mirror was read and holds no such Lease."""


def region_items(row: RegionRow, snapshot: Snapshot, settings: Settings, now: datetime) -> dict[str, Item]:
    """Everything about one region, by key."""
    region, facts, budget_s = row.region, row.facts, settings.freshness.kubernetes_s
    place = f"region.{region.id}"
    if facts is None:
        nothing = unknown(f"nothing of {region.display} was read yet")
        parts = ("api", "active", "flux", "nodes", "backup", "lease", "tokens")
        return {f"{place}.{part}": nothing for part in parts} | {f"{place}.vault": _vault(region, snapshot, settings, now, False)}
    api = as_item(facts.evidence.api, now, budget_s, lost=False)
    lost = is_lost(api)
    clusters: Reading[Mapping[tuple[str, str], ClusterFacts]] | None = snapshot.kube.get((region.id, CLUSTERS.name))
    return {
        f"{place}.api": api,
        f"{place}.active": as_item(facts.evidence.active, now, budget_s, lost=lost),
        f"{place}.flux": _counted(facts, "flux", now, budget_s, lost),
        f"{place}.nodes": _counted(facts, "nodes", now, budget_s, lost),
        f"{place}.backup": _backup(facts, now, budget_s, lost),
        f"{place}.vault": _vault(region, snapshot, settings, now, lost),
        f"{place}.lease": _lease(facts, api, now, budget_s, lost),
        f"{place}.tokens": as_item(clusters, now, budget_s, lost=lost, value=_tokens),
    }


def _counted(facts: RegionFacts, what: str, now: datetime, budget_s: float, lost: bool) -> Item:
    evidence = facts.evidence
    ready, total = (evidence.flux_ready, evidence.flux) if what == "flux" else (evidence.nodes_ready, evidence.nodes)
    if total.value is None:
        return unknown(total.error or "nothing was read yet", source=total.source)
    more: dict[str, Any] = {"total": total.value}
    if what == "flux":
        more |= {"suspended": facts.flux_suspended, "findings": list(evidence.flux_findings)}
    return as_item(ready, now, budget_s, lost=lost, value=lambda count: {"ready": count, **more})


def _backup(facts: RegionFacts, now: datetime, budget_s: float, lost: bool) -> Item:
    """When the newest completed backup ended, and which later one failed."""
    failed = facts.evidence.failed_backup
    return as_item(
        facts.evidence.newest_backup, now, budget_s, lost=lost, value=lambda at: {"ended_at": at.isoformat(), "failed": failed}
    )


def _vault(region: Region, snapshot: Snapshot, settings: Settings, now: datetime, lost: bool) -> Item:
    if region.vault is None:
        return unknown(f"no vault is configured for {region.display} (regions[].vault)")
    found = snapshot.vault.get(region.id)

    def usable(state: VaultState) -> dict[str, Any]:
        return {"state": state.value, "usable": state in USABLE}

    return as_item(found.state if found else None, now, settings.freshness.vault_s, lost=lost, value=usable)


def _lease(facts: RegionFacts, api: Item, now: datetime, budget_s: float, lost: bool) -> Item:
    """The failover controller's Lease as this region has it. That there is none is known only while the API answers."""
    lease = facts.lease
    if lease.value is None and lease.error in _NO_LEASE and api.known and api.value:
        return fresh(dict(NO_LEASE), "there is no such Lease", at=api.observed_at or now, source=lease.source)
    return as_item(lease, now, budget_s, lost=lost, value=lease_value)


def _tokens(clusters: Mapping[tuple[str, str], ClusterFacts]) -> dict[str, str]:
    """Every CNPG Cluster with what lies in its `spec.replica.promotionToken`: none, used or waiting."""
    return {f"{namespace}/{name}": facts.promotion_token.value for (namespace, name), facts in sorted(clusters.items())}
