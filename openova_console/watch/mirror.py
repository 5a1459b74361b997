"""A local copy of one kind of Kubernetes object, kept by list and watch.

List once in pages, then watch from that version. The server ends each watch after about 20 s; that end, like every
change and bookmark before it, confirms that the copy is what the server has: `confirmed_at` moves on. When the stream
goes silent, breaks or is refused, the copy stays as it was and grows old; nobody has to mark it. A version that is too
old (410 in the stream) means listing again; so does ten minutes of watching, in case the server's cache went astray.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from openova_console.systems import errors, shape
from openova_console.systems.exchange import Exchange
from openova_console.systems.kinds import Resource
from openova_console.systems.kubernetes import KubernetesApi

Key = tuple[str, str]
Trim = Callable[[dict[str, Any]], dict[str, Any]]

_BACKOFF_FROM_S = 1.0
_BACKOFF_TO_S = 8.0
_BREATHE_EVERY = 100
_log = logging.getLogger(__name__)


OWN_ANNOTATIONS = ("openova.io/",)
"""Prefixes of the annotations that are kept of every object: the marks of the console's own operations."""
_WHOLE_OBJECT = "kubectl.kubernetes.io/last-applied-configuration"


def without_bookkeeping(item: dict[str, Any], *, keep: tuple[str, ...] = OWN_ANNOTATIONS) -> dict[str, Any]:
    """The object without `metadata.managedFields` and annotations: half of its size, and never read.

    Args:
        keep: prefixes of annotations that stay; the one that repeats the whole object never does.
    """
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return item
    kept = {k: v for k, v in metadata.items() if k not in ("managedFields", "annotations")}
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        own = {k: v for k, v in annotations.items() if k.startswith(keep) and k != _WHOLE_OBJECT}
        kept |= {"annotations": own} if own else {}
    return {**item, "metadata": kept}


class Mirror:
    """The copy of one kind.

    Attributes:
        objects: by (namespace, name); the mapping is replaced, never changed, so a reader may keep it.
        confirmed_at: UTC instant at which the server last confirmed the copy; None before the first list.
        fault: what went wrong last; None while all is well.
        version: counts changes of `objects`.
        exchange: the newest list, for "Show source".
    """

    def __init__(
        self,
        api: KubernetesApi,
        resource: Resource,
        *,
        namespace: str | None = None,
        timeout_s: float = 20,
        relist_s: float = 600,
        metadata_only: bool = False,
        trim: Trim = without_bookkeeping,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.resource = resource
        self.objects: Mapping[Key, dict[str, Any]] = MappingProxyType({})
        self.confirmed_at: datetime | None = None
        self.fault: errors.Fault | None = None
        self.version = 0
        self.exchange: Exchange | None = None
        self._api = api
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._relist_s = relist_s
        self._metadata_only = metadata_only
        self._trim = trim
        self._on_change = on_change
        self._resource_version = ""
        self._listed_at = float("-inf")
        self._changed = asyncio.Event()

    @property
    def error(self) -> str:
        """The sentence of `fault`; empty while all is well."""
        return self.fault.sentence if self.fault else ""

    async def changed(self, since: int) -> int:
        """Wait until `version` is beyond `since`; gives the new one."""
        while self.version <= since:
            await self._changed.wait()
        return self.version

    async def run(self) -> None:
        """List and watch until cancelled, whatever happens: failures are kept in `fault` and tried again later."""
        loop = asyncio.get_running_loop()
        delay, expired = _BACKOFF_FROM_S, False
        while True:
            began = loop.time()
            try:
                await self.run_once()
            except errors.Fault as fault:
                if isinstance(fault, errors.Expired) and not expired:
                    expired = True
                    continue
                wish = fault.retry_after_s if isinstance(fault, errors.Overloaded) else None
                await asyncio.sleep(max(wish or 0, random.uniform(delay / 2, delay)))
                delay = min(delay * 2, _BACKOFF_TO_S)
                continue
            delay, expired = _BACKOFF_FROM_S, False
            if loop.time() - began < 1:
                # A server that ends every watch at once would otherwise be asked without pause.
                await asyncio.sleep(random.uniform(0.5, 1))

    async def run_once(self) -> None:
        """One round: list if there is no version to go on from, then watch until the server ends the stream.

        Raises:
            Expired: the version was too old; the next round lists.
            Fault: anything else; kept in `fault` as well.
        """
        try:
            if not self._resource_version or asyncio.get_running_loop().time() - self._listed_at > self._relist_s:
                await self._list()
            await self._watch()
        except errors.Fault as fault:
            # Listing again after any failure confirms the copy at once; a watch would confirm it only at its end.
            self._resource_version = ""
            if not isinstance(fault, errors.Expired):
                self._fail(fault)
            raise

    async def _list(self) -> None:
        listing = await self._api.list(self.resource, namespace=self._namespace, metadata_only=self._metadata_only)
        found: dict[Key, dict[str, Any]] = {}
        for index, item in enumerate(listing.items):
            found[self._key(item)] = self._trim(item)
            if index % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)
        self._resource_version = listing.resource_version
        self._listed_at = asyncio.get_running_loop().time()
        self.exchange = listing.exchange
        self._confirm()
        if found != self.objects or self.version == 0:
            self._replace(found)

    async def _watch(self) -> None:
        stream = self._api.watch(
            self.resource, resource_version=self._resource_version, timeout_s=self._timeout_s, namespace=self._namespace
        )
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                self._resource_version = event.resource_version
                if event.kind == "DELETED":
                    self._replace({k: v for k, v in self.objects.items() if k != self._key(event.object)})
                elif event.kind != "BOOKMARK":
                    self._replace({**self.objects, self._key(event.object): self._trim(event.object)})
                self._confirm()
        self._confirm()

    def _key(self, item: dict[str, Any]) -> Key:
        source = self._api.source
        name = shape.require(source, item, "metadata", "name", kind=str)
        return shape.text(source, item, "metadata", "namespace"), name

    def _confirm(self) -> None:
        self.confirmed_at = datetime.now(UTC)
        if self.fault is not None:
            _log.debug("%s: %s can be read again", self._api.source, self.resource.plural)
            self.fault = None

    def _fail(self, fault: errors.Fault) -> None:
        if self.fault is None or type(self.fault) is not type(fault):
            _log.debug("%s: %s", self.resource.plural, fault.sentence)
        self.fault = fault

    def _replace(self, objects: dict[Key, dict[str, Any]]) -> None:
        self.objects = MappingProxyType(objects)
        self.version += 1
        done, self._changed = self._changed, asyncio.Event()
        done.set()
        if self._on_change is not None:
            self._on_change()
