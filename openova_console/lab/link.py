"""The WireGuard link between the regions: handshakes about every two minutes, and a probe that crosses it."""

from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import unit

REKEY_S = 120.0
ROUND_TRIP_S = 0.018
PROBE_TIMEOUT_S = 5.0


class Link:
    """The link's behaviour as functions of an epoch and a unix time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._phase = REKEY_S * unit(seed, "rekey")

    def handshake(self, epoch: Epoch, t: float) -> float:
        """Unix time of the last handshake before `t`; stands still while no packet passes."""
        if not epoch.conditions.connected:
            return epoch.carry.handshake
        last = (t - self._phase) // REKEY_S * REKEY_S + self._phase
        return max(last, epoch.carry.linked_since, epoch.carry.handshake)

    def probe(self, epoch: Epoch, region: str, t: float) -> tuple[bool, float]:
        """Whether the probe from `region` got through at `t`, and how long it took in seconds."""
        if not epoch.conditions.connected:
            return False, PROBE_TIMEOUT_S + 0.001 * unit(self._seed, region, "timeout", int(t))
        noise = unit(self._seed, region, "rtt", int(t * 10))
        spike = 0.012 if unit(self._seed, region, "spike", int(t)) > 0.97 else 0.0
        return True, ROUND_TRIP_S + 0.0035 * noise + spike
