"""Who may do what: the reader never acts, only the administrator sees Secrets; what the server says of itself."""

import pytest
from kube_fixtures import CONFIG_MAPS, DEPLOYMENT, DEPLOYMENTS, HELLO, MERGE, Lab, lab, plain, sample, shape

from openova_console.lab.kube.kinds import SERVED
from openova_console.lab.kube.rbac import CONSOLE_NAMESPACE, console_actor, console_reader, viewer

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]
WRITES = ("create", "update", "patch", "delete", "deletecollection")


async def test_reader_reads_every_kind_but_secrets_and_writes_none():
    reader = console_reader()
    for kind in SERVED:
        for verb in ("get", "list", "watch"):
            assert reader.allows(verb, kind.group, kind.plural, "any") is (kind.plural != "secrets"), kind.key
        for verb in WRITES:
            for resource in (kind.plural, f"{kind.plural}/status", f"{kind.plural}/scale", f"{kind.plural}/eviction"):
                assert not reader.allows(verb, kind.group, resource, "any"), (verb, resource)


MAY = {
    ("apps", "deployments"): {"get", "patch"},
    ("apps", "statefulsets"): {"get", "patch"},
    ("apps", "daemonsets"): {"get", "patch"},
    ("", "pods"): {"list"},
    ("source.toolkit.fluxcd.io", "gitrepositories"): {"get"},
    ("kustomize.toolkit.fluxcd.io", "kustomizations"): {"get", "patch"},
}
OWN = {("", "configmaps"): {"get", "create", "patch"}}


@pytest.mark.parametrize("namespace", ["", "any", CONSOLE_NAMESPACE])
async def test_actor_may_do_what_operations_do_and_nothing_more(namespace: str):
    actor = console_actor()
    may = MAY | (OWN if namespace == CONSOLE_NAMESPACE else {})
    for kind in SERVED:
        for verb in (*WRITES, "get", "list", "watch"):
            wanted = verb in may.get((kind.group, kind.plural), ())
            assert actor.allows(verb, kind.group, kind.plural, namespace) is wanted, (verb, kind.key, namespace)
            for subresource in ("status", "scale", "eviction", "exec", "log", "token"):
                assert not actor.allows(verb, kind.group, f"{kind.plural}/{subresource}", namespace)


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("GET", "/api/v1/namespaces/default/secrets/x", '"x" is forbidden: User "console-actor" cannot get resource "secrets"'),
        ("DELETE", HELLO, 'deployments.apps "hello" is forbidden: User "console-actor" cannot delete resource "deployments"'),
        ("POST", "/api/v1/namespaces/default/pods/x/exec", 'pods "x" is forbidden: User "console-actor" cannot create resource'),
        ("PATCH", f"{HELLO}/scale", 'cannot patch resource "deployments/scale" in API group "apps" in the namespace "default"'),
        ("POST", CONFIG_MAPS, 'cannot create resource "configmaps" in API group "" in the namespace "default"'),
    ],
)
async def test_actor_is_refused_the_rest_over_the_wire(lab: Lab, method: str, path: str, sentence: str):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    before = lab.store.revision
    answer = await lab.clients["actor"].request(method, path, json={}, headers=MERGE if method == "PATCH" else {})
    body = answer.json()
    assert (answer.status_code, body["kind"], body["reason"], body["code"]) == (403, "Status", "Forbidden", 403)
    assert sentence in body["message"]
    assert lab.store.revision == before


async def test_actor_keeps_a_mark_in_its_own_namespace(lab: Lab):
    lab.store.create("namespaces", {"metadata": {"name": CONSOLE_NAMESPACE}})
    path = f"/api/v1/namespaces/{CONSOLE_NAMESPACE}/configmaps"
    mark = {"metadata": {"name": "mark"}, "data": {"head": "a"}}
    made = await lab.clients["actor"].post(path, json=mark)
    assert (made.status_code, made.json()["kind"]) == (201, "ConfigMap")
    again = (await lab.clients["actor"].post(path, json=mark)).json()
    captured = sample("409-already-exists")["response"]
    told = {"message": 'configmaps "mark" already exists', "details": {"name": "mark", "kind": "configmaps"}}
    assert again == captured | told
    change = {"metadata": {"resourceVersion": made.json()["metadata"]["resourceVersion"]}, "data": {"head": "b"}}
    assert (await lab.clients["actor"].patch(f"{path}/mark", json=change, headers=MERGE)).json()["data"] == {"head": "b"}
    late = (await lab.clients["actor"].patch(f"{path}/mark", json=change, headers=MERGE)).json()
    assert (late["code"], late["reason"]) == (409, "Conflict")
    assert late["message"].startswith('Operation cannot be fulfilled on configmaps "mark": the object has been modified')


async def test_viewer_sees_config_maps_of_one_namespace_at_a_time(lab: Lab):
    assert not viewer().allows("list", "", "configmaps", "")
    assert (await lab.clients["viewer"].get(CONFIG_MAPS)).status_code == 200
    assert (await lab.clients["viewer"].get("/api/v1/configmaps")).status_code == 403


async def test_reader_is_refused_over_the_wire(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    answer = await lab.clients["reader"].patch(f"{HELLO}/scale", json={"spec": {"replicas": 9}}, headers=MERGE)
    assert answer.status_code == 403
    assert 'cannot patch resource "deployments/scale" in API group "apps"' in answer.json()["message"]
    assert lab.store.get("deployments.apps", "default", "hello")["spec"]["replicas"] == 2


async def test_kinds_that_are_not_installed_are_absent_and_not_forbidden(lab: Lab):
    for path in ("/apis/metrics.k8s.io/v1beta1/nodes", "/apis/failover.openova.io/v1/failovercommands"):
        answer = await lab.clients["reader"].get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_unserved_resource_of_a_built_in_group_is_a_status(lab: Lab):
    answer = await lab.admin.get("/apis/apps/v1/controllerrevisions")
    assert answer.status_code == 404
    assert answer.json()["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize(("who", "name"), [("admin", "allowed"), ("viewer", "denied")])
async def test_access_review(lab: Lab, who, name):
    captured = sample(f"201-selfsubjectaccessreview-{name}")
    answer = await lab.clients[who].post(captured["request"]["path"], json=captured["request"]["body"])
    assert (answer.status_code, answer.json()) == (201, captured["response"])


async def test_self_review(lab: Lab):
    captured = sample("201-selfsubjectreview")
    answer = await lab.clients["viewer"].post(captured["request"]["path"], json=captured["request"]["body"])
    assert (answer.status_code, plain(answer.json())) == (201, plain(captured["response"]))


async def test_version_and_health_are_public(lab: Lab):
    for who in ("anonymous", "reader"):
        answer = await lab.clients[who].get("/version")
        assert (answer.status_code, shape(answer.json())) == (200, shape(sample("200-version")["response"]))
        for path in ("/readyz", "/livez"):
            assert (await lab.clients[who].get(path)).text == "ok"
    assert (await lab.clients["anonymous"].get("/apis")).status_code == 403


async def test_discovery_names_every_served_kind(lab: Lab):
    assert (await lab.clients["reader"].get("/api")).json()["versions"] == ["v1"]
    groups = {group["name"] for group in (await lab.clients["reader"].get("/apis")).json()["groups"]}
    assert groups == {kind.group for kind in SERVED if kind.group}
    for kind in SERVED:
        path = f"/apis/{kind.group}/{kind.versions[0]}" if kind.group else "/api/v1"
        resources = {row["name"] for row in (await lab.clients["reader"].get(path)).json()["resources"]}
        assert kind.plural in resources
        assert (f"{kind.plural}/status" in resources) is kind.status
