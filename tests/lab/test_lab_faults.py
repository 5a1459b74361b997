"""Refuse, freeze, slow and every kind of garbage, on HTTP, RESP and DNS, met with ordinary client libraries."""

import asyncio
import json
import socket
import ssl
import time
from pathlib import Path

import dns.exception
import httpx
import pytest
import redis.exceptions

from openova_console.lab.faults import Fault, FaultError, Faults
from openova_console.lab.garbage import wrong_types
from tests.lab.running import HOST, R1, R2, START, Running, running

QUERY = {"query": "up[20s]"}


async def fault(here: Running, endpoint: str, state: str) -> None:
    await here.lab.set_fault(endpoint, Fault.parse(state))


@pytest.mark.parametrize("text", ["up", "refuse", "freeze", "slow:6", "slow:0.5", "garbage:html", "answers:stale"])
def test_a_fault_reads_back_as_written(text: str) -> None:
    assert str(Fault.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "down", "up:1", "slow", "slow:-1", "slow:nan", "slow:x", "garbage", "garbage:x", "answers:x"]
)
def test_what_is_no_fault_is_told_what_there_is(text: str) -> None:
    with pytest.raises(FaultError, match="there are: up, refuse, freeze, slow:SECONDS"):
        Fault.parse(text)


def test_faults_by_hand_win_until_the_next_scenario() -> None:
    faults = Faults()
    faults.set_scenario({"witness-1": Fault("freeze")})
    faults.set("witness-1", Fault("up"))
    assert faults.state("witness-1").kind == "up"
    faults.set_scenario({"witness-1": Fault("freeze")})
    assert faults.state("witness-1").kind == "freeze"
    with pytest.raises(FaultError, match="is not an endpoint"):
        faults.set("region-3/valkey", Fault("up"))
    with pytest.raises(FaultError, match="is for a witness"):
        faults.set("region-1/valkey", Fault("answers", detail="stale"))


async def test_refuse_resets_what_is_connected_and_refuses_what_comes(here: Running) -> None:
    async with here.http(f"{R2}/prometheus") as client:
        assert (await client.get("/-/ready")).status_code == 200
        await fault(here, f"{R2}/prometheus", "refuse")
        with pytest.raises(httpx.ConnectError):
            await client.get("/-/ready")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, here.lab.ports[f"{R2}/prometheus"]), 1)
    await fault(here, f"{R2}/prometheus", "up")
    async with here.http(f"{R2}/prometheus") as client:
        assert (await client.get("/-/ready")).status_code == 200


async def test_refuse_resets_an_open_connection(here: Running) -> None:
    reader, writer = await asyncio.open_connection(HOST, here.lab.ports[f"{R2}/valkey"])
    writer.write(b"PING\r\n")
    assert await asyncio.wait_for(reader.readline(), 5)
    await fault(here, f"{R2}/valkey", "refuse")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()


async def test_freeze_moves_no_byte_and_the_answer_comes_after_the_thaw(here: Running) -> None:
    async with here.http(f"{R2}/prometheus") as client:
        assert (await client.get("/-/ready")).status_code == 200
        await fault(here, f"{R2}/prometheus", "freeze")
        with pytest.raises(httpx.TimeoutException):
            await client.get("/-/ready", timeout=0.3)
    reader, writer = await asyncio.open_connection(HOST, here.lab.ports[f"{R2}/valkey"])
    await fault(here, f"{R2}/valkey", "freeze")
    writer.write(b"PING\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(100), 0.2)
    await fault(here, f"{R2}/valkey", "up")
    assert (await asyncio.wait_for(reader.read(100), 5)).startswith(b"-NOAUTH")
    writer.close()


async def test_freeze_stops_an_open_watch(here: Running) -> None:
    path = "/apis/postgresql.cnpg.io/v1/clusters"
    async with here.http(f"{R2}/kubernetes") as client:
        listed = (await client.get(path)).json()
        watch = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        async with client.stream("GET", path, params=watch) as stream:
            lines = stream.aiter_lines()
            touch(here)
            assert json.loads(await anext(lines))["type"] == "MODIFIED"
            await fault(here, f"{R2}/kubernetes", "freeze")
            touch(here)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(lines), 0.3)


def touch(here: Running) -> None:
    store = here.lab.regions[R2].store
    store.patch("clusters.postgresql.cnpg.io", "databases", "postgres", {"status": {"phaseReason": str(store.revision)}})


async def test_slow_answers_late_but_right(here: Running) -> None:
    await fault(here, f"{R2}/prometheus", "slow:0.3")
    await fault(here, f"{R2}/valkey", "slow:0.1")
    await fault(here, "witness-1", "slow:0.1")
    began = time.monotonic()
    async with here.http(f"{R2}/prometheus") as client:
        assert (await client.get("/-/ready")).status_code == 200
    assert time.monotonic() - began >= 0.3
    assert (await here.info(R2))["role"] == "slave"
    assert (await here.ask("witness-1", "control.lab.example", how="udp")).answer


@pytest.mark.parametrize("endpoint", [f"{R2}/prometheus", f"{R2}/kubernetes", f"{R2}/exporters"])
async def test_http_garbage(here: Running, endpoint: str) -> None:
    path = {"prometheus": "/api/v1/query?query=up", "kubernetes": "/api/v1/nodes", "exporters": "/metrics"}[
        endpoint.split("/")[1]
    ]
    async with here.http(endpoint) as client:
        right = (await client.get(path)).content
        got = {}
        for kind in ("wrong_type", "truncated", "html", "huge"):
            await fault(here, endpoint, f"garbage:{kind}")
            answer = await client.get(path)
            assert answer.status_code == 200
            got[kind] = answer
    assert got["truncated"].content == right[: len(right) // 2]
    assert got["html"].headers["content-type"].startswith("text/html") and "<form" in got["html"].text
    assert len(got["huge"].content) > 10 * 1024 * 1024
    twisted = json.loads(got["wrong_type"].content)
    if endpoint.endswith("prometheus"):
        (metric, *_) = twisted["data"]["result"]
        assert metric["value"] == ["seven", 7] and twisted["status"] == "success"


def test_wrong_types_change_every_value_but_the_envelope() -> None:
    body = b'{"status":"success","data":{"resultType":"vector","result":[]},"n":1,"b":true,"z":null,"l":["a"]}'
    twisted = json.loads(wrong_types(body))
    assert twisted == {
        "status": "success",
        "data": {"resultType": "vector", "result": {}},
        "n": "seven",
        "b": "seven",
        "z": [],
        "l": [7],
    }


async def test_a_drip_is_one_byte_and_then_waiting(here: Running) -> None:
    await fault(here, f"{R2}/prometheus", "garbage:drip")
    async with (
        here.http(f"{R2}/prometheus") as client,
        client.stream("GET", "/api/v1/query", params=QUERY) as answer,
    ):
        chunks = answer.aiter_raw()
        assert await anext(chunks) == b"{"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(chunks), 0.4)


@pytest.mark.parametrize("endpoint", [f"{R2}/prometheus", f"{R2}/kubernetes"])
async def test_bad_tls_shows_a_certificate_of_nobody_and_heals(here: Running, endpoint: str) -> None:
    await fault(here, endpoint, "garbage:bad_tls")
    async with here.http(endpoint) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get("/version")
    await fault(here, endpoint, "up")
    async with here.http(endpoint) as client:
        assert (await client.get("/version")).status_code in (200, 404)


async def test_bad_tls_on_a_plain_port_is_no_protocol_at_all(here: Running) -> None:
    await fault(here, f"{R2}/exporters", "garbage:bad_tls")
    async with here.http(f"{R2}/exporters") as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/metrics")


@pytest.mark.parametrize("kind", ["wrong_type", "truncated", "html", "huge", "drip", "bad_tls"])
async def test_resp_garbage_never_passes_for_an_answer(here: Running, kind: str) -> None:
    await fault(here, f"{R2}/valkey", f"garbage:{kind}")
    with pytest.raises((redis.exceptions.RedisError, TimeoutError, OSError, ValueError, AttributeError, AssertionError)):
        answer = await asyncio.wait_for(here.info(R2), 1.5)
        assert "role" in answer
    await fault(here, f"{R2}/valkey", "up")
    assert (await here.info(R2))["role"] == "slave"


@pytest.mark.parametrize("kind", ["wrong_type", "truncated", "html", "huge", "drip", "bad_tls"])
async def test_dns_garbage_never_passes_for_an_answer(here: Running, kind: str) -> None:
    await fault(here, "witness-1", f"garbage:{kind}")
    with pytest.raises((dns.exception.DNSException, ssl.SSLError, OSError, EOFError, AssertionError)):
        answer = await here.ask("witness-1", "control.lab.example", timeout=0.5)
        assert answer.answer and answer.answer[0].rdtype == 1
    await fault(here, "witness-1", "up")
    assert (await here.ask("witness-1", "control.lab.example")).answer


@pytest.mark.parametrize(("state", "error"), [("refuse", OSError), ("freeze", dns.exception.Timeout)])
async def test_a_witness_that_is_cut_off_is_cut_off_on_every_transport(here: Running, state: str, error: type) -> None:
    await fault(here, "witness-2", state)
    for how in ("tls", "tcp"):
        with pytest.raises(error):
            await here.ask("witness-2", "control.lab.example", how=how, timeout=0.3)
    with pytest.raises((dns.exception.Timeout, OSError)):
        await here.ask("witness-2", "control.lab.example", how="udp", timeout=0.3)


async def test_a_broken_exporter_ends_its_samples_and_up_reads_zero(here: Running) -> None:
    await fault(here, f"{R1}/exporters", "refuse")
    await here.lab.advance(20)
    assert {row["value"][1] for row in await here.query(R1, "up")} == {"0"}
    assert await here.query(R1, "cnpg_pg_replication_in_recovery") == []
    (series,) = await here.query(R1, 'cnpg_pg_replication_in_recovery{pod="postgres-1"}[60s]')
    assert series["values"][-1][0] <= START.timestamp()


async def test_same_seed_and_clock_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    async def bytes_of(folder: str, seed: int) -> tuple[bytes, ...]:
        one = await running(tmp_path / folder, seed=seed)
        try:
            await one.go("lag_breach", 25)
            found = []
            for region in (R1, R2):
                async with one.http(f"{region}/prometheus") as client:
                    found.append((await client.get("/api/v1/query", params={"query": '{region=~".+"}[300s]'})).content)
                async with one.http(f"{region}/exporters") as client:
                    found.append((await client.get("/metrics")).content)
                async with one.http(f"{region}/kubernetes") as client:
                    for path in ("/api/v1/nodes", "/apis/postgresql.cnpg.io/v1/clusters"):
                        found.append((await client.get(path)).content)
                found.append(json.dumps(await one.info(region)).encode())
            return tuple(found)
        finally:
            await one.lab.stop()

    first, second, other = await bytes_of("a", 7), await bytes_of("b", 7), await bytes_of("c", 8)
    assert first == second
    assert first[0] != other[0]
