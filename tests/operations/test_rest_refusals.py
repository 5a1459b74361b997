"""What the API refuses, and in which words: one problem document for each, from the engine, the books and the framework."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from openova_console.handbook.canonical import canonical
from openova_console.operations.words import State
from openova_console.settings.api import ApiSettings
from openova_console.store.change_tables import OperationRow, PolicyRow
from tests.support.engines import REASON, RESTART, Bench
from tests.support.rest import Api


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/operations", {"kind": "restart-workload", "params": {}, "reason": REASON}, {}, 422, "params"),
        ("POST", "/operations", {"kind": "restart-workload", "params": RESTART, "reason": "no"}, {}, 422, "reason"),
        ("POST", "/operations", {"kind": "restart-workload", "params": RESTART, "reason": REASON, "x": 1}, {}, 422, "params"),
        ("POST", "/operations", {"kind": "restart-workload", "params": RESTART, "reason": "x" * 501}, {}, 422, "params"),
        ("POST", "/operations", {"kind": "no-such", "params": {}, "reason": REASON}, {}, 404, "not-found"),
        ("POST", "/operations", b"[]", {}, 422, "params"),
        ("POST", "/operations", b"", {}, 422, "params"),
        ("POST", "/operations", b"{}", {"content-type": "text/plain"}, 415, "media-type"),
        ("POST", "/operations", b" " * 70_000, {}, 413, "too-large"),
        ("POST", "/operations/preview", {"kind": "restart-workload", "params": {}, "overrides": {"x": "y"}}, {}, 422, "params"),
        ("GET", "/operations/" + "0" * 32, None, {}, 404, "not-found"),
        ("GET", "/operations/../../etc", None, {}, 400, ""),
        ("GET", "/operations/x", None, {}, 404, "not-found"),
        ("GET", "/nothing", None, {}, 404, "not-found"),
        ("PUT", "/operations", None, {}, 405, "method"),
        ("POST", "/freezes", {"scope": "region", "value": "mars", "reason": REASON}, {}, 422, "params"),
        ("POST", "/freezes", {"scope": "all", "reason": REASON, "until": "9999-12-31T23:59:59-14:00"}, {}, 422, "params"),
        ("POST", "/freezes", {"scope": "all", "reason": REASON, "until": 5}, {}, 422, "params"),
        ("GET", "/operations?since=0.0", None, {}, 422, "params"),
        ("DELETE", "/freezes/" + "0" * 32, None, {}, 422, "params"),
        ("GET", "/audit?words=%00", None, {}, 422, "params"),
    ],
)
async def test_what_cannot_be_used_is_a_problem(
    bench: Bench, method: str, path: str, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    path, _, query = path.partition("?")
    said = await Api(bench).say(method, path, body, query=query, headers={"idempotency-key": "k", **headers})
    assert said.status == status
    if code:
        assert said.code == code
        assert said.json["detail"].endswith(".")


async def test_a_request_without_a_key_names_the_header(bench: Bench) -> None:
    said = await Api(bench).say("POST", "/operations", {"kind": "restart-workload", "params": RESTART, "reason": REASON})
    assert (said.status, said.json["errors"]) == (422, {"Idempotency-Key": "is missing"})


async def test_every_refusal_of_the_engine_has_its_word(bench: Bench) -> None:
    api = Api(bench)
    assert (await api.request("a", overrides={"object-known": REASON})).code == "override"
    assert (await api.request("b", params={**RESTART, "name": "nowhere"})).code == "plan"
    row = await api.pending()
    approve = f"/operations/{row.id}/approve"
    assert (await api.say("POST", approve, {"digest": "0" * 64}, by="approver")).code == "digest"
    assert (await api.say("POST", approve, {"digest": row.digest}, by="operator")).code == "role"
    assert (await api.say("POST", f"/operations/{row.id}/revoke", by="approver")).code == "state"
    with bench.write() as opened:
        document = canonical({"restart-workload": {"approvals": 2}})
        opened.add(PolicyRow(version=1, document=document, operation_id=row.id, at=bench.now()))
    assert (await api.say("POST", approve, {"digest": row.digest}, by="approver")).code == "drift"
    assert bench.row(row.id).state == State.VOIDED
    # What has ended is no matter of roles any more.
    assert (await api.say("POST", approve, {"digest": row.digest}, by="viewer")).code == "state"
    assert (await api.say("POST", f"/operations/{row.id}/deny", {"reason": REASON}, by="approver")).code == "state"
    assert (await api.say("POST", f"/operations/{row.id}/steer", {"wish": "pause", "reason": REASON})).code == "state"


async def test_steering_says_whether_the_person_or_the_state_is_against_it(bench: Bench) -> None:
    api = Api(bench)
    row = await api.pending()
    with bench.write() as opened:
        stored = opened.get(OperationRow, row.id)
        assert stored is not None
        stored.state = State.RUNNING.value
        opened.add(stored)
    steer = f"/operations/{row.id}/steer"
    assert (await api.say("POST", steer, {"wish": "pause", "reason": REASON}, by="viewer")).code == "role"
    assert (await api.say("POST", steer, {"wish": "resume", "reason": REASON}, by="admin")).code == "state"
    assert (await api.say("POST", steer, {"wish": "fly", "reason": REASON}, by="admin")).code == "params"
    paused = await api.say("POST", steer, {"wish": "pause", "reason": REASON})
    assert (paused.status, paused.json["wanted"]) == (200, "pause")


async def test_what_breaks_inside_is_a_problem_without_a_word_of_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(bench)
    row = await api.pending()

    async def broken(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("password=hunter2 at 10.0.0.1")

    monkeypatch.setattr(bench.engine.decisions, "deny", broken)
    said = await api.say("POST", f"/operations/{row.id}/deny", {"reason": REASON})
    assert (said.status, said.code) == (500, "failed")
    assert "hunter2" not in said.answer.text

    async def silent(*_args: Any, **_more: Any) -> None:
        raise OperationalError("SELECT secret", {}, Exception("10.0.0.1 is down"))

    monkeypatch.setattr(bench.engine.decisions, "deny", silent)
    said = await api.say("POST", f"/operations/{row.id}/deny", {"reason": REASON})
    assert (said.status, said.code) == (503, "unavailable")
    assert "secret" not in said.answer.text


async def test_each_caller_has_limits_of_its_own(bench: Bench) -> None:
    now = [0.0]
    limits = ApiSettings(reads_burst=3, reads_per_s=1, writes_burst=1, writes_per_s=0.1)
    api = Api(bench, limits=limits, clock=lambda: now[0])
    assert [(await api.say("GET", "/freezes")).status for _ in range(4)] == [200, 200, 200, 429]
    refused = await api.say("GET", "/freezes")
    assert (refused.code, refused.answer.header("retry-after")) == ("rate", "1")
    assert (await api.say("GET", "/freezes", by="viewer")).status == 200
    assert (await api.say("GET", "/freezes", by="reader")).status == 200
    now[0] += 1
    assert [(await api.say("GET", "/freezes")).status for _ in range(2)] == [200, 429]
    assert [(await api.request()).status for _ in range(2)] == [201, 429]
