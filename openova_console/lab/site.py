"""What a service of one region knows: the region, the world with its clock, the objects of both regions, its secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from openova_console.lab.clock import Clock
from openova_console.lab.kube.store import ObjectStore
from openova_console.lab.timeline import Epoch
from openova_console.lab.world import World


@dataclass(frozen=True, slots=True)
class Site:
    """One region as its services see it.

    Attributes:
        region: id of the region.
        stores: Kubernetes objects by region id; a service writes its own region's only.
        secret: content of one of the run folder's secret files.
    """

    region: str
    world: World
    clock: Clock
    stores: Mapping[str, ObjectStore]
    secret: Callable[[str], str]

    @property
    def epoch(self) -> Epoch:
        """What holds now."""
        return self.world.timeline.at(self.clock.unix())

    def trouble(self, name: str) -> bool:
        """Whether one of `troubles.TROUBLES` is switched on."""
        return name in self.epoch.conditions.troubles


@dataclass(frozen=True, slots=True)
class Service:
    """An HTTP service that each region has.

    Attributes:
        application: makes its routes for one region.
        settings: what the console's settings say of it below `regions[]`, from the region, the ports of all listeners and
            the prefix of file names.
        secrets: endings of its secret files: `minio.token` becomes `region-1-minio.token` and `region-2-minio.token`.
        tls: whether it is served with the lab's certificate.
    """

    application: Callable[[Site], web.Application]
    settings: Callable[[str, Mapping[str, int], str], dict[str, Any]]
    secrets: tuple[str, ...] = ()
    tls: bool = False
