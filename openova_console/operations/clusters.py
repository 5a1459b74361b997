"""The regions' Kubernetes APIs through the account that may change things. Opened on first use, closed with the engine."""

from openova_console.settings import Settings
from openova_console.systems.errors import Misconfigured
from openova_console.systems.kubernetes import KubernetesApi, connect


class Clusters:
    """One client per region."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, KubernetesApi] = {}

    def may_act(self, region_id: str) -> bool:
        """Whether an account for changes is set there."""
        return any(r.id == region_id and r.actor is not None for r in self._settings.regions)

    async def of(self, region_id: str) -> KubernetesApi:
        """The client of a region.

        Raises:
            Misconfigured: there is no such region, no account for changes, or its files cannot be read.
        """
        if region_id in self._open:
            return self._open[region_id]
        region = next((r for r in self._settings.regions if r.id == region_id), None)
        if region is None:
            raise Misconfigured(region_id, f"There is no region {region_id}")
        if region.actor is None:
            sentence = f"No account that may change things is set for {region.display} (regions[].actor)"
            raise Misconfigured(region.display, sentence)
        network = self._settings.network
        opened = await connect(region.actor, region=region.display, network=network, deadline_s=network.read_timeout_s)
        # Another task may have been faster.
        if (kept := self._open.setdefault(region_id, opened)) is not opened:
            await opened.aclose()
        return kept

    async def aclose(self) -> None:
        """Close every connection."""
        opened, self._open = self._open, {}
        for api in opened.values():
            await api.aclose()
