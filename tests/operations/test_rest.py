"""The API does what the engine does: asked once however often it is sent, decided by people, and refused in words."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from openova_console.api.rest import runs
from openova_console.operations import ledger
from openova_console.operations.words import State
from openova_console.store.audit_file import verify_file
from openova_console.systems.kinds import DEPLOYMENTS
from tests.support.consoles import call
from tests.support.engines import RESTART, Bench
from tests.support.rest import PLENTY, Api


async def test_a_restart_from_request_to_end_through_the_api_alone(bench: Bench) -> None:
    api = Api(bench)
    asked = await api.request()
    assert asked.status == 201
    one = f"/operations/{asked.json['id']}"
    assert asked.answer.header("location") == f"/api/v1{one}"
    seen = (await api.say("GET", one, by="approver")).json
    choices = {choice["name"]: choice for choice in seen["choices"]}
    assert choices["approve"] == {"name": "approve", "possible": True, "against": ""}
    assert choices["pause"]["against"] == "It waits for approval: deny it, or take it back."
    own = {choice["name"]: choice["against"] for choice in asked.json["choices"]}
    assert own["approve"] == "You asked for this yourself: another person has to approve it."
    assert [step["method"] for step in seen["plan"]["steps"]] == ["PATCH", ""]
    approved = await api.say("POST", f"{one}/approve", {"digest": seen["digest"]}, by="approver")
    assert (approved.status, approved.json["state"]) == (200, "approved")
    await bench.until(asked.json["id"])
    done = (await api.say("GET", one)).json
    assert (done["state"], [step["state"] for step in done["steps"]]) == ("completed", ["done", "done"])
    assert [approval["name"] for approval in done["approvals"]] == ["approver"]
    assert done["approvals"][0]["used_at"] is not None
    assert "signature" not in json.dumps(done)
    acknowledged = await api.say("POST", f"{one}/acknowledge", {"reason": "looked at it"})
    assert acknowledged.json["acknowledged_by"] == "operator"


async def test_a_preview_writes_nothing_and_says_what_stands_against_it(bench: Bench) -> None:
    api = Api(bench)
    asked = {"kind": "restart-workload", "params": RESTART}
    seen = (await api.say("POST", "/operations/preview", asked, by="viewer")).json
    assert seen["refusals"] == ["Requesting this needs the role operator; yours is viewer."]
    assert (seen["possible"], len(seen["plan"]["steps"]), seen["needed"]) == (False, 2, 1)
    assert {ruling["answer"] for ruling in seen["guards"]} == {"allow"}
    assert (await api.say("POST", "/operations/preview", asked)).json["possible"] is True
    assert (await api.say("GET", "/operations")).json == {"items": [], "next": None}


async def test_kinds_tell_policy_guards_and_parameters(bench: Bench) -> None:
    found = {kind["kind"]: kind for kind in (await Api(bench).say("GET", "/kinds", by="viewer")).json["items"]}
    restart = found["restart-workload"]
    assert restart["against"] == "Requesting this needs the role operator; yours is viewer."
    assert restart["policy"]["approvals"] == 1
    assert "freeze" in {guard["id"] for guard in restart["guards"]}
    assert restart["params"]["required"] == ["region", "workload", "namespace", "name"]


async def test_one_key_is_one_operation_and_other_words_are_a_conflict(bench: Bench) -> None:
    api = Api(bench)
    first, again = await api.request(), await api.request()
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    other = await api.request(reason="something else altogether")
    assert (other.status, other.code) == (409, "conflict")
    # Another person's key of the same name is another key.
    mine = await api.request(by="admin", params={**RESTART, "name": "catalog"})
    assert (mine.status, mine.json["id"] == first.json["id"]) == (201, False)


async def test_twenty_at_once_make_one_operation_and_one_is_told_so(bench: Bench) -> None:
    api = Api(bench)
    api.token("operator")
    said = await asyncio.gather(*(api.request() for _ in range(20)))
    assert Counter(one.status for one in said) == {201: 1, 200: 19}
    assert len({one.json["id"] for one in said}) == 1
    assert len((await api.say("GET", "/operations")).json["items"]) == 1


async def test_lists_are_filtered_and_read_page_by_page(bench: Bench) -> None:
    api = Api(bench)
    names = ("portal", "catalog", "payments", "checkout")
    ids = [(await api.request(name, params={**RESTART, "name": name})).json["id"] for name in names]
    await api.say("POST", f"/operations/{ids[0]}/deny", {"reason": "not needed any more"})
    seen, cursor = [], ""
    for _ in names:
        page = (await api.say("GET", "/operations", query=f"limit=3{cursor}")).json
        seen += [row["id"] for row in page["items"]]
        cursor = f"&cursor={page['next']}"
        if page["next"] is None:
            break
    assert (sorted(seen), len(seen)) == (sorted(ids), 4)
    later = (bench.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    for query, count in (
        ("state=waiting", 3),
        ("state=ended", 1),
        ("state=cancelled", 1),
        ("kind=resume-kustomization", 0),
        ("region=region-1", 4),
        ("region=region-2", 0),
        ("actor=operator", 4),
        ("actor=olga", 0),
        (f"since={later}", 0),
    ):
        assert len((await api.say("GET", "/operations", query=query)).json["items"]) == count, query
    assert (await api.say("GET", "/operations", query=f"cursor={'f' * 32}")).json["errors"]["cursor"]
    assert (await api.say("GET", "/operations", query="limit=201")).code == "params"


def _frames(text: str) -> list[dict[str, Any]]:
    """Server-sent events, comments left out."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


async def test_a_stream_follows_a_run_to_its_end_and_can_be_taken_up_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bell alone brings the news.
    monkeypatch.setattr(runs, "BEAT_S", 600.0)
    api = Api(bench)
    row = await api.pending()
    stream = {"accept": "text/event-stream"}
    following = asyncio.create_task(api.say("GET", f"/operations/{row.id}/events", by="viewer", headers=stream))
    bells = api.bells
    await bench.when(lambda: bells.count() == 1)
    await bench.approve(row)
    said = await asyncio.wait_for(following, 60)
    assert said.answer.header("content-type") == "text/event-stream; charset=utf-8"
    frames = _frames(said.answer.text)
    assert [frame["event"] for frame in frames] == [*bench.events(row.id), "end"]
    assert frames[-1]["data"] == {"state": "completed", "sentence": bench.row(row.id).sentence}
    numbers = [int(frame["id"]) for frame in frames[:-1]]
    assert numbers == sorted(set(numbers))
    later = await api.say("GET", f"/operations/{row.id}/events", headers={**stream, "last-event-id": str(numbers[2])})
    assert [int(frame["id"]) for frame in _frames(later.answer.text)[:-1]] == numbers[3:]
    assert bells.count() == 0


async def test_what_another_replica_did_is_followed_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BEAT_S", 0.01)
    api = Api(bench)
    row = await api.pending()
    following = asyncio.create_task(api.say("GET", f"/operations/{row.id}/events", headers={"accept": "text/event-stream"}))
    await bench.when(lambda: api.bells.count() == 1)
    with bench.write() as opened:
        stored = ledger.by_id(opened, row.id)
        ledger.move(opened, stored, State.CANCELLED, "Stopped over there", actor="console-2", now=bench.now())
    said = (await asyncio.wait_for(following, 20)).answer.text
    assert [frame["event"] for frame in _frames(said)] == ["operation.requested", "operation.cancelled", "end"]


async def test_who_hangs_up_is_forgotten(bench: Bench) -> None:
    api = Api(bench)
    row = await api.pending()
    headers = {"cookie": f"openova={api.token('viewer')}", "accept": "text/event-stream"}
    answer = await asyncio.wait_for(call(api.app, f"/api/v1/operations/{row.id}/events", headers=headers), 20)
    assert answer.status == 200
    assert api.bells.count() == 0


async def test_a_page_of_events_may_wait_until_something_happens(bench: Bench) -> None:
    api = Api(bench)
    row = await api.pending()
    events = f"/operations/{row.id}/events"
    first = (await api.say("GET", events)).json
    assert [event["event"] for event in first["items"]] == ["operation.requested"]
    waiting = asyncio.create_task(api.say("GET", events, query=f"after={first['next']}&wait=60"))
    await bench.when(lambda: api.bells.count() == 1)
    assert not waiting.done()
    await api.say("POST", f"/operations/{row.id}/deny", {"reason": "not needed any more"}, by="approver")
    then = (await asyncio.wait_for(waiting, 20)).json
    assert [event["event"] for event in then["items"]] == ["approval.denied"]
    assert (then["ended"], then["state"]) == (True, "cancelled")


async def test_nobody_follows_more_runs_than_the_settings_say_nor_after_the_session_is_over(bench: Bench) -> None:
    api = Api(bench, limits=PLENTY.model_copy(update={"follows": 1}))
    row = await api.pending()
    stream = {"accept": "text/event-stream"}
    events = f"/operations/{row.id}/events"
    one = asyncio.create_task(api.say("GET", events, by="viewer", headers=stream))
    await bench.when(lambda: api.bells.count() == 1)
    assert (await api.say("GET", events, by="viewer", headers=stream)).code == "rate"
    with bench.write() as opened:
        from openova_console.store.tables import User

        user = opened.get(User, bench.person("viewer").user_id)
        assert user is not None
        user.disabled = True
        opened.add(user)
    await bench.approve(row)
    frames = _frames((await asyncio.wait_for(one, 20)).answer.text)
    assert frames[-1]["event"] == "again"


async def test_the_runbook_holds_the_plans_write(bench: Bench) -> None:
    api = Api(bench)
    row = await api.pending()
    said = await api.say("GET", f"/operations/{row.id}/runbook", by="viewer")
    assert said.answer.header("content-type") == "text/markdown; charset=utf-8"
    assert f"kubectl --context region-1 -n acme-prod patch {DEPLOYMENTS.plural}.v1.apps portal" in said.answer.text
    assert row.id in said.answer.text


async def test_freezes_incidents_and_reviews(bench: Bench) -> None:
    api = Api(bench)
    frozen = await api.say("POST", "/freezes", {"scope": "region", "value": "region-1", "reason": "we look at the database"})
    assert (frozen.status, frozen.json["by"]) == (201, "operator")
    assert [row["id"] for row in (await api.say("GET", "/freezes")).json["items"]] == [frozen.json["id"]]
    refused = await api.request()
    assert (refused.status, refused.code) == (409, "guard")
    stands = {guard["id"]: guard for guard in refused.json["guards"]}["freeze"]
    assert stands["answer"] != "allow"
    assert "we look at the database" in stands["sentence"]
    assert stands["clears"]
    incident = await api.say("POST", "/incidents", {"title": "the portal is down"}, by="admin")
    lifted = await api.say("DELETE", f"/freezes/{frozen.json['id']}", query="reason=the+database+is+fine")
    assert (lifted.status, lifted.json["lifted_reason"]) == (200, "the database is fine")
    assert (await api.say("GET", "/freezes")).json["items"] == []
    assert (await api.say("POST", f"/incidents/{incident.json['id']}/end", {"reason": "it is up again"})).status == 200
    assert (await api.say("GET", "/incidents")).json["items"] == []
    assert (await api.say("GET", "/reviews")).json["items"] == []


async def test_the_audit_is_searched_and_exported_unbroken(bench: Bench, tmp_path: Path) -> None:
    api = Api(bench)
    row = await api.pending()
    page = (await api.say("GET", "/audit", query=f"operation={row.id}&words=portal")).json
    assert [event["event"] for event in page["items"]] == ["operation.requested"]
    newest = (await api.say("GET", "/audit", query="limit=1")).json
    assert newest["next"] == newest["items"][0]["seq"]
    whole = await api.say("GET", "/audit/export", by="officer")
    assert whole.answer.header("content-type") == "application/x-ndjson"
    file = tmp_path / "audit.jsonl"
    file.write_bytes(whole.answer.body)
    assert verify_file(file).ok
    assert len(whole.answer.body.splitlines()) == newest["items"][0]["seq"]


async def test_credentials_in_parameters_are_never_shown(bench: Bench) -> None:
    api = Api(bench)
    params = {"name": "nina", "role": "viewer", "word_hash": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"}
    asked = await api.request(by="admin", kind="add-account", params=params)
    seen = [asked.answer.text, (await api.say("GET", "/audit", by="viewer")).answer.text]
    if asked.status == 201:
        seen.append((await api.say("GET", f"/operations/{asked.json['id']}", by="viewer")).answer.text)
    assert not [text for text in seen if "argon2" in text]
