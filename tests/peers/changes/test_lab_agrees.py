"""The lab's API answers the engine's questions and writes as the real API server does: the same exchanges, side by side.

What is compared is what the engine and its people depend on: status, reason, message and details of refusals; the generation and
the version of what was changed.
"""

import json
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from openova_console.lab.clock import Clock
from openova_console.operations.rights import ACTOR
from openova_console.systems import kinds
from tests.lab.running import running
from tests.peers.changes.platform import RegionServers, workload_document
from tests.peers.servers.flux import NAMESPACE as FLUX

SHOP, NAME = "acme-prod", "portal"
DEPLOYMENT = kinds.DEPLOYMENTS.path(SHOP, NAME)
KUSTOMIZATION = kinds.KUSTOMIZATIONS.path(FLUX, "observability")
OWN = kinds.CONFIG_MAPS.path("openova-console")
MERGE, STRICT = "application/merge-patch+json", "?fieldManager=openova-console&fieldValidation=Strict"
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}}
MARKED = {"metadata": {"annotations": {"openova.io/operation": "1" * 32}}}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "head"}, "data": {"seq": "1"}}
_MOVING = (
    (re.compile(r'User "[^"]*"'), 'User "me"'),
    (re.compile(r'Invalid value: "\{.*\}": '), "Invalid value: the whole object: "),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "uid"),
)


@dataclass(frozen=True)
class Case:
    """One exchange. `version`: the resource version that is sent with it."""

    method: str
    path: str
    body: Any = None
    kind: str = MERGE
    version: str = ""


REFUSED: dict[str, Case] = {
    "a stale version": Case("PATCH", DEPLOYMENT + STRICT, RESTART, version="1"),
    "a stale version of a custom resource": Case("PATCH", KUSTOMIZATION + STRICT, {"spec": {"suspend": True}}, version="1"),
    "a stale version beside a change that would be none": Case("PATCH", DEPLOYMENT + STRICT, {}, version="1"),
    "a version that is none": Case("PATCH", DEPLOYMENT + STRICT, RESTART, version="many"),
    "another uid": Case("PATCH", DEPLOYMENT + STRICT, {"metadata": {"uid": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, **RESTART}),
    "an object that is not there": Case("PATCH", DEPLOYMENT + "-gone" + STRICT, RESTART, version="1"),
    "a custom resource that is not there": Case("GET", KUSTOMIZATION + "-gone"),
    "a kind that is not there": Case("GET", "/apis/nothing.example.test/v1/things"),
    "the wrong type of a field": Case("PATCH", DEPLOYMENT + STRICT, {"spec": {"replicas": "many"}}),
    "a value that is refused": Case("PATCH", DEPLOYMENT + STRICT, {"spec": {"replicas": -1}}),
    "plain JSON": Case("PATCH", DEPLOYMENT + STRICT, RESTART, kind="application/json"),
    "a body that is none": Case("PATCH", DEPLOYMENT + STRICT, "nothing"),
    "a strategic patch of a custom resource": Case("PATCH", KUSTOMIZATION, {}, kind="application/strategic-merge-patch+json"),
    "scaling": Case("PATCH", DEPLOYMENT + "/scale", {"spec": {"replicas": 0}}),
    "writing a status": Case("PATCH", KUSTOMIZATION + "/status", {"status": {}}),
    "deleting": Case("DELETE", DEPLOYMENT),
    "deleting all": Case("DELETE", kinds.DEPLOYMENTS.path(SHOP)),
    "listing": Case("GET", kinds.DEPLOYMENTS.path()),
    "reading secrets": Case("GET", "/api/v1/secrets"),
    "a command in a pod": Case("POST", f"/api/v1/namespaces/{SHOP}/pods/any/exec", kind="application/json"),
    "a record in somebody else's namespace": Case("PATCH", kinds.CONFIG_MAPS.path(SHOP, "any") + STRICT, {"data": {}}),
    "making a record twice": Case("POST", OWN + STRICT, MAP, kind="application/json"),
}


class Side:
    """One of the two."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def send(self, case: Case) -> httpx.Response:
        body = case.body
        if case.version:
            body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": case.version}}
        content = None if body is None else json.dumps(body)
        return await self.client.request(case.method, case.path, content=content, headers={"Content-Type": case.kind})

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest_asyncio.fixture
async def sides(region: RegionServers, tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """The real one and the lab's, with the same objects, each as its own account for changes."""
    document = workload_document(NAME)
    region.api.apply(kinds.DEPLOYMENTS, {**document, "metadata": {"name": NAME, "namespace": SHOP}})
    spec = {"interval": "1h", "path": "./", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "none"}}
    region.api.apply(kinds.KUSTOMIZATIONS, {"metadata": {"name": "observability", "namespace": FLUX}, "spec": spec})
    lab = await running(tmp_path / "lab", clock=Clock())
    own = lab.lab.folder.secret("region-1-kubernetes-actor.token")
    headers = {"Authorization": f"Bearer {region.tokens[ACTOR].read_text().strip()}"}
    trust = ssl.create_default_context(cafile=str(region.api.ca_file))
    real = httpx.AsyncClient(base_url=region.api.url, verify=trust, headers=headers, trust_env=False)
    async with real, lab.http("region-1/kubernetes", token=own) as practised:
        yield Side(real), Side(practised)
    await lab.lab.stop()


def told(answer: httpx.Response) -> Any:
    """What an answer says, without what differs from server to server."""
    try:
        body = answer.json()
    except ValueError:
        return answer.status_code, answer.text.strip()
    return answer.status_code, body.get("reason"), _still(body.get("message")), _still(body.get("details"))


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_still(item) for item in value]
    for pattern, word in _MOVING if isinstance(value, str) else ():
        value = pattern.sub(word, value)
    return value


async def test_every_refusal_is_worded_alike(sides: tuple[Side, Side]):
    real, lab = sides
    for side in sides:
        answer = await side.send(Case("POST", OWN + STRICT, MAP, kind="application/json"))
        assert answer.status_code in (201, 409), answer.text
    different = {}
    for name, case in REFUSED.items():
        wanted, found = told(await real.send(case)), told(await lab.send(case))
        assert wanted[0] >= 400, (name, wanted)
        if wanted != found:
            different[name] = {"real": wanted, "lab": found}
    assert not different, json.dumps(different, indent=1)


CHANGES: tuple[tuple[str, Any], ...] = (
    (DEPLOYMENT, MARKED),
    (DEPLOYMENT, RESTART),
    (DEPLOYMENT, RESTART),
    (DEPLOYMENT, {"metadata": {"annotations": {"openova.io/operation": None}}}),
    (KUSTOMIZATION, {"spec": {"suspend": True}}),
    (KUSTOMIZATION, {"spec": {"suspend": True}}),
    (KUSTOMIZATION, {**MARKED, "spec": {"suspend": False}}),
    (KUSTOMIZATION, {"spec": {"suspend": None}}),
)
RECORDS = ({"data": {"seq": "2"}}, {"data": {"seq": "2"}}, {"data": {"seq": None, "seal": "x"}}, {"data": {}})


async def test_a_change_moves_the_generation_alike(sides: tuple[Side, Side]):
    """By how much it rises, and that what was sent is there."""
    for path, patch in CHANGES:
        moved = []
        for side in sides:
            before = (await side.get(path))["metadata"]["generation"]
            answer = await side.send(Case("PATCH", path + STRICT, patch))
            assert answer.status_code == 200, answer.text
            after = answer.json()["metadata"]
            mark = (after.get("annotations") or {}).get("openova.io/operation")
            moved.append((after["generation"] - before, mark, answer.json()["spec"].get("suspend")))
        assert moved[0] == moved[1], (path, patch, moved)


async def test_a_record_that_stays_as_it_was_keeps_its_version_on_both(sides: tuple[Side, Side]):
    for side in sides:
        await side.send(Case("POST", OWN + STRICT, MAP, kind="application/json"))
    for patch in RECORDS:
        moved = []
        for side in sides:
            before = (await side.get(f"{OWN}/head"))["metadata"]["resourceVersion"]
            answer = await side.send(Case("PATCH", f"{OWN}/head{STRICT}", patch, version=before))
            assert answer.status_code == 200, answer.text
            moved.append((answer.json()["metadata"]["resourceVersion"] == before, answer.json().get("data")))
        assert moved[0] == moved[1], (patch, moved)
