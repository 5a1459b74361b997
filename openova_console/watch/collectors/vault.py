"""Reads one region's vault every `cadence.vault_s`: its health, and the metadata of every secret that is pushed.

Which secrets is what the PushSecrets of both regions say, as mirrored: a vault is also asked for what only its peer
pushes. A sealed vault is asked for nothing more. Each secret's answer is dated by itself.
"""

from openova_console.handbook.vault import USABLE, SecretMark, VaultEvidence, VaultState
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems.errors import Fault
from openova_console.systems.exchange import Exchange
from openova_console.systems.vault import Marked, connect
from openova_console.watch.kube.push_secrets import NAME
from openova_console.watch.snapshot import SnapshotStore


class VaultCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.vault is None:
            raise ValueError(f"{region.id} has no vault")
        self.name = f"vault/{region.id}"
        self.cadence_s = settings.cadence.vault_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._vault = connect(
            region.vault,
            region=region.display,
            settings=settings.replication.vault,
            network=settings.network,
            deadline_s=settings.cadence.timeout_s,
        )

    async def read(self) -> None:
        """Health first, then the secrets. A refusal of the secrets is stored with the health and then raised."""
        source = f"{self._region.display}'s Vault"
        health = await self._vault.health()
        state = Reading(health.state, "text", health.exchange.answered_at, f"{source}: sys/health")
        traces = {self.name: health.exchange}
        keys = self._keys()
        limit = self._settings.replication.vault.max_secrets
        secrets: dict[str, Reading[SecretMark]] = {
            key: Reading.missing("text", source, f"only {limit} secrets are compared") for key in keys[limit:]
        }
        found: dict[str, Marked] = {}
        if health.state in USABLE:
            found = await self._vault.marks(keys[:limit])
        else:
            secrets |= {key: _missing(source, health.state) for key in keys[:limit]}
        secrets |= {key: _reading(source, marked) for key, marked in found.items()}
        if found:
            traces[f"vault-secrets/{self._region.id}"] = _together(list(found.values()), health.exchange)
        self._snapshots.put_all({"vault": {self._region.id: VaultEvidence(state, secrets)}, "traces": traces})
        for marked in found.values():
            if marked.fault is not None:
                raise marked.fault

    async def close(self) -> None:
        await self._vault.aclose()

    def _keys(self) -> list[str]:
        kube = self._snapshots.current.kube
        parts = [kube.get((region.id, NAME)) for region in self._settings.regions]
        return sorted({key for part in parts if part for push in part.value or () for key in push.keys})


def _missing(source: str, state: VaultState) -> Reading[SecretMark]:
    return Reading.missing("text", source, f"it is {state}")


def _reading(source: str, marked: Marked) -> Reading[SecretMark]:
    if marked.mark is None or marked.exchange is None:
        fault: Fault | None = marked.fault
        return Reading.missing("text", source, fault.sentence if fault else "it was not read")
    return Reading(marked.mark, "text", marked.exchange.answered_at, source)


def _together(found: list[Marked], otherwise: Exchange) -> Exchange:
    """The answers of all secrets as one trace, dated by the oldest."""
    shown = [marked.exchange for marked in found if marked.exchange is not None]
    if not shown:
        return otherwise
    oldest = min(shown, key=lambda one: one.answered_at)
    text = "\n".join(f"{one.call}\n{one.answer}" for one in shown)
    calls = f"{len(shown)} × GET …/metadata/…"
    return Exchange(calls, text[:8000], oldest.answered_at, sum(one.duration_ms for one in shown))
