"""Flux: repositories, kustomizations and releases, all ready at one revision."""

from typing import Any

from openova_console.lab.kube.planting import DOMAIN, TENANT, Planter, condition, stamp
from openova_console.lab.kube.records import Json

_REPOSITORIES = (("platform", "openova/platform"), ("tenants", f"{TENANT}/tenants"))
_KUSTOMIZATIONS = (
    "flux-system network security database middleware storage observability autoscaling workplace tenants "
    f"crds platform-services open-banking {TENANT}-prod {TENANT}-staging"
)
_OWNED = {f"{TENANT}-staging": "tenants"}
"""The Kustomizations that another one applies from Git."""
_RELEASES = (
    ("kube-system", "cilium", "1.18.2"),
    ("cert-manager", "cert-manager", "v1.19.1"),
    ("external-secrets", "external-secrets", "1.1.0"),
    ("external-dns", "external-dns", "1.19.0"),
    ("k8gb", "k8gb", "v0.15.0"),
    ("crossplane-system", "crossplane", "2.0.2"),
    ("trivy-system", "trivy-operator", "0.31.0"),
    ("openova-system", "kyverno", "3.5.2"),
    ("databases", "cloudnative-pg", "0.26.1"),
    ("databases", "mongodb-operator", "0.13.0"),
    ("databases", "strimzi-kafka-operator", "0.48.0"),
    ("databases", "redpanda", "25.1.3"),
    ("databases", "valkey", "0.7.4"),
    ("storage", "minio", "5.4.0"),
    ("storage", "harbor", "1.18.0"),
    ("platform-services", "vault", "0.19.0"),
    ("gitea", "gitea", "12.4.0"),
    ("velero", "velero", "11.1.0"),
    ("platform-services", "flagger", "1.42.0"),
    ("platform-services", "flipt", "0.93.0"),
    ("platform-services", "keycloak", "25.3.0"),
    ("backstage", "backstage", "2.6.1"),
    ("monitoring", "mimir-distributed", "6.0.1"),
    ("monitoring", "grafana", "10.1.4"),
)


def plant_flux(planter: Planter) -> None:
    """41 objects that Flux reconciles."""
    for name, repository in _REPOSITORIES:
        _plant_repository(planter, name, repository)
    for name in _KUSTOMIZATIONS.split():
        _plant_kustomization(planter, name)
    for namespace, name, version in _RELEASES:
        _plant_release(planter, namespace, name, version)


def git_revision(planter: Planter, repository: str) -> str:
    """The revision that Flux reports for a repository's main branch: the same in both regions."""
    return f"main@sha1:{planter.revision(repository, 'main')}"


def _flux_ready(planter: Planter, reason: str, message: str) -> Json:
    return condition("Ready", "True", reason, message, planter.ago(hours=5, minutes=12), observedGeneration=1)


def _plant_repository(planter: Planter, name: str, repository: str) -> None:
    revision = git_revision(planter, name)
    artifact = {
        "digest": planter.digest(name),
        "lastUpdateTime": stamp(planter.ago(hours=5, minutes=12)),
        "path": f"gitrepository/flux-system/{name}/{revision.rpartition(':')[2]}.tar.gz",
        "revision": revision,
        "size": 184320,
        "url": f"http://source-controller.flux-system.svc/gitrepository/flux-system/{name}/latest.tar.gz",
    }
    planter.plant(
        "gitrepositories.source.toolkit.fluxcd.io",
        "flux-system",
        name,
        finalizers=["finalizers.fluxcd.io"],
        spec={
            "interval": "1m0s",
            "ref": {"branch": "main"},
            "timeout": "60s",
            "secretRef": {"name": "gitea-token"},
            "url": f"https://gitea.{DOMAIN}/{repository}.git",
        },
        status={
            "artifact": artifact,
            "observedGeneration": 1,
            "conditions": [
                _flux_ready(planter, "Succeeded", f"stored artifact for revision '{revision}'"),
                condition(
                    "ArtifactInStorage",
                    "True",
                    "Succeeded",
                    f"stored artifact for revision '{revision}'",
                    planter.ago(hours=5),
                    observedGeneration=1,
                ),
            ],
        },
    )


def _owner_labels(name: str) -> dict[str, str]:
    """The labels that kustomize-controller puts on what a Kustomization applies."""
    if name not in _OWNED:
        return {}
    group = "kustomize.toolkit.fluxcd.io"
    return {f"{group}/name": _OWNED[name], f"{group}/namespace": "flux-system"}


def _plant_kustomization(planter: Planter, name: str) -> None:
    source = "tenants" if name.startswith(TENANT) else "platform"
    revision, reconciled = git_revision(planter, source), planter.ago(minutes=planter.rng.randrange(1, 10))
    production = name not in (f"{TENANT}-staging", _OWNED.get(f"{TENANT}-staging"))
    history = {
        "digest": planter.digest(name),
        "firstReconciled": stamp(planter.ago(hours=5)),
        "lastReconciled": stamp(reconciled),
        "lastReconciledDuration": f"{planter.rng.randrange(200, 4000)}.123456ms",
        "lastReconciledStatus": "ReconciliationSucceeded",
        "metadata": {"revision": revision},
        "totalReconciliations": 31,
    }
    planter.plant(
        "kustomizations.kustomize.toolkit.fluxcd.io",
        "flux-system",
        name,
        finalizers=["finalizers.fluxcd.io"],
        labels={"app.kubernetes.io/part-of": "openova", **_owner_labels(name)},
        spec={
            "force": False,
            "interval": "10m0s" if production else "1m0s",
            "retryInterval": "1m0s",
            "prune": True,
            **({"suspend": False} if name in _OWNED else {}),
            "wait": True,
            "timeout": "5m0s",
            "path": f"./clusters/{planter.region.id}/{name}",
            "sourceRef": {"kind": "GitRepository", "name": source},
        },
        status={
            "conditions": [
                _flux_ready(planter, "ReconciliationSucceeded", f"Applied revision: {revision}"),
                condition(
                    "Healthy",
                    "True",
                    "Succeeded",
                    "Health check passed in 93.4ms",
                    planter.ago(hours=5),
                    observedGeneration=1,
                ),
            ],
            "history": [history],
            "inventory": {"entries": [{"id": f"flux-system_{name}__ConfigMap", "v": "v1"}]},
            "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision,
            "observedGeneration": 1,
        },
    )


def _plant_release(planter: Planter, namespace: str, name: str, version: str) -> None:
    deployed = planter.ago(days=9)
    told = f"Helm upgrade succeeded for release {namespace}/{name}.v7 with chart {name}@{version}"
    release: dict[str, Any] = {
        "appVersion": version.removeprefix("v"),
        "chartName": name,
        "chartVersion": version,
        "configDigest": planter.digest(name),
        "digest": planter.digest(name, version),
        "firstDeployed": stamp(planter.ago(days=63)),
        "lastDeployed": stamp(deployed),
        "name": name,
        "namespace": namespace,
        "status": "deployed",
        "version": 7,
    }
    planter.plant(
        "helmreleases.helm.toolkit.fluxcd.io",
        namespace,
        name,
        finalizers=["finalizers.fluxcd.io"],
        labels={
            "kustomize.toolkit.fluxcd.io/name": "platform-services",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
        spec={
            "interval": "30m0s",
            "chart": {
                "spec": {
                    "chart": name,
                    "version": version,
                    "sourceRef": {"kind": "HelmRepository", "name": "harbor", "namespace": "flux-system"},
                }
            },
            "upgrade": {"remediation": {"retries": 3}},
        },
        status={
            "conditions": [
                _flux_ready(planter, "UpgradeSucceeded", told),
                condition("Released", "True", "UpgradeSucceeded", told, deployed, observedGeneration=1),
            ],
            "history": [release],
            "lastAttemptedGeneration": 1,
            "lastAttemptedRevision": version,
            "lastAttemptedReleaseAction": "upgrade",
            "observedGeneration": 1,
            "storageNamespace": namespace,
        },
    )
