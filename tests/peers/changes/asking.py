"""Words that the tests of this folder share: what they ask for, and what an object tells of who wrote it."""

from typing import Any

from openova_console.access.roles import Role
from openova_console.operations.kinds.names import MARK
from openova_console.store.change_tables import OperationRow
from openova_console.systems import kinds
from openova_console.systems.kinds import Resource
from tests.peers.changes.platform import SHOP, RegionServers
from tests.peers.servers.flux import NAMESPACE
from tests.support.engines import Bench

LIMIT_S = 60
"""How long a run may take on a busy machine; none of it is a promise of the console."""


def restart(name: str, *, region: str = "region-1", workload: str = "Deployment") -> dict[str, str]:
    """Parameters of a restart."""
    return {"region": region, "workload": workload, "namespace": SHOP, "name": name}


def kustomization(name: str, *, region: str = "region-1") -> dict[str, str]:
    """Parameters of a suspend or a resume."""
    return {"region": region, "namespace": NAMESPACE, "name": name}


async def approved(bench: Bench, kind: str, params: dict[str, str], *, key: str = "k1") -> OperationRow:
    """Asked for by one person and approved by another."""
    return await bench.approve(await bench.ask(kind, params, key=key))


async def go_on(bench: Bench, row: OperationRow, reason: str = "I have looked at it") -> None:
    """An approver who did not ask lets the run go on."""
    await bench.engine.steering.steer(row.id, bench.person("bert", Role.APPROVER), "resume", reason=reason)


class Writes:
    """What an object tells of writes since it was first looked at."""

    def __init__(self, region: RegionServers, resource: Resource, namespace: str, name: str) -> None:
        self._region, self._where = region, (resource, namespace, name)
        self._generation = int(self.now["metadata"]["generation"])

    @property
    def now(self) -> dict[str, Any]:
        """The object as the API server has it."""
        return self._region.api.get(*self._where)

    @property
    def specs(self) -> int:
        """How often its spec was changed: each change raises the generation by one."""
        return int(self.now["metadata"]["generation"]) - self._generation

    @property
    def mark(self) -> str:
        """The operation that changed it last; "" for none."""
        return str(self.now["metadata"].get("annotations", {}).get(MARK, ""))

    @property
    def managers(self) -> list[str]:
        """Who owns fields of it, as the API server keeps the books, without those that only write its status."""
        owners = self.now["metadata"].get("managedFields") or []
        return sorted({str(owner["manager"]) for owner in owners if owner.get("subresource") != "status"})

    @property
    def sent(self) -> int:
        """How many changes of it went through the console's way to the API server, since that was started."""
        path = self._where[0].path(*self._where[1:])
        return sum(one.partition("?")[0] == path for one in self._region.cut.patches)


def of_deployment(region: RegionServers, name: str) -> Writes:
    """A Deployment in the namespace `shop`."""
    return Writes(region, kinds.DEPLOYMENTS, SHOP, name)
