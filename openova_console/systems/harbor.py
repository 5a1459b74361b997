"""Harbor's replication API, read only (swagger of v2.15 and v2.16, base `/api/v2.0`).

Traps: the success status is "Succeed"; `end_time` is absent or 0001-01-01 while a run is under way; what is false or empty
may be left out (`enabled`); the local side of a policy is a registry with id 0; a list is cut into pages and its length is
in `X-Total-Count`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from openova_console.handbook.harbor import SUCCEED, Policy, Run
from openova_console.settings import BasicEndpoint, Network
from openova_console.systems import shape
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.http import Answer, PasswordFile, client, fetch_json

RUNS = 100
"""The newest runs of a policy that are read: Harbor's largest page."""
_API = "/api/v2.0"


@dataclass(frozen=True, slots=True)
class Replications:
    """The wanted policies that this Harbor has, and the components that are not healthy."""

    unhealthy: tuple[str, ...]
    policies: tuple[Policy, ...]
    exchange: Exchange


class Harbor:
    """One region's Harbor."""

    def __init__(self, endpoint: BasicEndpoint, *, region: str, network: Network, deadline_s: float) -> None:
        self.source = f"{region}'s Harbor"
        self._max_bytes = network.max_body_mib * 2**20
        self._deadline_s = deadline_s
        self._http = client(
            base_url=endpoint.url,
            network=network,
            ca_file=endpoint.ca_file,
            auth=PasswordFile(endpoint.username, endpoint.password_file, self.source),
            source=self.source,
        )

    async def replications(self, wanted: tuple[str, ...]) -> Replications:
        """Health, registries, and the policies of these names with their newest runs.

        Raises:
            Fault: as `http.fetch_json`; `Malformed` with the JSON path.
        """
        health, registries, policies = await asyncio.gather(
            self._get("/health"), self._get("/registries", page_size=RUNS), self._get("/replication/policies", page_size=RUNS)
        )
        state = {
            shape.require(self.source, row, "id", kind=int): shape.text(self.source, row, "status")
            for row in self._rows(registries)
        }
        rows = [row for row in self._rows(policies) if shape.text(self.source, row, "name") in wanted]
        found = await asyncio.gather(*(self._policy(row, state) for row in rows))
        shown = {"health": health.document, "registries": registries.document, "policies": rows}
        shown["executions"] = {policy.name: answer.document[:10] for policy, answer in found}
        calls = [health.exchange, registries.exchange, policies.exchange, *(answer.exchange for _, answer in found)]
        return Replications(
            self._unhealthy(health.document),
            tuple(policy for policy, _ in found),
            exchange(
                "\n".join(c.call for c in calls),
                shown,
                answered_at=min(c.answered_at for c in calls),
                duration_ms=max(c.duration_ms for c in calls),
            ),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _policy(self, row: dict[str, Any], state: Mapping[int, str]) -> tuple[Policy, Answer]:
        policy_id = shape.require(self.source, row, "id", kind=int)
        answer = await self._get("/replication/executions", policy_id=policy_id, sort="-start_time", page_size=RUNS)
        runs = self._runs(answer)
        total = self._total(answer, len(runs))
        whole = next((run for run in runs if run.whole), None)
        if whole is None and total > len(runs):
            asked: dict[str, str | int] = {"policy_id": policy_id, "status": SUCCEED, "sort": "-start_time", "page_size": 10}
            whole = next((run for run in self._runs(await self._get("/replication/executions", **asked)) if run.whole), None)
        direction, registry = self._other_side(row)
        trigger = shape.text(self.source, row, "trigger", "type") or "manual"
        enabled = shape.optional(self.source, row, "enabled", kind=bool) or False
        name = shape.require(self.source, row, "name", kind=str)
        registry_id = shape.optional(self.source, registry, "id", kind=int) or 0
        named = shape.text(self.source, registry, "name") or shape.text(self.source, registry, "url")
        return Policy(name, enabled, trigger, direction, named, state.get(registry_id, ""), runs, whole, total), answer

    def _other_side(self, row: dict[str, Any]) -> tuple[Literal["push", "pull"], dict[str, Any]]:
        destination = shape.optional(self.source, row, "dest_registry", kind=dict) or {}
        if shape.optional(self.source, destination, "id", kind=int):
            return "push", destination
        return "pull", shape.optional(self.source, row, "src_registry", kind=dict) or {}

    def _unhealthy(self, document: Any) -> tuple[str, ...]:
        overall = shape.require(self.source, document, "status", kind=str)
        rows = shape.rows(self.source, document, "components")
        found = [shape.text(self.source, row, "name") for row in rows if shape.text(self.source, row, "status") != "healthy"]
        return tuple(sorted(found)) or (() if overall == "healthy" else (f"in state {overall}",))

    def _runs(self, answer: Answer) -> tuple[Run, ...]:
        runs = [self._run(row) for row in self._rows(answer)]
        return tuple(sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True))

    def _run(self, row: dict[str, Any]) -> Run:
        source = self.source
        started_at = shape.instant(source, row, "start_time")
        if started_at is None:
            raise shape.malformed(source, ("start_time",), "a time and is missing")
        counts = (shape.optional(source, row, n, kind=int) or 0 for n in ("total", "failed", "succeed", "in_progress", "stopped"))
        return Run(
            shape.require(source, row, "id", kind=int),
            shape.require(source, row, "status", kind=str),
            shape.text(source, row, "trigger"),
            started_at,
            shape.instant(source, row, "end_time"),
            *counts,
        )

    def _total(self, answer: Answer, at_least: int) -> int:
        written = answer.headers.get("x-total-count", "")
        return max(at_least, int(written)) if written.isascii() and written.isdigit() and len(written) < 12 else at_least

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        if not isinstance(answer.document, list):
            raise shape.malformed(self.source, (), "a list")
        return shape.rows(self.source, {"items": answer.document}, "items")

    async def _get(self, path: str, **params: str | int) -> Answer:
        return await fetch_json(
            self._http,
            "GET",
            _API + path,
            source=self.source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
            params=params,
        )
