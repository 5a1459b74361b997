"""The API as callers reach it: through the real gate with a session's cookie, or as a machine that a gate has let in."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from openova_console.access import sessions
from openova_console.access.caller import Caller
from openova_console.access.identity import WhoCache
from openova_console.access.roles import Role
from openova_console.api import rest
from openova_console.api.health import Readiness
from openova_console.api.rest.follow import Bells
from openova_console.api.routes import wrap
from openova_console.notify.carrier import Carrier
from openova_console.operations.deliveries import Deliveries
from openova_console.settings import Settings
from openova_console.settings.api import ApiSettings
from openova_console.store.change_tables import OperationRow
from openova_console.store.tables import User
from tests.support.consoles import Answer, call
from tests.support.engines import REASON, RESTART, Bench

PLENTY = ApiSettings(reads_per_s=1000, reads_burst=10_000, writes_per_s=1000, writes_burst=10_000)
V1 = "/api/v1"
ROLES = {
    "viewer": Role.VIEWER,
    "operator": Role.OPERATOR,
    "approver": Role.APPROVER,
    "officer": Role.SECURITY_OFFICER,
    "admin": Role.ADMIN,
}
SCOPES = {"reader": frozenset({"read"}), "asker": frozenset({"request:restart-workload"})}
NOBODY = "nobody"


async def _elsewhere(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(f"{scope['path']} was handed on to the pages")


def _staying(app: Any) -> Any:
    """The application with a caller that stays on the line after its request; `call` alone hangs up at once."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        given = False

        async def staying() -> Any:
            nonlocal given
            if given:
                await asyncio.Event().wait()
            given = True
            return await receive()

        await app(scope, staying, send)

    return inside


@dataclass
class Said:
    """An answer with its JSON read."""

    answer: Answer
    status: int = field(init=False)
    json: Any = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.answer.status
        kind = self.answer.header("content-type") or ""
        self.json = json.loads(self.answer.body) if "json" in kind and "ndjson" not in kind else None

    @property
    def code(self) -> str:
        """The word of a problem; "" for a success."""
        if self.status < 400:
            return ""
        assert self.answer.header("content-type") == "application/problem+json", self.answer.body
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:openova:problem:")


class Api:
    """The whole way in, around the engine of a bench."""

    def __init__(self, bench: Bench, *, limits: ApiSettings = PLENTY, clock: Callable[[], float] | None = None) -> None:
        self.bench = bench
        settings: Settings = bench.settings.model_copy(update={"api": limits})
        more = {"clock": clock} if clock else {}
        self.carrier = Carrier(settings, bench.database, now=bench.now)
        deliveries = Deliveries(settings, bench.database, self.carrier, now=bench.now)
        mounts = rest.routes(bench.engine, bench.database, settings, deliveries, **more)
        who = WhoCache(bench.database, settings.console)
        self.app = wrap(_elsewhere, settings=settings, engine=bench.database, who=who, readiness=Readiness(), more=mounts)
        self.api: FastAPI = mounts[0].app._app
        self.bells: Bells = self.api.state.bells
        self._behind = Starlette(routes=mounts)
        self._tokens: dict[str, str] = {}
        self._asked = 0

    def token(self, name: str) -> str:
        """A session's token for a person; the person is made when there is none."""
        if name not in self._tokens:
            caller = self.bench.person(name, ROLES.get(name, Role.OPERATOR))
            with self.bench.write() as opened:
                user = opened.get(User, caller.user_id)
                assert user is not None
                self._tokens[name], _ = sessions.create(
                    session=opened,
                    user=user,
                    settings=self.bench.settings.console,
                    address="",
                    user_agent="",
                    now=self.bench.now(),
                )
        return self._tokens[name]

    async def say(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str = "operator",
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> Said:
        """One request by a person, by a machine of `SCOPES`, or by nobody."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"host": "localhost", **({"content-type": "application/json"} if raw else {}), **(headers or {})}
        if by in SCOPES:
            found = await call(_staying(self._as(by)), V1 + path, method=method, headers=sent, body=raw, query=query)
        else:
            if by != NOBODY:
                sent |= {"cookie": f"openova={self.token(by)}", "origin": "http://localhost"}
            found = await call(_staying(self.app), V1 + path, method=method, headers=sent, body=raw, query=query)
        return Said(found)

    def _as(self, name: str) -> Any:
        owner = self.bench.person("operator")
        machine = Caller("machine", name, owner.user_id, Role.OPERATOR, scopes=SCOPES[name], owner=owner.name)

        async def behind(scope: Any, receive: Any, send: Any) -> None:
            await self._behind({**scope, "openova.caller": machine}, receive, send)

        return behind

    async def request(self, key: str = "k1", *, by: str = "operator", **more: Any) -> Said:
        """Ask for a restart."""
        body = {"kind": "restart-workload", "params": RESTART, "reason": REASON, **more}
        return await self.say("POST", "/operations", body, by=by, headers={"idempotency-key": key})

    async def pending(self, workload: str = "portal") -> OperationRow:
        """A restart that waits for approval, asked for by olga."""
        self._asked += 1
        return await self.bench.ask(params={**RESTART, "name": workload}, key=f"pending {self._asked}")
