"""The fields of the built-in kinds, after the Kubernetes API types. What nobody writes here is left open."""

from typing import Any

from openova_console.lab.kube.schema import (
    ANY,
    EITHER,
    FLAG,
    LONG,
    MICRO_TIME,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    anything,
    at_least,
    each,
    texts,
)
from openova_console.lab.kube.shapes_common import METADATA, SELECTOR

CONTAINER = {
    **texts("name image workingDir terminationMessagePath terminationMessagePolicy imagePullPolicy restartPolicy"),
    "command": [TEXT],
    "args": [TEXT],
    "ports": [{**texts("name hostIP protocol"), "containerPort": WHOLE, "hostPort": WHOLE}],
    "stdin": FLAG,
    "stdinOnce": FLAG,
    "tty": FLAG,
    **anything("envFrom env resources resizePolicy volumeMounts volumeDevices livenessProbe readinessProbe"),
    **anything("startupProbe lifecycle securityContext"),
}
POD_SPEC = {
    **texts("restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName hostname subdomain schedulerName"),
    **texts("priorityClassName runtimeClassName preemptionPolicy"),
    "containers": [CONTAINER],
    "initContainers": [CONTAINER],
    "terminationGracePeriodSeconds": LONG,
    "activeDeadlineSeconds": LONG,
    "priority": WHOLE,
    "nodeSelector": TEXTS,
    **each("automountServiceAccountToken hostNetwork hostPID hostIPC", FLAG),
    **each("shareProcessNamespace setHostnameAsFQDN enableServiceLinks hostUsers", FLAG),
    **anything("volumes ephemeralContainers securityContext imagePullSecrets affinity tolerations hostAliases"),
    **anything("dnsConfig readinessGates overhead topologySpreadConstraints os schedulingGates resourceClaims resources"),
}
POD_TEMPLATE = {"metadata": METADATA, "spec": POD_SPEC}
JOB_SPEC = {
    "template": POD_TEMPLATE,
    "selector": SELECTOR,
    **each("parallelism completions backoffLimit backoffLimitPerIndex maxFailedIndexes", at_least(0)),
    "ttlSecondsAfterFinished": at_least(0),
    "activeDeadlineSeconds": LONG,
    "manualSelector": FLAG,
    "suspend": FLAG,
    **texts("completionMode podReplacementPolicy managedBy"),
    **anything("podFailurePolicy successPolicy"),
}
REPLICATED = {"replicas": at_least(0), "selector!": SELECTOR, "template": POD_TEMPLATE, "minReadySeconds": at_least(0)}

BUILTIN: dict[str, dict[Any, Any]] = {
    "nodes": {
        "spec": {
            **texts("podCIDR providerID externalID"),
            **anything("podCIDRs taints configSource"),
            "unschedulable": FLAG,
        }
    },
    "namespaces": {"spec": {"finalizers": [TEXT]}},
    "pods": {"spec": POD_SPEC},
    "configmaps": {"data": TEXTS, "binaryData": TEXTS, "immutable": FLAG},
    "secrets": {"data": TEXTS, "stringData": TEXTS, "immutable": FLAG, "type": TEXT},
    "services": {"spec": {**texts("clusterIP type externalName sessionAffinity ipFamilyPolicy"), ...: ANY, "selector": TEXTS}},
    "events": {
        **texts("reason message type action reportingComponent reportingInstance"),
        "count": WHOLE,
        "firstTimestamp": TIME,
        "lastTimestamp": TIME,
        "eventTime": MICRO_TIME,
        **anything("involvedObject source series related"),
    },
    "deployments.apps": {
        "spec": {
            **REPLICATED,
            "revisionHistoryLimit": at_least(0),
            "progressDeadlineSeconds": at_least(0),
            "paused": FLAG,
            "strategy": {"type": TEXT, "rollingUpdate": {"maxUnavailable": EITHER, "maxSurge": EITHER}},
        }
    },
    "replicasets.apps": {"spec": REPLICATED},
    "statefulsets.apps": {
        "spec": {
            **REPLICATED,
            "serviceName": TEXT,
            "podManagementPolicy": TEXT,
            "revisionHistoryLimit": at_least(0),
            **anything("volumeClaimTemplates updateStrategy persistentVolumeClaimRetentionPolicy ordinals"),
        }
    },
    "daemonsets.apps": {
        "spec": {
            "selector!": SELECTOR,
            "template": POD_TEMPLATE,
            "minReadySeconds": at_least(0),
            "revisionHistoryLimit": at_least(0),
            "updateStrategy": {"type": TEXT, "rollingUpdate": {"maxUnavailable": EITHER, "maxSurge": EITHER}},
        }
    },
    "jobs.batch": {"spec": JOB_SPEC},
    "cronjobs.batch": {
        "spec": {
            **texts("schedule timeZone concurrencyPolicy"),
            "startingDeadlineSeconds": LONG,
            "suspend": FLAG,
            "jobTemplate": {"metadata": METADATA, "spec": JOB_SPEC},
            "successfulJobsHistoryLimit": at_least(0),
            "failedJobsHistoryLimit": at_least(0),
        }
    },
    "leases.coordination.k8s.io": {
        "spec": {
            **texts("holderIdentity strategy preferredHolder"),
            "leaseDurationSeconds": at_least(1),
            "leaseTransitions": at_least(0),
            "acquireTime": MICRO_TIME,
            "renewTime": MICRO_TIME,
        }
    },
    "poddisruptionbudgets.policy": {
        "spec": {
            "minAvailable": EITHER,
            "maxUnavailable": EITHER,
            "selector": SELECTOR,
            "unhealthyPodEvictionPolicy": TEXT,
        }
    },
    "horizontalpodautoscalers.autoscaling": {
        "spec": {
            "scaleTargetRef": texts("kind name apiVersion"),
            "minReplicas": at_least(0),
            "maxReplicas": at_least(1),
            **anything("metrics behavior"),
        }
    },
}
