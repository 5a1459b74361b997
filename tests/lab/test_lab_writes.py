"""What can go wrong with a write to a region's Kubernetes API, and the log of those that were accepted."""

import json
import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_fixtures import MERGE, sample

from openova_console.lab.__main__ import main
from openova_console.lab.writes import OTHER_WRITER, keys
from tests.lab.running import R1, R2, Running

Json = dict[str, Any]
CHECKOUT = "/apis/apps/v1/namespaces/acme-prod/deployments/checkout"
STORAGE = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/storage"
MARKS = "/api/v1/namespaces/openova-console/configmaps"
RESTART: Json = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:00:00Z"}}}}
}
QUERY = {"fieldManager": "openova-console", "fieldValidation": "Strict"}


def actor(here: Running, region: str = R1) -> httpx.AsyncClient:
    return here.http(f"{region}/kubernetes", token=here.lab.folder.secret(f"{region}-kubernetes-actor.token"))


async def restart(client: httpx.AsyncClient, path: str = CHECKOUT, body: Json = RESTART, **query: str) -> httpx.Response:
    """A write with the fresh resourceVersion."""
    found = (await client.get(path)).json()
    change = body | {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}}
    return await client.patch(path, params=QUERY | query, json=change, headers=MERGE | {"User-Agent": "openova-console/1"})


def restarted(here: Running, region: str = R1) -> bool:
    template = here.lab.regions[region].store.get("deployments.apps", "acme-prod", "checkout")["spec"]["template"]
    return "annotations" in template["metadata"]


async def test_an_accepted_write_is_told_with_names_and_without_values(here: Running):
    async with actor(here) as client:
        assert (await restart(client)).status_code == 200
    (write,) = here.lab.writes.log
    assert (write.region, write.method, write.verb, write.path) == (R1, "PATCH", "patch", CHECKOUT)
    assert (write.user, write.user_agent, write.field_manager) == ("console-actor", "openova-console/1", "openova-console")
    pointer = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"
    assert write.keys == ("/metadata/resourceVersion", pointer)
    async with here.http("control") as control:
        told = (await control.get("/writes")).json()
    assert [(row["path"], row["keys"]) for row in told["writes"]] == [(CHECKOUT, ["/metadata/resourceVersion", pointer])]
    assert "2026-11-23T14:00:00Z" not in json.dumps(told)


async def test_reads_refusals_and_dry_runs_are_no_writes(here: Running):
    async with actor(here) as client, here.http(f"{R1}/kubernetes") as reader:
        assert (await reader.get(CHECKOUT)).status_code == 200
        assert (await restart(reader)).status_code == 403
        assert (await restart(client, dryRun="All")).status_code == 200
        stale = RESTART | {"metadata": {"resourceVersion": "1"}}
        assert (await client.patch(CHECKOUT, json=stale, headers=MERGE)).status_code == 409
        assert (await client.delete(CHECKOUT)).status_code == 403
        review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        assert (await client.post(path, json=review)).status_code == 201
    assert here.lab.writes.log == ()


@pytest.mark.parametrize("region", [R1, R2])
async def test_an_answer_that_is_dropped_belongs_to_a_write_that_was_applied(here: Running, region: str):
    await here.lab.set_trouble("answer_dropped", True)
    async with actor(here, region) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await restart(client)
        assert restarted(here, region)
        assert [write.region for write in here.lab.writes.log] == [region]
        await here.lab.set_trouble("answer_dropped", False)
        assert (await restart(client)).status_code == 200


@pytest.mark.parametrize("path", [CHECKOUT, STORAGE])
async def test_a_conflict_comes_twice_for_each_object_and_moves_no_generation(here: Running, path: str):
    body = RESTART if path == CHECKOUT else {"spec": {"suspend": True}}
    await here.lab.set_trouble("write_conflicts", True)
    async with actor(here) as client:
        generation = (await client.get(path)).json()["metadata"]["generation"]
        lost = [await restart(client, path, body) for _ in range(2)]
        assert [answer.status_code for answer in lost] == [409, 409]
        assert here.lab.writes.log == ()
        moved = (await client.get(path)).json()["metadata"]
        assert (moved["generation"], moved["labels"][OTHER_WRITER]) == (generation, "2")
        won = await restart(client, path, body)
        assert (won.status_code, won.json()["metadata"]["generation"]) == (200, generation + 1)
    told, captured = lost[0].json(), sample("409-patch-stale-resourceversion")["response"]
    assert {**told, "message": "", "details": ""} == {**captured, "message": "", "details": ""}
    assert told["message"].endswith(captured["message"].partition(": ")[2])


async def test_how_often_a_conflict_comes_can_be_set_until_the_next_scenario(here: Running):
    await here.lab.set_trouble("write_conflicts", True)
    async with here.http("control") as control, actor(here) as client:
        assert (await control.post("/writes", json={"conflicts": 4, "slow_s": 1})).json()["conflicts"] == 4
        assert [(await restart(client)).status_code for _ in range(5)] == [409] * 4 + [200]
        wrong = await control.post("/writes", json={"conflicts": -1, "slow_s": 1})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "conflicts is between 0 and 1000, not -1")
        wrong = await control.post("/writes", json={"conflicts": 1, "slow_s": 1000})
        assert wrong.json()["error"] == "slow_s is between 0 and 600 seconds, not 1000"
        await here.go("healthy")
        assert (await control.get("/writes")).json()["conflicts"] == 2


async def test_a_write_without_a_precondition_never_conflicts(here: Running):
    await here.lab.set_trouble("write_conflicts", True)
    async with actor(here) as client:
        assert (await client.patch(CHECKOUT, json=RESTART, headers=MERGE)).status_code == 200


async def test_forbidden_has_the_words_of_the_real_server(here: Running):
    await here.lab.set_trouble("writes_forbidden", True)
    async with actor(here) as client:
        answer = await restart(client)
        assert (await client.get(CHECKOUT)).status_code == 200, "only writes"
    captured = sample("403-viewer-patch-deployment")["response"]
    words = (
        captured["message"].replace('"viewer"', '"console-actor"').replace("hello", "checkout").replace("default", "acme-prod")
    )
    assert answer.status_code == 403
    assert answer.json() == captured | {"message": words, "details": captured["details"] | {"name": "checkout"}}
    assert not restarted(here) and here.lab.writes.log == ()


async def test_throttled_says_when_to_come_again(here: Running):
    await here.lab.set_trouble("writes_throttled", True)
    async with actor(here) as client:
        answer = await restart(client)
        assert (await client.get(CHECKOUT)).status_code == 200, "only writes"
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.text == "Too many requests, please try again later.\n"
    assert not restarted(here) and here.lab.writes.log == ()


async def test_a_slow_write_is_applied_before_its_answer(here: Running):
    await here.lab.set_trouble("writes_slow", True)
    here.lab.writes.configure(slow_s=0.3)
    async with actor(here) as client:
        began = time.monotonic()
        assert (await restart(client)).status_code == 200
        assert time.monotonic() - began >= 0.3
        here.lab.writes.configure(slow_s=30)
        found = (await client.get(MARKS)).status_code
        with pytest.raises(httpx.ReadTimeout):
            await client.post(MARKS, json={"metadata": {"name": "mark"}, "data": {"head": "a"}}, timeout=0.3)
    assert found == 403, "the actor reads its own marks one by one"
    assert here.lab.regions[R1].store.get("configmaps", "openova-console", "mark")["data"] == {"head": "a"}
    assert [write.verb for write in here.lab.writes.log] == ["patch", "create"]


async def test_a_scenario_ends_every_trouble_with_writes(here: Running):
    for name in ("answer_dropped", "write_conflicts", "writes_forbidden", "writes_slow", "writes_throttled"):
        await here.lab.set_trouble(name, True)
    await here.go("healthy")
    async with actor(here) as client:
        assert (await restart(client)).status_code == 200


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.integers() | st.text() | st.none() | st.lists(st.integers()), lambda inner: st.dictionaries(st.text(), inner)
        ),
    )
)
def test_keys_name_every_value_once(body: Json):
    found = keys(json.dumps(body).encode())
    assert list(found) == sorted(set(found))
    for pointer in found:
        value: Any = body
        for part in pointer.split("/")[1:]:
            value = value[part.replace("~1", "/").replace("~0", "~")]
        assert not isinstance(value, dict) or not value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [(b"", ()), (b"{", ()), (b"7", ()), (b'[{"op":"add","path":"/a/b","value":1}]', ("/a/b",)), (b"{}", ("",))],
)
def test_keys_of_what_is_no_plain_object(text: bytes, wanted: tuple[str, ...]):
    assert keys(text) == wanted


def test_the_command_line_lists_writes_of_a_lab_that_runs(tmp_path, capsys):
    assert main(["writes", "--dir", str(tmp_path)]) == 1
    assert "no lab has run in" in capsys.readouterr().err
