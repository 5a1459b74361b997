"""Every refusal of the lab is the one that was captured from a real server: status, reason, code, message, details."""

import pytest
from kube_fixtures import (
    CANARIES,
    CANARY,
    CONFIG_MAPS,
    DEPLOYMENT,
    DEPLOYMENTS,
    HELLO,
    JSON_PATCH,
    LEASES,
    MERGE,
    STRATEGIC,
    Lab,
    lab,
    plain,
    sample,
)

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]

WITH_STALE = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}
FIRST_TEST = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]

# captured answer, who asks, method, path, what is sent
BY_REQUEST = [
    ("400-bad-body", "admin", "PATCH", HELLO, {"content": b"{nope", "headers": MERGE}),
    ("400-bad-continue", "admin", "GET", f"{CONFIG_MAPS}?limit=2&continue=abc", {}),
    ("401-bad-token", "stranger", "GET", "/api/v1/namespaces", {}),
    ("403-anonymous", "anonymous", "GET", "/api/v1/namespaces", {}),
    ("403-viewer-list-canaries", "viewer", "GET", "/apis/flagger.app/v1beta1/canaries", {}),
    ("403-viewer-list-nodes", "viewer", "GET", "/api/v1/nodes", {}),
    ("403-viewer-list-secrets", "viewer", "GET", "/api/v1/namespaces/default/secrets", {}),
    ("403-viewer-patch-deployment", "viewer", "PATCH", HELLO, {"json": {}, "headers": MERGE}),
    ("404-not-found", "admin", "GET", f"{DEPLOYMENTS}/hellox", {}),
    ("409-already-exists", "admin", "POST", DEPLOYMENTS, {"json": DEPLOYMENT}),
    ("409-delete-precondition", "admin", "DELETE", HELLO, {"json": {"preconditions": {"resourceVersion": "1"}}}),
    ("409-patch-stale-resourceversion", "admin", "PATCH", HELLO, {"json": WITH_STALE, "headers": MERGE}),
    ("415-strategic-patch-on-crd", "admin", "PATCH", f"{CANARIES}/hello", {"json": {}, "headers": STRATEGIC}),
    ("415-unsupported-patch-type", "admin", "PATCH", HELLO, {"json": {"spec": {}}}),
    (
        "422-apply-without-field-manager",
        "admin",
        "PATCH",
        HELLO,
        {"json": {}, "headers": {"Content-Type": "application/apply-patch+yaml"}},
    ),
    ("422-invalid", "admin", "PATCH", HELLO, {"json": {"spec": {"replicas": -1}}, "headers": MERGE}),
    ("422-json-patch-test-failed", "admin", "PATCH", HELLO, {"json": FIRST_TEST, "headers": JSON_PATCH}),
    (
        "504-list-future-resourceversion",
        "admin",
        "GET",
        f"{DEPLOYMENTS}?resourceVersion=99999999&resourceVersionMatch=NotOlderThan",
        {},
    ),
]


@pytest.mark.parametrize(("name", "who", "method", "path", "sent"), BY_REQUEST, ids=[row[0] for row in BY_REQUEST])
async def test_refusal_is_the_captured_one(lab: Lab, name, who, method, path, sent):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    await lab.make(CANARIES, CANARY)
    if "json" in sent:
        sent = {"headers": {"Content-Type": "application/json"}, **sent}
    answer = await lab.clients[who].request(method, path, **sent)
    assert answer.status_code == sample(name)["status"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert plain(answer.json()) == plain(sample(name)["response"])


async def test_unknown_group_answers_a_bare_text(lab: Lab):
    answer = await lab.admin.get("/apis/nope.example/v1/things")
    assert (answer.status_code, answer.text) == (404, sample("404-unknown-resource")["response"])
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_watch_is_refused_before_it_starts(lab: Lab):
    answer = await lab.clients["viewer"].get(f"{DEPLOYMENTS}?watch=1")
    assert answer.status_code == 403
    assert "cannot watch resource" in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "path", "extra"),
    [
        ("409-put-stale-resourceversion", HELLO, {}),
        ("409-scale-put-stale", f"{HELLO}/scale", {"spec": {"replicas": 5}}),
    ],
)
async def test_put_with_a_stale_revision(lab: Lab, name, path, extra):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    first = (await lab.admin.get(path)).json()
    await lab.admin.patch(HELLO, json={"metadata": {"labels": {"touch": "1"}}}, headers=MERGE)
    answer = await lab.admin.put(path, json=first | extra)
    assert answer.status_code == 409
    assert answer.json() == sample(name)["response"]


async def test_put_with_another_uid(lab: Lab):
    made = await lab.make(DEPLOYMENTS, DEPLOYMENT)
    made["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    answer = await lab.admin.put(HELLO, json=made)
    assert answer.status_code == 409
    assert plain(answer.json()) == plain(sample("409-put-wrong-uid")["response"])


async def test_lease_renewal_that_came_second(lab: Lab):
    body = sample("201-lease-create")["request"]["body"]
    mine = await lab.make(LEASES, body)
    theirs = {**mine, "spec": {**mine["spec"], "holderIdentity": "b"}}
    assert (await lab.admin.put(f"{LEASES}/console-leader", json=theirs)).status_code == 200
    answer = await lab.admin.put(f"{LEASES}/console-leader", json=mine)
    assert (answer.status_code, answer.json()) == (409, sample("409-lease-update-lost")["response"])


async def test_lease_time_without_microseconds(lab: Lab):
    body = sample("201-lease-create")["request"]["body"]
    body["spec"]["renewTime"] = "2026-01-01T00:00:00Z"
    answer = await lab.admin.post(LEASES, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert 'cannot parse "Z" as ".000000"' in answer.json()["message"]


async def test_custom_resource_with_missing_fields(lab: Lab):
    answer = await lab.admin.post(CANARIES, json={**CANARY, "metadata": {"name": "bad"}, "spec": {}})
    assert (answer.status_code, answer.json()) == (422, sample("422-crd-schema")["response"])


async def test_custom_resource_with_a_wrong_type_names_the_field(lab: Lab):
    await lab.make(CANARIES, CANARY)
    answer = await lab.admin.patch(f"{CANARIES}/hello", json={"spec": {"suspend": "yes"}}, headers=MERGE)
    assert answer.status_code == 422
    cause = answer.json()["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("FieldValueTypeInvalid", "spec.suspend")


async def test_unknown_field_warns_and_is_dropped(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    answer = await lab.admin.patch(HELLO, json={"spec": {"replicaz": 2}}, headers=MERGE)
    assert answer.status_code == 200
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.replicaz\\""'
    assert "replicaz" not in answer.json()["spec"]


async def test_unknown_field_is_refused_when_strict(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    body = {"spec": {"replicaz": 2}}
    answer = await lab.admin.patch(f"{HELLO}?fieldValidation=Strict&dryRun=All", json=body, headers=MERGE)
    captured = sample("422-unknown-field-strict")["response"]
    assert answer.status_code == 422
    for key in ("kind", "status", "reason", "code"):
        assert answer.json()[key] == captured[key]
    end = 'strict decoding error: unknown field "spec.replicaz"'
    assert captured["message"].endswith(end)
    assert answer.json()["message"].endswith(end)
    assert answer.json()["message"].startswith(' "" is invalid: patch: Invalid value: "{')
    assert answer.json()["details"]["causes"][0]["field"] == captured["details"]["causes"][0]["field"]


async def test_body_over_three_mebibytes(lab: Lab):
    big = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {"a": "x" * 3_200_000}}
    answer = await lab.admin.post(CONFIG_MAPS, json=big)
    assert (answer.status_code, answer.json()["reason"]) == (413, "RequestEntityTooLarge")


async def test_object_in_a_namespace_that_is_not_there(lab: Lab):
    answer = await lab.admin.post("/apis/apps/v1/namespaces/nope/deployments", json=DEPLOYMENT)
    assert (answer.status_code, answer.json()["message"]) == (404, 'namespaces "nope" not found')


async def test_eviction_that_a_budget_forbids(lab: Lab):
    lab.store.create("pods", {"metadata": {"name": "hello-1", "namespace": "default", "labels": {"app": "hello"}}})
    budget = {"disruptionsAllowed": 0, "desiredHealthy": 4, "currentHealthy": 4}
    lab.store.create(
        "poddisruptionbudgets.policy",
        {
            "metadata": {"name": "hello", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "hello"}}},
            "status": budget,
        },
    )
    path = "/api/v1/namespaces/default/pods/hello-1/eviction"
    answer = await lab.admin.post(path, json={"metadata": {"name": "hello-1"}})
    assert answer.status_code == 429
    assert answer.json() == sample("429-eviction-blocked-by-budget")["response"]
    assert "Retry-After" not in answer.headers
    assert lab.store.find("pods", "default", "hello-1") is not None
