"""What a client may ask about itself, and what the server says of itself."""

from openova_console.lab.kube.bodies import parsed
from openova_console.lab.kube.errors import Cause, NoSuchPath, bad_request, invalid
from openova_console.lab.kube.kinds import SERVED, Kind
from openova_console.lab.kube.rbac import Account
from openova_console.lab.kube.records import Json

VERSION: Json = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.2+k3s1",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-11-18T11:33:27Z",
    "goVersion": "go1.24.9",
    "compiler": "gc",
    "platform": "linux/amd64",
}


_KINDS = {
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    "selfsubjectreviews": "SelfSubjectReview",
}


def review(kind: str, account: Account, text: bytes, stamp: str) -> Json:
    """Answer a SelfSubjectAccessReview, SelfSubjectRulesReview or SelfSubjectReview. Raises `Refusal` 400, 422."""
    wanted = _KINDS[kind]
    body = parsed(text, wanted)
    if body.get("kind", wanted) != wanted:
        group = "authentication" if kind == "selfsubjectreviews" else "authorization"
        unregistered = f'no kind "{body["kind"]}" is registered for version "{group}.k8s.io/v1"'
        raise bad_request(
            f'{body["kind"]} in version "v1" cannot be handled as a {wanted}: {unregistered} '
            'in scheme "pkg/runtime/scheme.go:110"'
        )
    spec: Json = body.get("spec") or {}
    if kind == "selfsubjectaccessreviews":
        return _access(account, spec)
    if kind == "selfsubjectrulesreviews":
        return _rules(account)
    user: Json = {"username": account.name, "uid": account.uid, "groups": list(account.groups)}
    if not account.uid:
        del user["uid"]
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": stamp},
        "status": {"userInfo": user},
    }


def _access(account: Account, spec: Json) -> Json:
    wanted = spec.get("resourceAttributes")
    if not isinstance(wanted, dict):
        told = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = Cause("FieldValueInvalid", told, "spec.resourceAttributes")
        raise invalid("", "authorization.k8s.io", "", [cause])
    resource = wanted.get("resource", "")
    if wanted.get("subresource"):
        resource = f"{resource}/{wanted['subresource']}"
    allowed = account.allows(wanted.get("verb", ""), wanted.get("group", ""), resource, wanted.get("namespace", ""))
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": spec,
        "status": {"allowed": allowed},
    }


def _rules(account: Account) -> Json:
    rules = [
        {"verbs": sorted(rule.verbs), "apiGroups": [rule.group], "resources": sorted(rule.resources)} for rule in account.rules
    ]
    public = [
        {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]},
        {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*"]},
    ]
    return {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {},
        "status": {"resourceRules": rules, "nonResourceRules": public, "incomplete": False},
    }


def discovery(path: str) -> Json:
    """Minimal discovery below `/api` and `/apis`. Raises `NoSuchPath`."""
    parts = [part for part in path.split("/") if part]
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if parts == ["apis"]:
        groups = dict.fromkeys(kind.group for kind in SERVED if kind.group)
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}
    if len(parts) == 2 and parts[0] == "apis" and any(kind.group == parts[1] for kind in SERVED):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1])}
    group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else _group_version(parts)
    kinds = [kind for kind in SERVED if kind.group == group and version in kind.versions]
    if not kinds:
        raise NoSuchPath(path)
    resources = [resource for kind in kinds for resource in _resources(kind)]
    whole = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": whole, "resources": resources}


def _group_version(parts: list[str]) -> tuple[str, str]:
    if len(parts) != 3 or parts[0] != "apis":
        raise NoSuchPath("/".join(parts))
    return parts[1], parts[2]


def _group(group: str) -> Json:
    versions = dict.fromkeys(version for kind in SERVED if kind.group == group for version in kind.versions)
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _resources(kind: Kind) -> list[Json]:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    common = {"singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
    found = [{"name": kind.plural, **common, "verbs": verbs}]
    if kind.status:
        found.append({"name": f"{kind.plural}/status", **common, "singularName": "", "verbs": ["get", "patch", "update"]})
    if kind.scale is not None:
        scale = {"name": f"{kind.plural}/scale", "singularName": "", "namespaced": kind.namespaced, "kind": "Scale"}
        found.append({**scale, "group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]})
    if kind.key == "pods":
        eviction = {"name": "pods/eviction", "singularName": "", "namespaced": True, "kind": "Eviction"}
        found.append({**eviction, "group": "policy", "version": "v1", "verbs": ["create"]})
    return found
