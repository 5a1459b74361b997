"""External Secrets Operator in both regions: whether each PushSecret reaches its two vaults.

A push that fails leaves the stores that took an earlier one in `syncedPushSecrets`, stops `refreshTime`, and names the
store in the condition. Here it is noticed at once; the real one notices at its next refresh.
"""

from typing import Any, Final

from openova_console.lab.clock import Clock
from openova_console.lab.kube.planting import DOMAIN, condition, stamp
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.names import REGIONS, peer
from openova_console.lab.world import World

KIND: Final = "pushsecrets.external-secrets.io"
BROKEN: Final = ("databases", "push-postgres-app")
Json = dict[str, Any]


class PushController:
    """Both regions' operators."""

    def __init__(self, world: World, clock: Clock, stores: dict[str, ObjectStore]) -> None:
        self._world, self._clock, self._stores = world, clock, stores

    def reconcile(self, region: str) -> None:
        """One round of a living region's operator."""
        store = self._stores[region]
        for record in store.records(KIND):
            self._settle(store, region, (record.namespace, record.name), record.document)

    def _settle(self, store: ObjectStore, region: str, key: tuple[str, str], document: Json) -> None:
        now, status = self._clock.now(), document.get("status", {})
        why = self._failure(region, key)
        self._forget(store, region, key, status)
        failing = any(row["status"] != "True" for row in status.get("conditions", []))
        if why and not failing:
            errored = condition("Ready", "False", "Errored", f"set secret failed: {why}", now)
            store.patch(KIND, *key, {"status": {"conditions": [errored]}})
        elif failing and not why:
            synced = condition("Ready", "True", "Synced", "PushSecret synced successfully", now)
            store.patch(KIND, *key, {"status": {"conditions": [synced], "refreshTime": stamp(now)}})

    def _failure(self, region: str, key: tuple[str, str]) -> str:
        """Why the push of one object fails now; empty when it does not."""
        epoch, other = self._world.timeline.at(self._clock.unix()), peer(region)
        for target in (region, other):
            address = f"https://vault.{target}.{DOMAIN}"
            refused = f"could not write remote ref value to target secretstore vault-{target}: "
            if target != region and not epoch.conditions.connected:
                return f'{refused}Put "{address}/v1/secret/data/": dial tcp: i/o timeout'
            if self._world.vaults.sealed(epoch, target):
                return f"{refused}Error making API request. Code: 503. Errors: * Vault is sealed"
        if key == BROKEN and region == REGIONS[0] and "push_secret_errored" in epoch.conditions.troubles:
            return f"could not write remote ref value to target secretstore vault-{other}: Code: 403. Errors: * permission denied"
        return ""

    def _forget(self, store: ObjectStore, region: str, key: tuple[str, str], status: Json) -> None:
        """`push_secret_unsynced`: the peer's store is not in the status, and comes back when the trouble ends."""
        troubled = "push_secret_unsynced" in self._world.conditions.troubles
        if key != BROKEN or region != REGIONS[0]:
            return
        synced = status.get("syncedPushSecrets", {})
        mine, theirs = (f"ClusterSecretStore/vault-{name}" for name in (region, peer(region)))
        if troubled and theirs in synced:
            store.apply_inside(KIND, *key, lambda push: push["status"]["syncedPushSecrets"].pop(theirs))
        elif not troubled and theirs not in synced and mine in synced:
            store.patch(KIND, *key, {"status": {"syncedPushSecrets": {theirs: synced[mine]}}})
