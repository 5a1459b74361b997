"""The control port: its token, what it moves, and the sentences for mistakes."""

import pytest

from openova_console.lab.scenarios import SCENARIOS
from tests.lab.running import R2, Running


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/state"),
        ("GET", "/scenarios"),
        ("POST", "/scenario"),
        ("POST", "/fault"),
        ("POST", "/clock"),
        ("GET", "/nope"),
    ],
)
async def test_without_the_token_nothing_is_told_and_nothing_moves(here: Running, method: str, path: str, token: str) -> None:
    async with here.http("control", token=token) as client:
        answer = await client.request(method, path, json={"name": "r1_down"})
    assert answer.status_code == 401 and set(answer.json()) == {"error"}
    assert here.lab.scenario == "healthy"


async def test_it_tells_and_switches(here: Running) -> None:
    async with here.http("control") as client:
        assert (await client.get("/state")).json()["scenario"] == "healthy"
        assert [row["name"] for row in (await client.get("/scenarios")).json()["scenarios"]] == list(SCENARIOS)
        state = (await client.post("/scenario", json={"name": "partition"})).json()
        assert (state["scenario"], state["endpoints"]["region-1/valkey"]) == ("partition", "freeze")
        state = (await client.post("/fault", json={"endpoint": "witness-2", "state": "answers:stale"})).json()
        assert state["endpoints"]["witness-2"] == "answers:stale"
        before = here.lab.clock.unix()
        await client.post("/clock", json={"advance_s": 90})
        assert here.lab.clock.unix() == before + 90
        state = (await client.post("/scenario", json={"name": "healthy"})).json()
        assert set(state["endpoints"].values()) == {"up"}
        assert state["ports"] == here.lab.ports


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/scenario", {"name": "nope"}, "there is no scenario 'nope'; there are: healthy, r1_down"),
        ("/scenario", {}, "the body needs 'name', a text"),
        ("/scenario", [], "the body needs 'name', a text"),
        ("/fault", {"endpoint": "nope", "state": "up"}, "'nope' is not an endpoint"),
        ("/fault", {"endpoint": f"{R2}/valkey", "state": "sick"}, "'sick' is not a state"),
        ("/clock", {"advance_s": True}, "the body needs 'advance_s', a number"),
        ("/clock", {"advance_s": -5}, "between 0 s and 366 days"),
    ],
)
async def test_mistakes_get_a_sentence(here: Running, path: str, body: object, sentence: str) -> None:
    async with here.http("control") as client:
        answer = await client.post(path, json=body)
        assert answer.status_code == 400 and sentence in answer.json()["error"]
        assert (await client.post(path, content=b"{")).json()["error"] == "the body is not JSON"
        assert (await client.get("/nope")).status_code == 404
        assert (await client.get("/scenario")).status_code == 405
