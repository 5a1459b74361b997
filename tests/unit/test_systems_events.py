"""Events of one object: the captured body, the newer form, and what is not an event."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from openova_console.systems import errors
from openova_console.systems.events import events
from openova_console.systems.kubernetes import KubernetesApi

CAPTURED = json.loads((Path(__file__).parents[1] / "support" / "captured" / "flagger-event.json").read_text())


class Server:
    """Answers with these events and remembers the question."""

    def __init__(self, *items: dict) -> None:
        self.items = items
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, json={"metadata": {"resourceVersion": "7"}, "items": list(self.items)})

    def api(self) -> KubernetesApi:
        http = httpx.AsyncClient(base_url="https://r1.test:6443", transport=httpx.MockTransport(self))
        return KubernetesApi(http, region="Region 1", max_bytes=1 << 20, deadline_s=2)


async def test_the_captured_event():
    server = Server(CAPTURED)
    (found,) = await events(server.api(), "shop", "Canary", "web")
    assert server.asked[0].url.path == "/api/v1/namespaces/shop/events"
    assert server.asked[0].url.params["fieldSelector"] == "involvedObject.name=web,involvedObject.kind=Canary"
    assert (found.warning, found.reason, found.component, found.count) == (False, "Synced", "flagger", 5)
    assert found.message == "(combined from similar events): Confirm-rollout check gate-rollout passed"
    assert found.first_seen == datetime(2026, 11, 23, 7, 56, 15, tzinfo=UTC)
    assert found.last_seen == datetime(2026, 11, 23, 7, 57, 15, tzinfo=UTC)


async def test_the_newer_form_and_the_newest_first():
    newer = {
        "eventTime": "2026-11-23T08:00:00.123456Z",
        "firstTimestamp": None,
        "lastTimestamp": None,
        "series": {"count": 9, "lastObservedTime": "2026-11-23T09:00:00.000000Z"},
        "reportingComponent": "kubelet",
        "type": "Warning",
        "message": "pulled with token=s3cr3t-value",
    }
    silent = {"type": "Odd", "message": "x" * 900}
    found = await events(Server(CAPTURED, silent, newer).api(), "", "Node", "n1")
    assert [event.count for event in found] == [9, 5, 1]
    assert (found[0].component, found[0].last_seen) == ("kubelet", datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert "s3cr3t" not in found[0].message
    assert (found[2].warning, found[2].last_seen, len(found[2].message)) == (True, None, 498)


async def test_a_cluster_scoped_objects_events_lie_in_default_and_a_name_cannot_leave_the_selector():
    server = Server()
    assert await events(server.api(), "", "Node", "a,type=Normal\\") == ()
    assert server.asked[0].url.path == "/api/v1/namespaces/default/events"
    wanted = "involvedObject.name=a\\,type\\=Normal\\\\,involvedObject.kind=Node"
    assert server.asked[0].url.params["fieldSelector"] == wanted


async def test_without_a_kind_every_kind_of_that_name_is_meant():
    server = Server(CAPTURED)
    assert len(await events(server.api(), "shop", "", "web")) == 1
    assert server.asked[0].url.params["fieldSelector"] == "involvedObject.name=web"


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"type": 3}, "type"),
        ({"count": "five"}, "count"),
        ({"source": "flagger"}, "source"),
        ({"lastTimestamp": "yesterday"}, "lastTimestamp"),
        ({"series": {"lastObservedTime": 5}}, "series.lastObservedTime"),
    ],
)
async def test_what_is_no_event_is_named(broken: dict, path: str):
    with pytest.raises(errors.Malformed) as caught:
        await events(Server({**CAPTURED, **broken}).api(), "shop", "Canary", "web")
    assert caught.value.path == path
    assert caught.value.sentence.startswith("Region 1's Kubernetes API")
