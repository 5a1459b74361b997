"""The accounts in `deploy/rbac.yaml` are enough and nothing more: what the code declares, the lab grants, and no more."""

import os
from pathlib import Path

import pytest

from openova_console.operations import rights
from tests.lab.running import Running
from tests.support.engines import R1, R2

DEPLOY = Path(__file__).parents[2] / "deploy" / "rbac.yaml"
NEVER = (
    ("get", "", "secrets", ""),
    ("list", "", "secrets", ""),
    ("create", "", "pods", "exec"),
    ("get", "", "pods", "log"),
    ("delete", "apps", "deployments", ""),
    ("create", "apps", "deployments", ""),
    ("patch", "", "configmaps", ""),
    ("create", "", "serviceaccounts", "token"),
    ("impersonate", "", "users", ""),
    ("bind", "rbac.authorization.k8s.io", "clusterroles", ""),
    ("delete", "kustomize.toolkit.fluxcd.io", "kustomizations", ""),
)
"""What neither account may do anywhere outside of the console's own namespace."""


def test_the_manifest_is_what_the_code_declares():
    if os.environ.get("OPENOVA_WRITE_DOCS") == "1":
        DEPLOY.parent.mkdir(exist_ok=True)
        DEPLOY.write_text(rights.as_text(), encoding="utf-8")
    assert DEPLOY.read_text(encoding="utf-8") == rights.as_text(), "run this test with OPENOVA_WRITE_DOCS=1"


def test_the_reader_only_looks_and_nobody_has_a_wildcard():
    for access in (*rights.reader_access(), *rights.actor_access()):
        assert "*" not in (*access.verbs, access.group, access.plural)
        assert access.plural != "secrets" and "delete" not in access.verbs
    assert {verb for access in rights.reader_access() for verb in access.verbs} == {"get", "list", "watch"}


async def may(
    lab: Running, region: str, account: str, verb: str, group: str, plural: str, sub: str = "", namespace: str = "shop"
):
    token = lab.lab.folder.secret(f"{region}-{account}.token")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": namespace}
    async with lab.http(f"{region}/kubernetes", token=token) as http:
        answer = await http.post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            json={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": asked},
            },
        )
    assert answer.status_code == 201, answer.text
    return answer.json()["status"]["allowed"]


@pytest.mark.parametrize("region", [R1, R2])
async def test_the_labs_accounts_are_these(lab: Running, region: str):
    for access in rights.actor_access():
        for verb in access.verbs:
            where = access.namespace or "shop"
            assert await may(lab, region, "kubernetes-actor", verb, access.group, access.plural, namespace=where), (verb, access)
    for access in rights.reader_access():
        for verb in access.verbs:
            assert await may(lab, region, "kubernetes", verb, access.group, access.plural), (verb, access)
    for account in ("kubernetes", "kubernetes-actor"):
        for verb, group, plural, sub in NEVER:
            assert not await may(lab, region, account, verb, group, plural, sub), (account, verb, plural, sub)
    for verb in ("list", "watch", "delete", "create"):
        assert not await may(lab, region, "kubernetes-actor", verb, "apps", "deployments")
