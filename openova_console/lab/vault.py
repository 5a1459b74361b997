"""Both vaults: when each secret was rotated, and which rotation each vault holds. The lab keeps no values.

Whoever runs the business data rotates; the push to the peer's vault needs the link. A region that is cut off keeps what it
had, and both agree again as soon as packets pass. Versions are counted by each vault for itself: the second region's has
two more, from the day on which it was set up.
"""

from dataclasses import dataclass
from typing import Final

from openova_console.lab.names import REGIONS
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import hexdigits, unit

DAY: Final = 86400.0
ROTATES: Final = {
    "databases/postgres-app": 30 * DAY,
    "gitea/flux-token": 90 * DAY,
    "gitea/alertmanager-token": 90 * DAY,
    "auth/jwt-signing-keys": 30 * DAY,
    "storage/minio-root": 180 * DAY,
    "dns/api-token": 180 * DAY,
}
"""Remote keys and the seconds between two rotations (handbook: database and signing keys monthly, Gitea tokens 90 days)."""
DRIFTING: Final = "auth/jwt-signing-keys"
KEPT: Final = 3


@dataclass(frozen=True, slots=True)
class Held:
    """What one vault holds of one secret: the newest version's number, when the kept ones were written, and its marks."""

    version: int
    written: tuple[float, ...]
    rotation_id: str
    fingerprint: str


class Vaults:
    """Both regions' vaults as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def sealed(self, epoch: Epoch, region: str) -> bool:
        """Whether the region's vault is sealed."""
        return region == REGIONS[1] and "vault_sealed" in epoch.conditions.troubles

    def held(self, epoch: Epoch, region: str, key: str, t: float) -> Held:
        """What the region's vault holds of one of `ROTATES` at unix time `t`."""
        conditions, second = epoch.conditions, region == REGIONS[1]
        apart = epoch.carry.apart_since
        rotates = region in conditions.postgres_primaries and region not in conditions.dead
        at = t if apart is None or rotates else apart
        period = ROTATES[key]
        phase = period * unit(self._seed, "rotation", key)
        number = int((at + phase) // period)
        written = [n * period - phase + (1.2 if second else 0.4) for n in range(number - KEPT + 1, number + 1)]
        rotation = f"{key.rpartition('/')[2]}-{number}"
        drifted = dict(epoch.carry.troubled).get("vault_standby_drifted")
        if drifted is not None and key == DRIFTING and not second:
            number, rotation, written = number + 1, f"{rotation}-early", [*written[1:], drifted]
        alone = region if apart is not None and written[-1] > apart else ""
        fingerprint = hexdigits(64, self._seed, "fingerprint", rotation, alone)
        return Held(number + 2 * second, tuple(written), rotation, fingerprint)
