"""Who may call what: every route of the API against every role, every machine and nobody. What has no rule is refused."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from openova_console.access import sessions
from openova_console.access.roles import Role
from openova_console.api.rest.callers import READ, may, rule_of
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow
from openova_console.store.tables import User
from tests.support.engines import REASON, RESTART, Bench
from tests.support.fault_matrix import Matrix
from tests.support.rest import NOBODY, ROLES, SCOPES, Api

PEOPLE = frozenset(ROLES)
READERS = PEOPLE | {"reader"}
OPERATORS = PEOPLE - {"viewer"}
APPROVERS = frozenset({"approver", "admin"})
ID = "/operations/{id}"

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/kinds"): READERS,
    ("POST", "/operations/preview"): PEOPLE | {"asker"},
    ("POST", "/operations"): OPERATORS | {"asker"},
    ("GET", "/operations"): READERS,
    ("GET", ID): READERS,
    ("GET", f"{ID}/events"): READERS,
    ("GET", f"{ID}/runbook"): READERS,
    ("POST", f"{ID}/approve"): APPROVERS,
    ("POST", f"{ID}/deny"): APPROVERS,
    ("POST", f"{ID}/revoke"): PEOPLE,
    ("POST", f"{ID}/steer"): OPERATORS,
    ("POST", f"{ID}/acknowledge"): OPERATORS,
    ("GET", "/freezes"): READERS,
    ("POST", "/freezes"): OPERATORS,
    ("DELETE", "/freezes/{id}"): OPERATORS,
    ("GET", "/incidents"): READERS,
    ("POST", "/incidents"): OPERATORS,
    ("POST", "/incidents/{id}/end"): OPERATORS,
    ("GET", "/reviews"): READERS,
    ("POST", "/reviews/{id}/close"): APPROVERS,
    ("GET", "/audit"): READERS,
    ("GET", "/audit/export"): frozenset({"approver", "officer", "admin"}),
    ("GET", "/targets"): READERS,
    ("POST", "/targets/test"): frozenset({"admin"}),
    ("GET", "/deliveries"): READERS,
    ("POST", "/deliveries/{id}/retry"): OPERATORS,
    ("GET", "/openapi.json"): READERS,
}
BODIES: dict[str, Any] = {
    "/operations/preview": {"kind": "restart-workload", "params": RESTART},
    "/operations": {"kind": "restart-workload", "params": RESTART, "reason": REASON},
    # A digest that is none: whoever may approve gets as far as that.
    f"{ID}/approve": {"digest": "0" * 64},
    f"{ID}/deny": {"reason": REASON},
    f"{ID}/steer": {"wish": "pause", "reason": REASON},
    f"{ID}/acknowledge": {"reason": REASON},
    "/freezes": {"scope": "kind", "value": "resume-kustomization", "reason": REASON},
    "/incidents": {"title": "the portal is slow"},
    "/incidents/{id}/end": {"reason": REASON},
    "/reviews/{id}/close": {"finding": REASON},
    # A target that is none: whoever may gets as far as that.
    "/targets/test": {"target": "nowhere"},
    "/deliveries/{id}/retry": {"target": "nowhere"},
}
STATES = {f"{ID}/steer": (State.RUNNING, "checkout"), f"{ID}/acknowledge": (State.COMPLETED, "portal")}


def _routes(api: Api) -> list[APIRoute]:
    assert all(isinstance(route, APIRoute) for route in api.api.routes), api.api.routes
    return [route for route in api.api.routes if isinstance(route, APIRoute)]


async def _operation(api: Api, path: str, ids: dict[str, str]) -> str:
    """An operation that waits, or one in the state that a path needs. It is made anew once it has been decided."""
    state, workload = STATES.get(path, (State.PENDING, "portal"))
    if path not in ids or api.bench.row(ids[path]).state != state:
        ids[path] = (await api.pending(workload)).id
        with api.bench.write() as opened:
            row = opened.get(OperationRow, ids[path])
            assert row is not None
            row.state = state.value
            opened.add(row)
    return ids[path]


async def test_every_route_against_every_caller(bench: Bench) -> None:
    api, ids = Api(bench), dict[str, str]()
    assert {(method, route.path) for route in _routes(api) for method in route.methods} == set(MAY)
    wrong = []
    for (method, path), allowed in MAY.items():
        for who in (*ROLES, *SCOPES, NOBODY):
            one = await _operation(api, path, ids) if path.startswith(ID) else "0" * 32
            query = "reason=the+release+is+out" if method == "DELETE" else ""
            headers = {"idempotency-key": f"{who} {path}".replace(" ", "-")}
            said = await api.say(method, path.replace("{id}", one), BODIES.get(path), by=who, query=query, headers=headers)
            expected = who in allowed
            refused = said.status in (401, 403)
            if said.status >= 500 or said.status in (405, 415, 422, 429) or refused is expected:
                wrong.append((method, path, who, said.status, said.answer.text[:200]))
            if who == NOBODY and said.status != 401:
                wrong.append((method, path, who, said.status))
            assert said.answer.header("cache-control") == "no-store"
    assert wrong == []


async def test_a_new_route_without_a_rule_is_refused_for_everybody(bench: Bench) -> None:
    api = Api(bench)
    called = []

    @api.api.get("/forgotten")
    async def forgotten() -> dict[str, str]:
        called.append(1)
        return {}

    @api.api.get("/remembered")
    @may(READ)
    async def remembered() -> dict[str, str]:
        return {}

    said = await api.say("GET", "/forgotten", by="admin")
    assert (said.code, said.json["detail"]) == ("role", "Nobody may call this address: it has no rule.")
    assert called == []
    assert (await api.say("GET", "/remembered", by="admin")).status == 200


async def test_every_route_names_its_rule(bench: Bench) -> None:
    assert [route.path for route in _routes(Api(bench)) if rule_of(route.endpoint) is None] == []


async def test_a_machine_never_decides_not_even_with_every_scope(
    bench: Bench, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCOPES, "mighty", frozenset({"read", "request:*", "approve", "freeze", "*", ""}))
    api = Api(bench)
    row = await api.pending()
    for path in ("approve", "deny", "revoke", "steer", "acknowledge"):
        said = await api.say("POST", f"/operations/{row.id}/{path}", BODIES.get(f"{ID}/{path}"), by="mighty")
        assert (said.code, said.json["detail"]) == ("role", "Only a person may do this; tokens never decide."), path
    for path in ("/freezes", "/incidents"):
        assert (await api.say("POST", path, BODIES[path], by="mighty")).code == "role"
    assert bench.row(row.id).state == State.PENDING
    matrix("stolen token", "approves, denies, steers, freezes", by="role", saw=said.json["detail"])


async def test_a_machine_asks_only_for_the_kinds_in_its_scopes(bench: Bench) -> None:
    api = Api(bench)
    asked = await api.request(by="asker")
    assert (asked.status, asked.json["caller"], asked.json["actor"]) == (201, "machine", "asker (machine of operator)")
    params = {"region": "region-1", "namespace": "flux-system", "name": "apps"}
    other = await api.request("k2", by="asker", kind="suspend-kustomization", params=params)
    assert other.code == "role"
    assert "scope request:suspend-kustomization" in other.json["detail"]
    # It counts as its owner, who cannot approve what it asked for.
    denied = await api.say("POST", f"/operations/{asked.json['id']}/approve", {"digest": asked.json["digest"]}, by="operator")
    assert denied.json["detail"] == "You asked for this yourself: another person has to approve it."


async def test_a_session_that_was_ended_is_nobodys(bench: Bench, matrix: Matrix) -> None:
    api = Api(bench)
    assert (await api.say("GET", "/kinds", by="viewer")).status == 200
    with bench.write() as opened:
        user = opened.get(User, bench.person("viewer").user_id)
        assert user is not None
        user.disabled = True
        opened.add(user)
    # The gate still knows the session for some seconds; the API asks the database.
    said = await api.say("GET", "/kinds", by="viewer")
    assert said.status == 401
    matrix("stolen session", "used after its account was closed", by="sign-in", saw=said.json["detail"])


@pytest.mark.parametrize("how", ["signed out", "role taken away"])
async def test_a_session_in_other_hands_approves_nothing_once_it_is_over(bench: Bench, matrix: Matrix, how: str) -> None:
    api = Api(bench)
    row = await api.pending()
    approver, approve = bench.person("approver", Role.APPROVER), f"/operations/{row.id}/approve"
    assert (await api.say("GET", f"/operations/{row.id}", by="approver")).status == 200
    with bench.write() as opened:
        if how == "signed out":
            assert sessions.revoke_all(session=opened, user_id=int(approver.user_id or 0), now=bench.now())
        else:
            user = opened.get(User, approver.user_id)
            assert user is not None
            user.role = Role.VIEWER.value
            opened.add(user)
    said = await api.say("POST", approve, {"digest": row.digest}, by="approver")
    assert said.status in (401, 403) and bench.row(row.id).state == State.PENDING
    matrix("stolen session", f"approves when it was {how}", by="sign-in, role", saw=said.json["detail"])


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null"])
async def test_another_sites_page_changes_nothing(bench: Bench, origin: str) -> None:
    from tests.support.consoles import call

    api = Api(bench)
    headers = [("cookie", f"openova={api.token('operator')}"), ("origin", origin), ("content-type", "application/json")]
    answer = await call(api.app, "/api/v1/freezes", method="POST", headers=headers, body=b'{"scope":"all","reason":"x y z w"}')
    assert answer.status == 403
    assert (await api.say("GET", "/freezes")).json == {"items": []}
