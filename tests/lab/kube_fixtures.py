"""A lab API server on a free port of loopback, and how its answers are held against captured ones."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from aiohttp import web

from openova_console.lab.kube.rbac import Account, administrator, console_actor, console_reader, viewer
from openova_console.lab.kube.server import application
from openova_console.lab.kube.store import ObjectStore

SAMPLES = Path(__file__).parent / "samples" / "kubernetes"
MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
HELLO = f"{DEPLOYMENTS}/hello"
CANARIES = "/apis/flagger.app/v1beta1/namespaces/default/canaries"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "hello"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "hello"}},
        "template": {
            "metadata": {"labels": {"app": "hello"}},
            "spec": {"containers": [{"name": "app", "image": "registry.example/hello:1.0.0"}]},
        },
    },
}
CANARY = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "hello"},
    "spec": {
        "analysis": {"interval": "10s", "maxWeight": 50, "stepWeight": 10, "threshold": 1},
        "service": {"port": 80},
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello"},
    },
}


class Clock:
    """The lab's time, moved by the test."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Lab:
    """A running lab API: the store behind it, clients by account, and the application's hooks."""

    app: web.Application
    store: ObjectStore
    clock: Clock
    base: str
    clients: dict[str, httpx.AsyncClient]

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.clients["admin"]

    def client(self, token: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.base, headers=headers, trust_env=False, timeout=10)

    async def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def start(store: ObjectStore, clock: Clock, **options: Any) -> tuple[web.AppRunner, Lab]:
    """Serve a store on a free port of loopback."""
    accounts: dict[str, Account] = {
        "admin": administrator(),
        "reader": console_reader(),
        "actor": console_actor(),
        "viewer": viewer(),
    }
    app = application(store=store, tokens={f"{name}-token": a for name, a in accounts.items()}, now=clock, **options)
    runner = web.AppRunner(app, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    lab = Lab(app, store, clock, f"http://127.0.0.1:{runner.addresses[0][1]}", {})
    for name in accounts:
        lab.clients[name] = lab.client(f"{name}-token")
    lab.clients["stranger"], lab.clients["anonymous"] = lab.client("no-such-token"), lab.client(None)
    return runner, lab


async def stop(runner: web.AppRunner, lab: Lab) -> None:
    """End the server and its clients."""
    for client in lab.clients.values():
        await client.aclose()
    await runner.cleanup()


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[Lab]:
    """A lab with the namespaces default and shop, bookmarks every 0.2 s."""
    clock = Clock()
    store = ObjectStore(now=clock, seed=7, history=200)
    for name in ("default", "shop"):
        store.create("namespaces", {"metadata": {"name": name}})
    runner, running = await start(store, clock, bookmark_s=0.2)
    yield running
    await stop(runner, running)


def sample(name: str) -> Any:
    """A captured exchange."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def plain(value: Any) -> Any:
    """A body without what differs from run to run: uids, revisions, tokens, dates."""
    if isinstance(value, dict):
        changing = ("uid", "resourceVersion", "creationTimestamp", "continue")
        return {key: "*" if key in changing else plain(item) for key, item in value.items() if key != "managedFields"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        value = _UID.sub("<uid>", value)
        return re.sub(r"(precondition|record|version:) \(?\d+\)?|current: \d+|\(\d+\)", "<revision>", value)
    return value


def shape(value: Any) -> Any:
    """Keys and types of a value; a list is as its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__
