"""Deployments, their ReplicaSets and Pods, StatefulSets, a DaemonSet, and the CronJobs with their latest Jobs."""

from collections.abc import Mapping
from typing import Any

from openova_console.lab.kube import pods, rollout_sets
from openova_console.lab.kube.cron import latest
from openova_console.lab.kube.planting import TENANT, Planter, condition, owned_by, stamp
from openova_console.lab.kube.records import Json
from openova_console.lab.kube.region_cluster import node_names
from openova_console.lab.kube.rollout_deployments import REVISION

_DEPLOYMENTS = (
    ("flux-system", "source-controller", 1, "flux/source-controller:v1.7.3"),
    ("flux-system", "kustomize-controller", 1, "flux/kustomize-controller:v1.7.3"),
    ("flux-system", "helm-controller", 1, "flux/helm-controller:v1.4.3"),
    ("cert-manager", "cert-manager", 1, "jetstack/cert-manager-controller:v1.19.1"),
    ("external-secrets", "external-secrets", 1, "external-secrets/external-secrets:v1.1.0"),
    ("k8gb", "k8gb", 1, "absaoss/k8gb:v0.15.0"),
    ("k8gb", "k8gb-coredns", 2, "coredns/coredns:1.12.4"),
    ("failover-controller", "failover-controller", 1, "openova/failover-controller:v0.8.2"),
    ("databases", f"{TENANT}-pooler", 2, "cloudnative-pg/pgbouncer:1.24.1"),
    ("databases", "cnpg-controller-manager", 1, "cloudnative-pg/cloudnative-pg:1.27.1"),
    ("platform-services", "flagger", 1, "fluxcd/flagger:1.42.0"),
    ("platform-services", "flipt", 2, "flipt-io/flipt:v1.59.2"),
    ("platform-services", "keycloak", 2, "keycloak/keycloak:26.4"),
    ("gitea", "gitea", 1, "gitea/gitea:1.24.6"),
    ("gitea", "gitea-runner", 2, "gitea/act_runner:0.2.13"),
    ("monitoring", "grafana", 1, "grafana/grafana:12.2.1"),
    ("monitoring", "alertmanager", 2, "prometheus/alertmanager:v0.28.1"),
    ("velero", "velero", 1, "velero/velero:v1.17.0"),
    (f"{TENANT}-prod", "checkout", 3, f"{TENANT}/checkout:2.14.3"),
    (f"{TENANT}-prod", "catalog", 3, f"{TENANT}/catalog:5.2.0"),
    (f"{TENANT}-prod", "payments", 2, f"{TENANT}/payments:1.9.1"),
    (f"{TENANT}-prod", "portal", 2, f"{TENANT}/portal:3.0.7"),
    (f"{TENANT}-staging", "checkout", 1, f"{TENANT}/checkout:2.15.0-rc.1"),
)
_STATEFUL = (
    ("databases", "valkey", 1, "valkey/valkey:8.1.4"),
    ("databases", "mongodb", 3, "mongodb/mongodb-community-server:7.0.5"),
    ("databases", "redpanda", 3, "redpandadata/redpanda:v24.3.14"),
    ("storage", "minio", 4, "minio/minio:RELEASE.2025-09-07"),
    ("platform-services", "vault", 3, "openbao/openbao:2.4.1"),
    ("monitoring", "mimir", 2, "grafana/mimir:2.17.1"),
    ("monitoring", "loki", 1, "grafana/loki:3.5.7"),
)
_DAEMONS = (("monitoring", "node-exporter", "prometheus/node-exporter:v1.10.2"),)
# namespace, name, schedule, image, whether it runs only in the active region
_CRON_JOBS = (
    ("secrets", "rotate-db-credentials", "0 0 1 * *", "openova/secret-rotator:1.4.0", True),
    ("secrets", "rotate-jwt-keys", "0 1 1 * *", "openova/secret-rotator:1.4.0", True),
    ("secrets", "rotate-gitea-tokens", "0 2 1 */3 *", "openova/secret-rotator:1.4.0", True),
    ("platform-services", "process-data-requests", "0 2 * * *", "openova/gdpr:1.2.1", True),
    ("platform-services", "enforce-data-retention", "0 3 * * 0", "openova/gdpr:1.2.1", True),
    ("platform-services", "cleanup-audit-logs", "0 0 1 * *", "openova/gdpr:1.2.1", True),
    ("velero", "verify-backups", "0 4 * * *", "openova/backup-verifier:0.6.0", False),
)


def plant_workloads(planter: Planter) -> None:
    """Everything that runs pods."""
    for namespace, name, replicas, image in _DEPLOYMENTS:
        _plant_deployment(planter, namespace, name, replicas, image)
    for namespace, name, replicas, image in _STATEFUL:
        _plant_stateful(planter, namespace, name, replicas, image)
    for namespace, name, image in _DAEMONS:
        _plant_daemon(planter, namespace, name, image)
    for namespace, name, schedule, image, active_only in _CRON_JOBS:
        _plant_cron_job(planter, namespace, name, schedule, image, suspend=active_only and not planter.region.is_primary)
    _plant_budget(planter, f"{TENANT}-prod", "checkout", 3)


def _template(name: str, image: str, labels: Mapping[str, str]) -> Json:
    container = {
        "name": name,
        "image": f"harbor.openova.example/{image}",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    spec = {
        "containers": [container],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    }
    return {"metadata": {"labels": dict(labels)}, "spec": spec}


def _labels(namespace: str, name: str) -> dict[str, str]:
    tenant = namespace.startswith(TENANT)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": TENANT if tenant else "openova"}
    if tenant:
        environment = "production" if namespace.endswith("prod") else "staging"
        labels |= {"openova.io/tenant": TENANT, "openova.io/environment": environment}
    return labels


def _plant_deployment(planter: Planter, namespace: str, name: str, replicas: int, image: str) -> None:
    since, labels = planter.ago(days=9, hours=replicas), _labels(namespace, name)
    selector = {"matchLabels": {"app.kubernetes.io/name": name}}
    template = _template(name, image, labels)
    spec = {
        "replicas": replicas,
        "selector": selector,
        "template": template,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    pod_hash = planter.revision(namespace, name, image)[:10]
    done = f'ReplicaSet "{name}-{pod_hash}" has successfully progressed.'
    conditions = [
        condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", since),
        condition("Progressing", "True", "NewReplicaSetAvailable", done, since),
    ]
    deployment = planter.plant(
        "deployments.apps",
        namespace,
        name,
        labels=labels,
        annotations={REVISION: "7"},
        spec=spec,
        status={
            "observedGeneration": 1,
            **counts,
            "conditions": [c | {"lastUpdateTime": c["lastTransitionTime"]} for c in conditions],
        },
    )
    hashed = {**labels, pods.POD_HASH: pod_hash}
    replica_set = planter.plant(
        "replicasets.apps",
        namespace,
        f"{name}-{pod_hash}",
        since=since,
        labels=hashed,
        annotations={REVISION: "7"},
        owner=deployment,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {**selector["matchLabels"], pods.POD_HASH: pod_hash}},
            "template": _template(name, image, hashed),
        },
        status={
            "replicas": replicas,
            "fullyLabeledReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "observedGeneration": 1,
        },
    )
    for number in range(replicas):
        plant_pod(planter, replica_set, f"{name}-{pod_hash}-{planter.store.unique()}", number)


def _plant_stateful(planter: Planter, namespace: str, name: str, replicas: int, image: str) -> None:
    labels = _labels(namespace, name)
    counts = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"), replicas)
    document = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
        "serviceName": name,
        "template": _template(name, image, labels),
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    }
    revision = rollout_sets.revision_of({"metadata": {"name": name}, "spec": document})
    revisions = {"currentRevision": revision, "updateRevision": revision, "collisionCount": 0}
    status = {"observedGeneration": 1, **counts, **revisions}
    stateful_set = planter.plant("statefulsets.apps", namespace, name, labels=labels, spec=document, status=status)
    for number in range(replicas):
        own = rollout_sets.pod_labels(stateful_set, number)
        plant_pod(planter, stateful_set, f"{name}-{number}", number, labels=own)


def _plant_daemon(planter: Planter, namespace: str, name: str, image: str) -> None:
    labels, nodes = _labels(namespace, name), node_names(planter.region.id)
    counted = ("currentNumberScheduled", "desiredNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    daemon_set = planter.plant(
        "daemonsets.apps",
        namespace,
        name,
        labels=labels,
        annotations={"deprecated.daemonset.template.generation": "1"},
        spec={
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": _template(name, image, labels),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
        status={**dict.fromkeys(counted, len(nodes)), "numberMisscheduled": 0, "observedGeneration": 1},
    )
    own = rollout_sets.pod_labels(daemon_set)
    for number, node in enumerate(nodes):
        plant_pod(planter, daemon_set, f"{name}-{planter.store.unique()}", number, labels=own, node=node)


def plant_pod(
    planter: Planter, owner: Json, name: str, number: int, *, labels: Mapping[str, str] | None = None, node: str = ""
) -> Json:
    """A running pod of a ReplicaSet, StatefulSet or the like; `labels` come on top of its template's."""
    template, namespace = pods.labelled(owner["spec"]["template"], labels or {}), owner["metadata"]["namespace"]
    since = planter.ago(days=9, hours=number, minutes=13 * number)
    nodes = node_names(planter.region.id)
    node = node or nodes[(number + len(name)) % len(nodes)]
    host_ip = f"10.{planter.region.ordinal}0.0.{11 + nodes.index(node)}"
    pod_ip = f"10.4{planter.region.ordinal}.{1 + nodes.index(node)}.{10 + planter.rng.randrange(200)}"
    return planter.plant(
        "pods",
        namespace,
        name,
        since=since,
        labels=template["metadata"]["labels"],
        owner=owner,
        spec={**template["spec"], "nodeName": node, "serviceAccountName": "default"},
        status=pods.running(template["spec"]["containers"][0], since, host_ip, pod_ip),
    )


def _plant_budget(planter: Planter, namespace: str, name: str, healthy: int) -> None:
    planter.plant(
        "poddisruptionbudgets.policy",
        namespace,
        name,
        spec={"minAvailable": healthy - 1, "selector": {"matchLabels": {"app.kubernetes.io/name": name}}},
        status={
            "observedGeneration": 1,
            "disruptionsAllowed": 1,
            "currentHealthy": healthy,
            "desiredHealthy": healthy - 1,
            "expectedPods": healthy,
        },
    )


def _plant_cron_job(planter: Planter, namespace: str, name: str, schedule: str, image: str, *, suspend: bool) -> None:
    template = _template(name, image, {"app.kubernetes.io/name": name})
    template["spec"]["restartPolicy"] = "Never"
    fired = latest(schedule, planter.now)
    status: dict[str, Any] = {}
    if fired is not None and not suspend:
        status = {"lastScheduleTime": stamp(fired), "lastSuccessfulTime": stamp(fired)}
    cron_job = planter.plant(
        "cronjobs.batch",
        namespace,
        name,
        since=planter.ago(days=63),
        labels={"app.kubernetes.io/part-of": "openova"},
        spec={
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "suspend": suspend,
            "jobTemplate": {"metadata": {}, "spec": {"backoffLimit": 1, "template": template}},
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
        },
        status=status,
    )
    if fired is not None and not suspend:
        job = job_of(cron_job, fired.timestamp())
        job["metadata"] |= {"namespace": namespace, "creationTimestamp": stamp(fired)}
        planter.store.create("jobs.batch", {**job, "status": completed(fired.isoformat(), fired.isoformat())})


def job_of(cron_job: Json, fired: float) -> Json:
    """The Job that a CronJob makes at an instant (seconds since 1970)."""
    template = cron_job["spec"]["jobTemplate"]
    name = f"{cron_job['metadata']['name']}-{int(fired // 60)}"
    labels = {**template.get("metadata", {}).get("labels", {}), "batch.kubernetes.io/job-name": name}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owned_by(cron_job)]}
    return {"metadata": metadata, "spec": {"parallelism": 1, "completions": 1, **template["spec"]}}


def completed(started: str, finished: str) -> Json:
    """The status of a Job that succeeded; arguments are ISO instants."""
    started, finished = (text.replace("+00:00", "Z") for text in (started, finished))
    row = {
        "status": "True",
        "lastProbeTime": finished,
        "lastTransitionTime": finished,
        "reason": "CompletionsReached",
        "message": "Reached expected number of succeeded pods",
    }
    return {
        "startTime": started,
        "completionTime": finished,
        "succeeded": 1,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": [{"type": "SuccessCriteriaMet", **row}, {"type": "Complete", **row}],
    }
