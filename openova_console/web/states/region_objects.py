"""The objects of one region, one kind at a time: /region/<id>?kind=certificates.cert-manager.io."""

from dataclasses import dataclass

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.watch.objects import KINDS
from openova_console.web import services as console

PAGE = 50


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind that the region has; `count` is a number, or "?" while it is not known."""

    kind: str
    label: str
    count: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ObjectRow:
    where: str
    name: str
    namespace: str
    verdict: str
    word: str
    sentence: str


class RegionObjects(rx.State):
    """Kinds with their counts, and a page of the chosen one."""

    kinds: list[KindRow] = []
    rows: list[ObjectRow] = []
    note: str = ""
    more: str = ""

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read region and kind from the address; what is unknown there is said, and nothing is listed."""
        self.reset()
        running = console.services()
        region = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        if region not in {r.id for r in running.settings.regions}:
            return
        kind = self.router.url.query_parameters.get("kind", "")
        counts = running.watch.objects.counts(region)
        self.kinds = [
            KindRow(k, k.split(".")[0], "?" if n is None else str(n), f"/region/{region}?kind={k}", k == kind)
            for k, n in sorted(counts.items())
        ]
        if not kind:
            self.note = "Choose a kind to list its objects, worst first."
            return
        if kind not in KINDS:
            self.note = "There is no such kind to list. Choose one of those above."
            return
        items, self.note = running.watch.objects.listing(region, kind)
        self.rows = [
            ObjectRow(f"{region}/{kind}/{i.namespace}/{i.name}", i.name, i.namespace, i.verdict.value, i.word, i.sentence)
            for i in items[:PAGE]
        ]
        self.more = f"{len(items) - PAGE} more are not shown: those that fare worst are first." if len(items) > PAGE else ""
