"""Whatever a system answers, an adapter raises the `Fault` that fits, with a sentence that names the system."""

import asyncio
import json
import socket

import pytest

from openova_console.settings import HttpEndpoint, KubernetesEndpoint, ValkeyEndpoint
from openova_console.systems import alertmanager, errors, events, kafka_connect, kinds, kubernetes, opencost, prometheus, valkey
from tests.support import misbehaving as support

OK_LIST = {"metadata": {"resourceVersion": "7"}, "items": []}
HTTP_GARBAGE = {
    "html": (support.http_bytes(b"<!DOCTYPE html><p>Sign in"), errors.Malformed, "a web page"),
    "truncated JSON": (support.http_bytes(b'{"status": "succ'), errors.Malformed, "not JSON or is cut short"),
    "empty": (support.http_bytes(b""), errors.Malformed, "an empty answer"),
    "NaN": (support.http_bytes(b'{"a": NaN}'), errors.Malformed, "not JSON"),
    "a list": (support.http_bytes(b"[1, 2]"), errors.Malformed, "should be"),
    "null": (support.http_bytes(b"null"), errors.Malformed, "should be"),
    "wrong types": (support.http_bytes(b'{"status": 3, "items": "x", "gitVersion": []}'), errors.Malformed, "should be"),
    "deep": (support.http_bytes(b"[" * 200_000), errors.Malformed, "not JSON"),
    "not UTF-8": (support.http_bytes(b'{"a": "\xff\xfe"}'), errors.Malformed, "not JSON"),
    "10 MB": (support.http_bytes(b" " * 10_000_000), errors.TooLarge, "more than 1"),
    "compressed": (support.http_bytes(b"{}", extra="Content-Encoding: gzip\r\n"), errors.Malformed, "compressed"),
    "redirect": (
        support.http_bytes(b"", "302 Found", extra="Location: http://127.0.0.1/login\r\n"),
        errors.Malformed,
        "redirect",
    ),
    "short body": (support.http_bytes(b"{}").replace(b"Length: 2", b"Length: 200"), errors.Unreachable, "closed the connection"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", errors.Malformed, "does not speak HTTP"),
    "no answer": (b"", errors.Unreachable, "closed the connection"),
    "401": (support.http_bytes(b"who?", "401 Unauthorized"), errors.Refused, "credentials"),
    "403": (support.http_bytes(b"{}", "403 Forbidden"), errors.Refused, "permission"),
    "404": (support.http_bytes(b"404 page not found", "404 Not Found"), errors.NotInstalled, "not installed"),
    "429": (support.http_bytes(b"{}", "429 Slow", extra="Retry-After: 3\r\n"), errors.Overloaded, "overloaded"),
    "500": (support.http_bytes(b"<h1>stack trace</h1>", "500 Oops"), errors.Failed, "failed by itself"),
    "503": (support.http_bytes(b"\x00\xff", "503 Down"), errors.Overloaded, "overloaded"),
    "418": (support.http_bytes(b"{}", "418 Teapot"), errors.Failed, "refused the question"),
}


async def ask_prometheus(port: int, scheme: str = "http", **kw: object) -> None:
    endpoint = HttpEndpoint(url=f"{scheme}://127.0.0.1:{port}", **kw)
    api = prometheus.connect(endpoint, region="Region 1", network=support.NETWORK)
    try:
        await api.window(["up"], seconds=300)
    finally:
        await api.aclose()


async def kubernetes_api(port: int, scheme: str = "http", **kw: object) -> kubernetes.KubernetesApi:
    endpoint = KubernetesEndpoint(server=f"{scheme}://127.0.0.1:{port}", **kw)
    return await kubernetes.connect(endpoint, region="Region 1", network=support.NETWORK)


async def ask_version(port: int, scheme: str = "http", **kw: object) -> None:
    api = await kubernetes_api(port, scheme, **kw)
    try:
        await api.version()
    finally:
        await api.aclose()


async def ask_list(port: int, scheme: str = "http", **kw: object) -> None:
    api = await kubernetes_api(port, scheme, **kw)
    try:
        await api.list(kinds.NODES)
    finally:
        await api.aclose()


async def ask_events(port: int, scheme: str = "http", **kw: object) -> None:
    api = await kubernetes_api(port, scheme, **kw)
    try:
        await events.events(api, "shop", "Canary", "web")
    finally:
        await api.aclose()


async def ask_get(port: int, scheme: str = "http", **kw: object) -> None:
    api = await kubernetes_api(port, scheme, **kw)
    try:
        await api.get(kinds.LEASES, "kube-system", "x")
    finally:
        await api.aclose()


async def ask_connect(port: int, scheme: str = "http", **kw: object) -> None:
    endpoint = HttpEndpoint(url=f"{scheme}://127.0.0.1:{port}", **kw)
    api = kafka_connect.connect(endpoint, region="Region 1", network=support.NETWORK)
    try:
        await api.statuses()
    finally:
        await api.aclose()


async def ask_opencost(port: int, scheme: str = "http", **kw: object) -> None:
    endpoint = HttpEndpoint(url=f"{scheme}://127.0.0.1:{port}", **kw)
    api = opencost.connect(endpoint, region="Region 1", network=support.NETWORK, deadline_s=0.6)
    try:
        await api.cost("month")
    finally:
        await api.aclose()


async def ask_alertmanager(port: int, scheme: str = "http", **kw: object) -> None:
    endpoint = HttpEndpoint(url=f"{scheme}://127.0.0.1:{port}", **kw)
    source = "Region 1's Alertmanager"
    api = alertmanager.connect(endpoint, source=source, network=support.NETWORK, severity_label="severity")
    try:
        await api.alerts()
    finally:
        await api.aclose()


HTTP_ADAPTERS = {
    "connect": ask_connect,
    "prometheus": ask_prometheus,
    "version": ask_version,
    "list": ask_list,
    "events": ask_events,
    "get": ask_get,
    "opencost": ask_opencost,
    "alertmanager": ask_alertmanager,
}


@pytest.fixture(params=HTTP_ADAPTERS)
def ask(request):
    return HTTP_ADAPTERS[request.param]


@pytest.mark.parametrize("case", HTTP_GARBAGE)
async def test_garbage_over_http(ask, case):
    raw, wanted, words = HTTP_GARBAGE[case]
    async with support.tcp(support.answering(raw)) as port:
        with pytest.raises(wanted) as caught:
            await ask(port)
    assert caught.value.sentence.startswith("Region 1's ")
    assert words in caught.value.sentence
    assert "stack trace" not in caught.value.sentence and "Sign in" not in caught.value.sentence


async def test_overload_keeps_the_servers_own_wish(ask):
    async with support.tcp(support.answering(HTTP_GARBAGE["429"][0])) as port:
        with pytest.raises(errors.Overloaded) as caught:
            await ask(port)
    assert caught.value.retry_after_s == 3


async def test_silence_is_a_time_out(ask):
    async with support.tcp(support.silent) as port:
        with pytest.raises(errors.TimedOut):
            await ask(port)


async def test_a_slow_drip_ends_at_the_deadline(ask):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with support.tcp(support.dripping(head, b"1\r\n \r\n")) as port:
        began = asyncio.get_running_loop().time()
        with pytest.raises(errors.TimedOut, match=r"did not answer within 0\.6 s"):
            await ask(port)
    assert asyncio.get_running_loop().time() - began < 2


async def test_a_reset_is_unreachable(ask):
    async with support.tcp(support.resetting) as port:
        with pytest.raises(errors.Unreachable, match="closed the connection"):
            await ask(port)


async def test_a_closed_port_is_unreachable(ask):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(errors.Unreachable, match="nothing listens there"):
            await ask(held.getsockname()[1])


async def test_an_unknown_authority_is_a_tls_failure(ask, tmp_path):
    identity = support.identity(tmp_path)
    async with support.tcp(support.answering(support.http_bytes(b"{}")), identity.server) as port:
        with pytest.raises(errors.TlsFailed, match="certificate that is not accepted: self-signed"):
            await ask(port, "https")


async def test_an_expired_certificate_is_a_tls_failure(ask, tmp_path):
    identity = support.identity(tmp_path, expired=True)
    async with support.tcp(support.answering(support.http_bytes(b"{}")), identity.server) as port:
        with pytest.raises(errors.TlsFailed, match="certificate has expired"):
            await ask(port, "https", ca_file=identity.ca_file)


async def test_plain_http_where_tls_is_expected(ask):
    async with support.tcp(support.speaking_first(support.http_bytes(b"{}"))) as port:
        with pytest.raises(errors.TlsFailed, match="does not speak TLS"):
            await ask(port, "https")


async def test_an_unusable_ca_file_is_said_before_anything_is_asked(ask, tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(errors.Misconfigured, match="certificate authority file"):
        await ask(1, "https", ca_file=tmp_path / "ca.pem")


async def test_a_missing_token_file_is_said_before_anything_is_asked(ask, tmp_path):
    async with support.tcp(support.answering(support.http_bytes(b"{}"))) as port:
        with pytest.raises(errors.Misconfigured, match=r"token file .* cannot be read"):
            await ask(port, token_file=tmp_path / "gone")


async def test_a_watch_meets_the_same_garbage():
    for case, (raw, wanted, _) in HTTP_GARBAGE.items():
        if case in ("empty", "compressed"):
            continue
        async with support.tcp(support.answering(raw)) as port:
            api = await kubernetes_api(port)
            with pytest.raises((wanted, errors.Fault)) as caught:
                async for _event in api.watch(kinds.NODES, resource_version="1", timeout_s=1):
                    pass
            assert caught.value.sentence.startswith("Region 1's "), case
            await api.aclose()


VALKEY_GARBAGE = {
    "html": (b"HTTP/1.1 400 Bad Request\r\n\r\n", errors.Malformed, "does not speak the Valkey protocol"),
    "no text": (b":5\r\n", errors.Malformed, "gave no text"),
    "nothing": (b"$-1\r\n", errors.Malformed, "gave no text"),
    "an array": (b"*1\r\n$1\r\nx\r\n", errors.Malformed, "gave no text"),
    "empty": (b"$0\r\n\r\n", errors.Malformed, "role should be there"),
    "not the fields": (b"$5\r\nab:cd\r\n", errors.Malformed, "role should be there"),
    "truncated": (b"$500\r\nrole:master", errors.Unreachable, "closed the connection"),
    "bad length": (b"$abc\r\n", errors.Malformed, "does not speak"),
    "huge": (b"$10000000\r\n" + b"x" * 10_000_000 + b"\r\n", errors.Malformed, "does not speak"),
    "endless line": (b"+" + b"x" * 200_000, errors.Malformed, "does not speak"),
    "wrong password": (b"-WRONGPASS invalid username-password pair\r\n", errors.Refused, "account"),
    "no password": (b"-NOAUTH Authentication required.\r\n", errors.Refused, "account"),
    "no permission": (b"-NOPERM no permissions to run the 'info' command\r\n", errors.Refused, "account"),
    "loading": (b"-LOADING Redis is loading the dataset in memory\r\n", errors.Overloaded, "loading"),
    "error": (b"-ERR something <b>odd</b>\r\n", errors.Failed, "refused the question"),
    "no answer": (b"", errors.Unreachable, "closed the connection"),
}


@pytest.mark.parametrize("case", VALKEY_GARBAGE)
async def test_garbage_from_valkey(case):
    raw, wanted, words = VALKEY_GARBAGE[case]

    async def handle(reader, writer):
        await reader.readuntil(b"replication\r\n")
        writer.write(raw)
        await writer.drain()

    async with support.tcp(handle) as port:
        with pytest.raises(wanted) as caught:
            await ask_valkey(port)
    assert caught.value.sentence.startswith("Region 1's Valkey ")
    assert words in caught.value.sentence
    assert "odd" not in caught.value.sentence


async def ask_valkey(port: int, **kw: object) -> valkey.ReplicationInfo:
    return await valkey.replication(ValkeyEndpoint(host="127.0.0.1", port=port, **kw), region="Region 1", network=support.NETWORK)


async def test_valkey_that_hangs_drips_resets_or_is_gone(tmp_path):
    for handler, wanted in ((support.silent, errors.TimedOut), (support.dripping(b"$99\r\n"), errors.TimedOut)):
        async with support.tcp(handler) as port:
            with pytest.raises(wanted):
                await ask_valkey(port)
    async with support.tcp(support.resetting) as port:
        with pytest.raises(errors.Unreachable, match="closed the connection"):
            await ask_valkey(port)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(errors.Unreachable, match="nothing listens there"):
            await ask_valkey(held.getsockname()[1])
    async with support.tcp(support.silent, support.identity(tmp_path).server) as port:
        with pytest.raises(errors.TlsFailed, match="self-signed"):
            await ask_valkey(port, tls=True)
    async with support.tcp(support.speaking_first(b"+OK\r\n")) as port:
        with pytest.raises(errors.TlsFailed, match="does not speak TLS"):
            await ask_valkey(port, tls=True)


async def test_a_large_answer_does_not_hold_the_event_loop():
    rows = [{"metadata": {"name": f"n{i}", "labels": {f"k{j}": "v" * 20 for j in range(30)}}} for i in range(8400)]
    body = json.dumps({**OK_LIST, "items": rows}).encode()
    assert len(body) > 8_000_000
    network = support.NETWORK.model_copy(update={"max_body_mib": 64, "read_timeout_s": 20})
    async with support.tcp(support.answering(support.http_bytes(body))) as port:
        api = await kubernetes.connect(KubernetesEndpoint(server=f"http://127.0.0.1:{port}"), region="Region 1", network=network)
        stalls: list[float] = []
        watcher = asyncio.create_task(_stalls(stalls))
        began = asyncio.get_running_loop().time()
        listing = await api.list(kinds.NODES)
        took = asyncio.get_running_loop().time() - began
        watcher.cancel()
        await api.aclose()
    assert len(listing.items) == 8400
    # Held for the whole of decoding it would be most of the time; a busy machine stretches both alike.
    assert max(stalls) < took / 2


async def _stalls(found: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(0.005)
        found.append(loop.time() - began - 0.005)
