"""The lab's Prometheus against answers captured from a real one (2.42): same shape, same status, same refusals."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from openova_console.lab.prometheus import number
from tests.lab.running import R1, R2, START, Running

SAMPLES = Path(__file__).parent / "samples" / "services"
CAPTURED = json.loads((SAMPLES / "prometheus-answers.json").read_text())["answers"]
REFUSED = [row for row in CAPTURED if row["status"] != 200]


def label(row: dict[str, Any]) -> str:
    return f"{row['method']} {row['path']} {row['params']}"


@pytest.mark.parametrize("row", REFUSED, ids=label)
async def test_refusals_are_word_for_word_those_of_prometheus(here: Running, row: dict[str, Any]) -> None:
    async with here.http(f"{R2}/prometheus") as client:
        given = {"params": row["params"]} if row["method"] == "GET" else {"data": row["params"]}
        answer = await client.request(row["method"], row["path"], **given)
    assert (answer.status_code, answer.text) == (row["status"], row["body"])
    assert answer.headers["content-type"] == row["content_type"]
    assert answer.headers.get("allow") == row["allow"]


async def test_answers_have_the_captured_shape(here: Running) -> None:
    captured: dict[str, Any] = {}
    for row in CAPTURED:
        if row["path"] == "/api/v1/query" and row["status"] == 200:
            captured.setdefault(row["params"]["query"], json.loads(row["body"]))
    async with here.http(f"{R2}/prometheus") as client:
        vector = (await client.get("/api/v1/query", params={"query": "up"})).json()
        matrix = (await client.get("/api/v1/query", params={"query": "up[30s]"})).json()
        nothing = (await client.get("/api/v1/query", params={"query": 'up{job="nope"}'})).json()
    assert nothing == captured['up{job="nope"}']
    assert shape(vector) == shape(captured["up"])
    assert shape(matrix) == shape(captured["up[3s]"])


def shape(value: Any) -> Any:
    """Structure and types, with one element standing for a list's many and labels left out."""
    if isinstance(value, dict):
        return {k: "labels" if k == "metric" else shape(v) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return [shape(value[0])]
    return [shape(v) for v in value] if isinstance(value, list) else "number" if isinstance(value, float | int) else "text"


async def test_a_window_is_full_from_the_first_second_and_on_the_grid(here: Running) -> None:
    (series,) = await here.query(R2, 'cnpg_pg_replication_lag{region="region-2",pod="postgres-1"}[300s]')
    times = [t for t, _ in series["values"]]
    assert len(times) == 60
    assert {round(b - a, 3) for a, b in itertools.pairwise(times)} == {5.0}
    assert START.timestamp() - 300 < times[0] and times[-1] <= START.timestamp()
    assert all(isinstance(value, str) for _, value in series["values"])


async def test_one_query_for_several_names(here: Running) -> None:
    names = "cnpg_pg_replication_lag|cnpg_pg_replication_in_recovery|cnpg_pg_replication_is_wal_receiver_up"
    result = await here.query(R2, f'{{__name__=~"{names}",namespace="databases",pod!~"gitea.*|"}}[300s]')
    newest = {row["metric"]["__name__"]: row["values"][-1][1] for row in result}
    assert newest == dict(zip(names.split("|"), ("0", "1", "1"), strict=True))


async def test_the_primary_side_has_the_standby_and_its_slot(here: Running) -> None:
    result = await here.query(
        R1, '{__name__=~"cnpg_pg_stat_replication_flush_.*|cnpg_pg_replication_slots_pg_wal_lsn_diff",pod="postgres-1"}[60s]'
    )
    labels = {row["metric"]["__name__"]: row["metric"] for row in result}
    assert labels["cnpg_pg_stat_replication_flush_lag_seconds"]["application_name"] == "region-2"
    assert labels["cnpg_pg_stat_replication_flush_diff_bytes"]["usename"] == "streaming_replica"
    assert labels["cnpg_pg_replication_slots_pg_wal_lsn_diff"]["slot_name"] == "region_2"


async def test_nothing_is_known_of_the_future(here: Running) -> None:
    ahead = str(START.timestamp() + 100)
    (series,) = await here.query(R2, 'cnpg_pg_replication_lag{pod="postgres-1"}[300s]', time=ahead)
    assert series["values"][-1][0] <= START.timestamp()
    assert await here.query(R2, "cnpg_pg_replication_lag", time="1795421484.5") != []


@pytest.mark.parametrize(
    "query",
    [
        "rate(up[5m])",
        "sum(up)",
        "up + up",
        "up offset 5m",
        "up[5m:1m]",
        "up > 0",
        "1",
        "time()",
        "up and up",
        "-up",
        '"text"',
    ],
)
async def test_what_is_more_than_a_selector_is_refused_in_words(here: Running, query: str) -> None:
    async with here.http(f"{R2}/prometheus") as client:
        answer = await client.post("/api/v1/query", data={"query": query})
    body = answer.json()
    assert answer.status_code == 422
    assert (body["status"], body["errorType"]) == ("error", "execution")
    assert "the lab answers one selector" in body["error"]


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_without_the_token_the_proxy_answers_401(here: Running, token: str) -> None:
    async with here.http(f"{R2}/prometheus", token=token) as client:
        answer = await client.get("/api/v1/query", params={"query": "up"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "success" not in answer.text


async def test_it_says_that_it_is_ready_and_which_version_it_plays(here: Running) -> None:
    captured = {row["path"]: row for row in CAPTURED}
    async with here.http(f"{R2}/prometheus") as client:
        assert (await client.get("/-/ready")).text == captured["/-/ready"]["body"]
        assert (await client.get("/-/healthy")).text == captured["/-/healthy"]["body"]
        build = (await client.get("/api/v1/status/buildinfo")).json()
    assert shape(build) == shape(json.loads(captured["/api/v1/status/buildinfo"]["body"]))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1"),
        (0.0, "0"),
        (0.018234, "0.018234"),
        (1e-7, "0.0000001"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (-2.5, "-2.5"),
        (1795421484.705, "1795421484.705"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, written: str) -> None:
    assert number(value) == written
