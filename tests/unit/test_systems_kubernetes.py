"""The Kubernetes adapter against captured answers, and the mirror that lives on it."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest

from openova_console.settings import KubernetesEndpoint
from openova_console.systems import errors, kinds, kubernetes
from openova_console.systems.permit import Permit
from openova_console.watch.mirror import Mirror
from tests.support import misbehaving as support

EXPIRED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "too old resource version: 5 (708)",
    "reason": "Expired",
    "code": 410,
}
STALE = {
    "kind": "Status",
    "status": "Failure",
    "message": 'Operation cannot be fulfilled on deployments.apps "hello": the object has been modified',
    "reason": "Conflict",
    "details": {"name": "hello", "group": "apps", "kind": "deployments"},
    "code": 409,
}
NOT_FOUND = {"kind": "Status", "reason": "NotFound", "details": {"name": "hellox", "kind": "deployments"}, "code": 404}
PERMIT = Permit("abc", 2, 3)


def node(name: str, version: str) -> dict:
    return {"metadata": {"name": name, "resourceVersion": version, "managedFields": [{}], "annotations": {"a": "b"}}}


def page(version: str, *items: dict, token: str = "") -> httpx.Response:
    return httpx.Response(200, json={"metadata": {"resourceVersion": version, "continue": token}, "items": list(items)})


def stream(*events: dict) -> httpx.Response:
    return httpx.Response(200, content=b"".join(json.dumps(e).encode() + b"\n" for e in events))


class Script:
    """Answers in turn, and remembers what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0)

    def api(self) -> kubernetes.KubernetesApi:
        http = httpx.AsyncClient(base_url="https://r1.test:6443", transport=httpx.MockTransport(self))
        return kubernetes.KubernetesApi(http, region="Region 1", max_bytes=1 << 20, deadline_s=2)


async def test_version():
    found = await Script(httpx.Response(200, json={"gitVersion": "v1.34.2"})).api().version()
    assert found.git_version == "v1.34.2"
    assert found.exchange.call == "GET https://r1.test:6443/version"


async def test_a_list_is_read_in_pages_and_keeps_its_version():
    script = Script(page("7", node("a", "1"), token="next"), page("7", node("b", "2")))
    found = await script.api().list(kinds.NODES, page=1)
    assert [i["metadata"]["name"] for i in found.items] == ["a", "b"]
    assert found.resource_version == "7"
    assert [dict(r.url.params) for r in script.asked] == [{"limit": "1"}, {"limit": "1", "continue": "next"}]


async def test_pages_that_expire_half_way_are_read_once_more():
    gone = httpx.Response(410, json=EXPIRED)
    script = Script(page("7", node("a", "1"), token="x"), gone, page("9", node("b", "2")))
    found = await script.api().list(kinds.NODES)
    assert [i["metadata"]["name"] for i in found.items] == ["b"]
    with pytest.raises(errors.Expired):
        await Script(gone, gone).api().list(kinds.NODES)


async def test_metadata_only_asks_for_no_more():
    script = Script(page("7"))
    await script.api().list(kinds.PODS, namespace="shop", metadata_only=True)
    assert script.asked[0].headers["accept"].startswith("application/json;as=PartialObjectMetadataList")
    assert script.asked[0].url.path == "/api/v1/namespaces/shop/pods"


async def test_addresses_cannot_be_left_by_a_name():
    assert kinds.LEASES.path("a/b", "../c") == "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases/..%2Fc"
    assert kinds.NODES.path("ignored", "n1") == "/api/v1/nodes/n1"


async def test_one_object_that_is_not_there_differs_from_a_group_that_is_not():
    with pytest.raises(errors.Absent):
        await Script(httpx.Response(404, json=NOT_FOUND)).api().get(kinds.LEASES, "x", "hellox")
    with pytest.raises(errors.NotInstalled):
        await Script(httpx.Response(404, text="404 page not found\n")).api().list(kinds.GSLBS)


async def test_a_change_carries_its_precondition_and_a_stale_one_is_a_conflict():
    script = Script(httpx.Response(200, json=node("a", "9")), httpx.Response(409, json=STALE))
    api = script.api()
    changed = await api.merge_patch(
        kinds.CNPG_CLUSTERS,
        "db",
        "pg",
        {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}},
        resource_version="8",
        permit=PERMIT,
    )
    assert changed.resource_version == "9"
    sent = json.loads(script.asked[0].content)
    assert sent == {"metadata": {"labels": {"a": "b"}, "resourceVersion": "8"}, "spec": {"x": 1}}
    assert script.asked[0].headers["content-type"] == "application/merge-patch+json"
    assert script.asked[0].url.params["fieldManager"] == "openova-console"
    assert script.asked[0].headers["user-agent"] == "openova-console operation=abc step=2 fence=3"
    with pytest.raises(errors.Conflict) as caught:
        await api.merge_patch(kinds.CNPG_CLUSTERS, "db", "pg", {}, resource_version="8", permit=PERMIT)
    assert caught.value.reason == "Conflict"
    with pytest.raises(ValueError, match="resource version"):
        await api.merge_patch(kinds.CNPG_CLUSTERS, "db", "pg", {}, resource_version="", permit=PERMIT)


async def watched(response: httpx.Response) -> list[kubernetes.WatchEvent]:
    api = Script(response).api()
    return [event async for event in api.watch(kinds.NODES, resource_version="5", timeout_s=1)]


async def test_a_watch_gives_changes_and_bookmarks_and_ends_quietly():
    bookmark = {"type": "BOOKMARK", "object": {"kind": "Node", "metadata": {"resourceVersion": "736"}, "spec": {}}}
    events = await watched(stream({"type": "ADDED", "object": node("a", "6")}, bookmark))
    assert [(e.kind, e.resource_version) for e in events] == [("ADDED", "6"), ("BOOKMARK", "736")]
    assert await watched(stream()) == []


async def test_an_expired_version_comes_out_of_the_stream():
    with pytest.raises(errors.Expired):
        await watched(stream({"type": "ERROR", "object": EXPIRED}))
    with pytest.raises(errors.Failed):
        await watched(stream({"type": "ERROR", "object": {"code": "no number"}} | {"object": {"code": 7}}))


async def test_odd_events_are_malformed():
    for event in (
        {"type": "EXPLODED", "object": node("a", "1")},
        {"type": "ADDED"},
        {"type": "ADDED", "object": {"metadata": {}}},
    ):
        with pytest.raises(errors.Malformed):
            await watched(stream(event))


def chunked(*pieces: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)


async def served(handler) -> tuple[list[str], Exception | None]:
    found: list[str] = []
    async with support.tcp(handler) as port:
        endpoint = KubernetesEndpoint(server=f"http://127.0.0.1:{port}")
        api = await kubernetes.connect(endpoint, region="Region 1", network=support.NETWORK)
        try:
            async for event in api.watch(kinds.NODES, resource_version="5", timeout_s=1):
                found.append(event.object["metadata"]["name"])
        except errors.Fault as fault:
            return found, fault
        finally:
            await api.aclose()
    return found, None


async def test_lines_are_put_together_however_they_arrive():
    body = b"".join(json.dumps({"type": "ADDED", "object": node(n, "6")}).encode() + b"\n" for n in ("a", "b", "ü"))
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    found, fault = await served(support.answering(chunked(*pieces) + b"0\r\n\r\n"))
    assert (found, fault) == (["a", "b", "ü"], None)


async def test_a_stream_that_breaks_is_unreachable_and_keeps_what_came():
    whole = json.dumps({"type": "ADDED", "object": node("a", "6")}).encode() + b"\n"
    found, fault = await served(support.answering(chunked(whole)))
    assert found == ["a"] and type(fault) is errors.Unreachable
    found, fault = await served(support.answering(chunked(whole, b'{"type":') + b"0\r\n\r\n"))
    assert found == ["a"] and "in the middle of a change" in fault.sentence
    _, fault = await served(support.answering(chunked(b"x" * 2_000_000)))
    assert type(fault) is errors.TooLarge


async def test_a_silent_watch_is_noticed(monkeypatch):
    monkeypatch.setattr(kubernetes, "_STALL_AFTER_S", -0.8)

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(chunked())
        await asyncio.Event().wait()

    _, fault = await served(handle)
    assert type(fault) is errors.TimedOut
    assert fault.sentence == "Region 1's Kubernetes API has been silent for 0.2 s"


async def test_a_mirror_lists_watches_and_follows():
    before = datetime.now(UTC)
    script = Script(
        page("5", node("a", "1"), node("b", "2")),
        stream(
            {"type": "ADDED", "object": node("c", "6")},
            {"type": "DELETED", "object": node("a", "7")},
            {"type": "MODIFIED", "object": node("b", "8")},
        ),
        stream(),
    )
    told: list[int] = []
    mirror = Mirror(script.api(), kinds.NODES, on_change=lambda: told.append(mirror.version))
    assert (mirror.confirmed_at, mirror.version) == (None, 0)
    await mirror.run_once()
    assert set(mirror.objects) == {("", "b"), ("", "c")}
    assert mirror.objects["", "b"]["metadata"] == {"name": "b", "resourceVersion": "8"}
    assert mirror.confirmed_at >= before
    assert told == [1, 2, 3, 4]
    await mirror.run_once()
    assert script.asked[-1].url.params["resourceVersion"] == "8"
    assert await mirror.changed(3) == 4


async def test_a_mirror_lists_again_when_its_version_has_expired():
    script = Script(page("5", node("a", "1")), stream({"type": "ERROR", "object": EXPIRED}), page("9", node("z", "9")), stream())
    mirror = Mirror(script.api(), kinds.NODES)
    with pytest.raises(errors.Expired):
        await mirror.run_once()
    assert mirror.error == ""
    await mirror.run_once()
    assert set(mirror.objects) == {("", "z")}


async def test_a_mirror_keeps_its_copy_and_says_why_it_grows_old():
    script = Script(page("5", node("a", "1")), httpx.Response(403, json={}), page("5", node("a", "1")), stream())
    mirror = Mirror(script.api(), kinds.NODES)
    with pytest.raises(errors.Refused):
        await mirror.run_once()
    assert set(mirror.objects) == {("", "a")}
    assert mirror.error.startswith("Region 1's Kubernetes API does not allow")
    grown = mirror.confirmed_at
    await mirror.run_once()
    assert mirror.error == "" and mirror.confirmed_at > grown
    assert mirror.version == 1


async def test_a_running_mirror_survives_garbage_and_recovers(monkeypatch):
    monkeypatch.setattr("openova_console.watch.mirror._BACKOFF_FROM_S", 0.01)
    script = Script(
        httpx.Response(200, text="<html>"),
        httpx.Response(503, json={}),
        page("5", node("a", "1")),
        stream({"type": "ERROR", "object": EXPIRED}),
        page("6", node("b", "1")),
    )
    mirror = Mirror(script.api(), kinds.NODES, timeout_s=1)
    task = asyncio.create_task(mirror.run())
    try:
        async with asyncio.timeout(5):
            while ("", "b") not in mirror.objects:
                await mirror.changed(mirror.version)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert set(mirror.objects) == {("", "b")}


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: good
contexts:
- {{name: good, context: {{cluster: c, user: u}}}}
- {{name: blind, context: {{cluster: blind, user: u}}}}
clusters:
- {{name: c, cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: "{ca}"}}}}
- {{name: blind, cluster: {{server: "https://127.0.0.1:{port}", insecure-skip-tls-verify: true}}}}
users:
- {{name: u, user: {{token: from-kubeconfig}}}}
"""


async def test_a_kubeconfig_gives_address_authority_and_token(tmp_path):
    identity = support.identity(tmp_path)
    seen: list[bytes] = []

    async def handle(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(support.http_bytes(b'{"gitVersion": "v1.34.2"}'))

    config = tmp_path / "config"
    async with support.tcp(handle, identity.server) as port:
        config.write_text(KUBECONFIG.format(port=port, ca=identity.ca_file))
        api = await kubernetes.connect(KubernetesEndpoint(kubeconfig=config), region="Region 1", network=support.NETWORK)
        assert (await api.version()).git_version == "v1.34.2"
        await api.aclose()
    assert b"Authorization: Bearer from-kubeconfig\r\n" in seen[0]


@pytest.mark.parametrize(
    ("text", "context", "words"),
    [
        (None, None, "cannot be used"),
        ("- not\n- a config", None, "cannot be used"),
        ("{{{", None, "cannot be used"),
        (KUBECONFIG.format(port=1, ca="/nowhere"), "unknown", "with the context unknown cannot be used"),
        (KUBECONFIG.format(port=1, ca="/nowhere"), "blind", "not to verify"),
        (KUBECONFIG.format(port=1, ca="/nowhere"), None, "cannot be used"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_said_in_one_sentence(tmp_path, text, context, words):
    config = tmp_path / "config"
    if text is not None:
        config.write_text(text)
    with pytest.raises(errors.Misconfigured, match=words):
        await kubernetes.connect(
            KubernetesEndpoint(kubeconfig=config, context=context), region="Region 1", network=support.NETWORK
        )


async def test_outside_a_pod_there_is_no_account(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(errors.Misconfigured, match="the pod's own account cannot be used"):
        await kubernetes.connect(KubernetesEndpoint(in_cluster=True), region="Region 1", network=support.NETWORK)


async def test_in_a_pod_its_own_account_is_used(tmp_path, monkeypatch):
    identity = support.identity(tmp_path)
    seen: list[bytes] = []

    async def handle(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(support.http_bytes(b'{"gitVersion": "v1.34.2"}'))

    (tmp_path / "token").write_text("of-the-pod")
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_CERT_FILENAME", str(identity.ca_file))
    async with support.tcp(handle, identity.server) as port:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
        api = await kubernetes.connect(KubernetesEndpoint(in_cluster=True), region="Region 1", network=support.NETWORK)
        await api.version()
        await api.aclose()
    assert b"authorization: bearer of-the-pod\r\n" in seen[0].replace(b"Authorization", b"authorization")
