"""A change from outside, over HTTP and through the gate of a console that runs: asked for, approved by another, run, sealed.

And the other way round: whatever else is asked of the console, the platform's APIs accept no write that names no run.
"""

import secrets
from typing import Any

import httpx
import pytest

from openova_console.access.machine_tokens import new_token
from tests.support.running import RunningConsole, RunningLab, wait_for

API = "/api/v1"
SUSPEND = {"region": "region-2", "namespace": "flux-system", "name": "autoscaling"}


@pytest.fixture
def as_(running_console: RunningConsole, healthy: None) -> Any:
    """Ask as somebody, as that person's browser would from the console's own page."""

    def ask(name: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        cookies = running_console.sign_in(name)
        sent = {"origin": running_console.url, **headers}
        with httpx.Client(base_url=running_console.url, cookies=cookies, headers=sent, timeout=20, trust_env=False) as client:
            return client.request(method, API + path, json=body)

    return ask


def request(as_: Any, kind: str, name: str = "operator") -> httpx.Response:
    body = {"kind": kind, "params": SUSPEND, "reason": "to look at it in peace"}
    return as_(name, "POST", "/operations", body, **{"idempotency-key": secrets.token_hex(8)})


def done(as_: Any, kind: str) -> dict[str, Any]:
    """Ask for it, approve it as another person, wait for its end."""
    asked = request(as_, kind)
    assert asked.status_code == 201, asked.text
    found = asked.json()
    own = as_("operator", "POST", f"/operations/{found['id']}/approve", {"digest": found["digest"]})
    assert own.status_code == 403 and own.headers["content-type"] == "application/problem+json"
    yes = as_("approver", "POST", f"/operations/{found['id']}/approve", {"digest": found["digest"]})
    assert yes.status_code == 200, yes.text
    return wait_for(
        f"{kind} has ended",
        lambda: (
            (now := as_("viewer", "GET", f"/operations/{found['id']}").json())["state"].startswith(("completed", "paused"))
            and now
        ),
        limit_s=40,
    )


def test_a_change_from_the_click_to_its_sealed_end(as_: Any, running_lab: RunningLab):
    for kind in ("suspend-kustomization", "resume-kustomization"):
        ended = done(as_, kind)
        assert ended["state"] == "completed", ended["sentence"]
        (write,) = [w for w in running_lab.writes() if f"operation={ended['id']}" in w["user_agent"]]
        assert write["user"] == "console-actor" and write["path"].endswith("/kustomizations/autoscaling")


def test_a_viewer_asks_for_nothing_and_is_told_why(as_: Any):
    refused = request(as_, "suspend-kustomization", "viewer")
    assert refused.status_code == 403
    assert "operator" in refused.json()["detail"]


def test_operators_are_told_and_what_failed_is_told_later(as_: Any, running_lab: RunningLab):
    running_lab.fault("chat", "refuse")
    frozen = as_("operator", "POST", "/freezes", {"scope": "kind", "value": "restart-workload", "reason": "telling people"})
    assert frozen.status_code == 201, frozen.text
    one = f"/freezes/{frozen.json()['id']}?reason=it+was+a+test"

    def target() -> dict[str, Any]:
        (found,) = as_("viewer", "GET", "/targets").json()["items"]
        return dict(found)

    wait_for("the receiver is seen to fail", lambda: target()["failing"])
    assert target()["failing"] == "operators refused the connection: nothing listens there"
    running_lab.fault("chat", "up")
    assert as_("operator", "DELETE", one).status_code == 200

    def told() -> set[str]:
        return {heard["body"]["text"] for heard in running_lab.messages()}

    wanted = {
        "Urgent: operator has frozen “Restart a workload”: telling people",
        "Urgent: operator has lifted the freeze of “Restart a workload”: it was a test",
    }
    wait_for("both messages have arrived", lambda: wanted <= told(), limit_s=60)
    assert (target()["waiting"], target()["dead"], target()["failing"]) == (0, 0, "")
    assert as_("admin", "POST", "/targets/test", {"target": "operators"}).json() == {"sentence": "operators took it."}
    wait_for("the test message has arrived", lambda: any(text.startswith("Test message") for text in told()))


def test_a_foreign_page_changes_nothing(running_console: RunningConsole):
    cookies = running_console.sign_in("operator")
    sent = {"origin": "https://evil.example.test", "idempotency-key": "x"}
    with httpx.Client(base_url=running_console.url, cookies=cookies, headers=sent, trust_env=False) as client:
        answer = client.post(
            API + "/operations", json={"kind": "suspend-kustomization", "params": SUSPEND, "reason": "no reason"}
        )
    assert answer.status_code == 403


def test_nobody_who_is_not_signed_in_sees_anything(client: httpx.Client):
    assert client.get(API + "/operations").status_code == 401


def test_every_write_that_the_platform_accepted_names_a_run_or_the_consoles_own_records(as_: Any, running_lab: RunningLab):
    done(as_, "suspend-kustomization"), done(as_, "resume-kustomization")
    known = {f"operation={o['id']} " for o in as_("viewer", "GET", "/operations?limit=200").json()["items"]}
    mine = [w for w in running_lab.writes() if w["user"].startswith("console-")]
    assert mine
    for write in mine:
        records = "operation=records " in write["user_agent"] and "/namespaces/openova-console/configmaps" in write["path"]
        assert records or any(run in write["user_agent"] for run in known), write


def test_a_machine_asks_with_its_token_and_decides_nothing(as_: Any, running_console: RunningConsole):
    token, digest = new_token()
    body = {
        "kind": "create-token",
        "params": {
            "name": f"robot-{secrets.token_hex(3)}",
            "owner": "operator",
            "scopes": ["read", "request:suspend-kustomization"],
            "days": 1,
            "token_sha256": digest,
        },
        "reason": "for the nightly checks",
    }
    made = as_("operator", "POST", "/operations", body, **{"idempotency-key": secrets.token_hex(8)})
    assert made.status_code == 201, made.text
    found = made.json()
    assert as_("approver", "POST", f"/operations/{found['id']}/approve", {"digest": found["digest"]}).status_code == 200
    running_console.secrets.add(token)
    with httpx.Client(
        base_url=running_console.url + API, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as machine:
        wait_for("the token counts", lambda: machine.get("/operations").status_code == 200)
        asked = machine.post(
            "/operations",
            json={"kind": "suspend-kustomization", "params": SUSPEND, "reason": "the check asks"},
            headers={"idempotency-key": secrets.token_hex(8)},
        )
        assert asked.status_code == 201, asked.text
        id_, digest = asked.json()["id"], asked.json()["digest"]
        assert machine.post(f"/operations/{id_}/approve", json={"digest": digest}).status_code == 403
        assert machine.post("/freezes", json={"scope": "all", "reason": "I am a robot"}).status_code == 403
    own = as_("operator", "POST", f"/operations/{id_}/approve", {"digest": digest})
    assert own.status_code == 403 and "yourself" in own.json()["detail"]
    denied = as_("approver", "POST", f"/operations/{id_}/deny", {"reason": "not needed today"})
    assert denied.json()["state"] == "cancelled"
