"""`deploy/rbac.yaml` on real API servers: the two accounts may do what the code declares, and nothing more.

That it is enough, every other test of this folder shows too: they run with these accounts.
"""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from openova_console import settings as console_settings
from openova_console.operations import rights
from openova_console.operations.operation import Access
from openova_console.operations.rights import ACTOR, NAMESPACE, READER
from openova_console.systems import errors, kinds
from openova_console.watch.collectors.kubernetes import MIRRORED, KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import ask
from tests.peers.changes.platform import SHOP, Platform, RegionServers
from tests.support.engines import R1, R2

DECLARED = {READER: rights.reader_access(), ACTOR: rights.actor_access()}
WRITING = ("create", "update", "patch", "delete", "deletecollection")
VERBS = ("get", "list", "watch", *WRITING)
RESOURCES: tuple[tuple[str, str, str], ...] = (
    *((group, plural, "") for group, plural in sorted({(a.group, a.plural) for some in DECLARED.values() for a in some})),
    *(("", plural, "") for plural in ("secrets", "configmaps", "pods", "nodes", "serviceaccounts", "namespaces", "services")),
    *(("", "pods", part) for part in ("exec", "attach", "portforward", "eviction", "log", "ephemeralcontainers", "binding")),
    *(("", "nodes", part) for part in ("proxy", "status")),
    ("", "serviceaccounts", "token"),
    *(("apps", plural, part) for plural in ("deployments", "statefulsets", "daemonsets") for part in ("status", "scale")),
    ("apps", "replicasets", ""),
    ("batch", "jobs", ""),
    ("batch", "cronjobs", ""),
    ("networking.k8s.io", "networkpolicies", ""),
    ("kustomize.toolkit.fluxcd.io", "kustomizations", "status"),
    ("source.toolkit.fluxcd.io", "gitrepositories", "status"),
    *(("rbac.authorization.k8s.io", f"{scope}{what}", "") for scope in ("", "cluster") for what in ("roles", "rolebindings")),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", ""),
    ("apiextensions.k8s.io", "customresourcedefinitions", ""),
    ("certificates.k8s.io", "certificatesigningrequests", ""),
    ("authentication.k8s.io", "tokenreviews", ""),
)
SPECIAL = (
    *(("escalate", "rbac.authorization.k8s.io", f"{scope}roles") for scope in ("", "cluster")),
    *(("bind", "rbac.authorization.k8s.io", f"{scope}roles") for scope in ("", "cluster")),
    *(("impersonate", "", who) for who in ("users", "groups", "serviceaccounts")),
    *(("*", "*", "*"), ("*", "", "secrets"), ("approve", "certificates.k8s.io", "signers")),
)
PLACES = (NAMESPACE, SHOP, "kube-system", "")
"""The console's own namespace, that of workloads, the platform's own, and all of them at once."""


def user(account: str) -> str:
    return f"system:serviceaccount:{NAMESPACE}:{account}"


def declared(account: str, verb: str, group: str, plural: str, namespace: str) -> bool:
    def fits(access: Access) -> bool:
        named = (access.group, access.plural) == (group, plural) and verb in access.verbs
        return named and (not access.namespace or access.namespace == namespace)

    return any(fits(access) for access in DECLARED[account])


@pytest.fixture(params=[R1, R2])
def each(platform: Platform, request: pytest.FixtureRequest) -> RegionServers:
    return platform.regions[request.param]


@pytest.mark.parametrize("account", [READER, ACTOR])
def test_each_verb_on_each_resource_is_allowed_exactly_where_it_is_declared(region: RegionServers, account: str):
    found = {}
    for (group, plural, part), verb, place in itertools.product(RESOURCES, VERBS, PLACES):
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": part, "namespace": place}
        wanted = not part and declared(account, verb, group, plural, place)
        if region.api.allows(user(account), asked) is not wanted:
            found[verb, group, plural, part, place] = not wanted
    assert not found
    for verb, group, plural in SPECIAL:
        asked = {"verb": verb, "group": group, "resource": plural, "namespace": NAMESPACE}
        assert not region.api.allows(user(account), asked), asked


@pytest.mark.parametrize("account", [READER, ACTOR])
def test_what_the_server_lists_as_the_accounts_rights_is_what_the_code_declares(each: RegionServers, account: str):
    """The whole list, so that nothing that nobody thought of is allowed."""
    for namespace in (NAMESPACE, SHOP):
        with own_client(each, account) as client:
            review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
            answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json=review)
        listed = answer.json()["status"]
        assert listed["incomplete"] is False
        granted = set(_flat(listed["resourceRules"]))
        wanted = {
            (verb, access.group, access.plural)
            for access in DECLARED[account]
            if not access.namespace or access.namespace == namespace
            for verb in access.verbs
        }
        # Every account that has signed in may ask who it is and what it may do.
        own = {("create", "authorization.k8s.io", f"selfsubject{what}reviews") for what in ("access", "rules")}
        assert granted == wanted | own | {("create", "authentication.k8s.io", "selfsubjectreviews")}


def _flat(rules: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for rule in rules:
        assert not rule.get("resourceNames")
        yield from itertools.product(rule["verbs"], rule["apiGroups"], rule["resources"])


def own_client(region: RegionServers, account: str) -> httpx.Client:
    return region.api.client(region.tokens[account].read_text().strip())


TRIED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api/v1/secrets", None),
    ("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/any", None),
    ("POST", f"/api/v1/namespaces/{SHOP}/pods/any/exec?command=sh", None),
    ("GET", f"/api/v1/namespaces/{SHOP}/pods/any/log", None),
    ("POST", f"/api/v1/namespaces/{SHOP}/pods/any/eviction", {"metadata": {"name": "any"}}),
    ("DELETE", f"/apis/apps/v1/namespaces/{SHOP}/deployments/guarded", None),
    ("DELETE", f"/apis/apps/v1/namespaces/{SHOP}/deployments", None),
    ("PUT", f"/apis/apps/v1/namespaces/{SHOP}/deployments/guarded", {}),
    ("PATCH", f"/apis/apps/v1/namespaces/{SHOP}/deployments/guarded/scale", {"spec": {"replicas": 0}}),
    ("PATCH", f"/apis/apps/v1/namespaces/{SHOP}/deployments/guarded/status", {"status": {}}),
    ("PATCH", "/api/v1/nodes/pretended-1", {"spec": {"unschedulable": True}}),
    ("PATCH", f"/api/v1/namespaces/{SHOP}/configmaps/any", {"data": {}}),
    ("DELETE", f"/api/v1/namespaces/{NAMESPACE}/configmaps/any", None),
    ("PATCH", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ACTOR}", {"rules": []}),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {"metadata": {"name": "mine"}}),
    ("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACTOR}/token", {"spec": {}}),
    ("DELETE", f"/api/v1/namespaces/{SHOP}", None),
)
KIND = {"PATCH": "application/merge-patch+json"}


@pytest.mark.parametrize("account", [READER, ACTOR])
def test_what_they_must_not_do_is_answered_with_403_when_it_is_tried(region: RegionServers, account: str):
    region.deploy("guarded")
    before = region.api.get(kinds.DEPLOYMENTS, SHOP, "guarded")["metadata"]
    with own_client(region, account) as client:
        for method, path, body in TRIED:
            kind = {"Content-Type": KIND.get(method, "application/json")}
            answer = client.request(method, path, json=body, headers=kind)
            assert answer.status_code == 403, (method, path, answer.status_code, answer.text[:200])
        for header in ({"Impersonate-User": "admin"}, {"Impersonate-User": "x", "Impersonate-Group": "system:masters"}):
            assert client.get("/api/v1/nodes", headers=header).status_code == 403
    after = region.api.get(kinds.DEPLOYMENTS, SHOP, "guarded")["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])


def test_the_reader_changes_nothing_and_the_actor_lists_nothing(region: RegionServers):
    region.deploy("looked-at")
    path = f"/apis/apps/v1/namespaces/{SHOP}/deployments/looked-at"
    with own_client(region, READER) as reader, own_client(region, ACTOR) as actor:
        assert reader.get(path).status_code == 200 and actor.get(path).status_code == 200
        patch = {"headers": {"Content-Type": KIND["PATCH"]}, "json": {"metadata": {"labels": {"a": "b"}}}}
        assert (reader.patch(path, **patch).status_code, actor.patch(path, **patch).status_code) == (403, 200)
        assert reader.get("/apis/apps/v1/deployments").status_code == 200
        assert actor.get("/apis/apps/v1/deployments").status_code == 403
        assert actor.get("/apis/apps/v1/deployments?watch=1").status_code == 403


async def test_the_reader_may_read_everything_that_the_console_watches(platform: Platform, each: RegionServers):
    api = await ask.connect(each.api, each.tokens[READER])
    missing = []
    for resource in dict.fromkeys((*MIRRORED, kinds.EVENTS)):
        try:
            await api.list(resource)
        except errors.NotInstalled:
            missing.append(resource.plural)
    await api.aclose()
    # Kinds without a definition here: the API server says so only to those that may read them.
    assert "deployments" not in missing and "kustomizations" not in missing

    settings = console_settings.load(platform.config_file)
    collector = KubernetesCollector(settings.region(each.id), settings, SnapshotStore())
    try:
        async with asyncio.timeout(30):
            while pending := _unread(collector):
                await collector.read()
                await asyncio.sleep(0.1)
    finally:
        await collector.close()
    assert not pending


def _unread(collector: KubernetesCollector) -> list[str]:
    """The kinds that are neither read nor known to be missing."""
    copies = {resource.plural: collector.copy_of(resource) for resource in MIRRORED}
    for plural, copy in copies.items():
        assert "403" not in copy.error, (plural, copy.error)
    return [plural for plural, copy in copies.items() if copy.confirmed_at is None and not copy.not_installed]
