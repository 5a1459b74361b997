"""The fields of the custom resources, after the projects' own CRDs. What nobody writes here is left open."""

from typing import Any

from openova_console.lab.kube.schema import (
    ANY,
    FLAG,
    LONG,
    NUMBER,
    TEXT,
    WHOLE,
    Leaf,
    anything,
    at_least,
    each,
    one_of,
    texts,
)
from openova_console.lab.kube.shapes_common import CONDITIONS, SELECTOR

GO_DURATION = Leaf("string", pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")
GIT_TIMEOUT = Leaf("string", pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")
_REFERENCE = {"name!": TEXT, **texts("kind apiVersion namespace group")}
_STORE_REFERENCES = [texts("name kind") | {"labelSelector": SELECTOR}]

CUSTOM: dict[str, dict[Any, Any]] = {
    "gitrepositories.source.toolkit.fluxcd.io": {
        "spec": {
            "interval!": GO_DURATION,
            "url!": Leaf("string", pattern=r"^(http|https|ssh)://.*$"),
            "timeout": GIT_TIMEOUT,
            "suspend": FLAG,
            "recurseSubmodules": FLAG,
            "provider": one_of("generic", "azure", "github"),
            "ref": texts("branch tag semver name commit"),
            **texts("ignore serviceAccountName"),
            **anything("include proxySecretRef secretRef sparseCheckout verify"),
        },
        "status": {"conditions": CONDITIONS, "observedGeneration": WHOLE, "lastHandledReconcileAt": TEXT, ...: ANY},
    },
    "kustomizations.kustomize.toolkit.fluxcd.io": {
        "spec": {
            "interval!": GO_DURATION,
            "prune!": FLAG,
            "sourceRef!": {"kind!": TEXT, "name!": TEXT, **texts("apiVersion namespace")},
            **each("retryInterval timeout", GO_DURATION),
            **each("suspend force wait ignoreMissingComponents", FLAG),
            **texts("path namePrefix nameSuffix serviceAccountName targetNamespace"),
            "deletionPolicy": one_of("MirrorPrune", "Delete", "WaitForTermination", "Orphan"),
            "dependsOn": [{"name!": TEXT, **texts("namespace readyExpr")}],
            **anything("commonMetadata components decryption healthCheckExprs healthChecks images kubeConfig patches postBuild"),
        },
        "status": {
            "conditions": CONDITIONS,
            "observedGeneration": WHOLE,
            **texts("lastAppliedOriginRevision lastAppliedRevision lastAttemptedRevision lastHandledReconcileAt"),
            **anything("history inventory"),
        },
    },
    "helmreleases.helm.toolkit.fluxcd.io": {
        "spec": {
            "interval!": GO_DURATION,
            "suspend": FLAG,
            **texts("releaseName targetNamespace storageNamespace serviceAccountName"),
            "timeout": GO_DURATION,
            "maxHistory": WHOLE,
            "persistentClient": FLAG,
            "dependsOn": [{"name!": TEXT, **texts("namespace readyExpr")}],
            **anything("chart chartRef driftDetection install upgrade rollback uninstall test kubeConfig postRenderers"),
            **anything("values valuesFrom healthCheckExprs commonMetadata waitStrategy"),
        }
    },
    "canaries.flagger.app": {
        "spec!": {
            "targetRef!": {"apiVersion": TEXT, "kind!": TEXT, "name!": TEXT},
            "service!": {"port!": NUMBER, ...: ANY},
            "analysis!": {
                **texts("interval stepWeightPromotion"),
                **each("threshold maxWeight stepWeight iterations", NUMBER),
                **anything("stepWeights match mirror mirrorWeight metrics webhooks alerts primaryReadyThreshold"),
                **anything("canaryReadyThreshold sessionAffinity"),
            },
            "provider": TEXT,
            "progressDeadlineSeconds": NUMBER,
            "suspend": FLAG,
            "skipAnalysis": FLAG,
            "revertOnDeletion": FLAG,
            **anything("autoscalerRef ingressRef routeRef upstreamRef metricsServer"),
        }
    },
    "httproutes.gateway.networking.k8s.io": {"spec!": {"hostnames": [TEXT], **anything("parentRefs rules useDefaultGateways")}},
    "clusters.postgresql.cnpg.io": {
        "spec!": {
            "instances!": at_least(1),
            "replica": {
                **texts("primary self source promotionToken minApplyDelay"),
                "source!": TEXT,
                "enabled": FLAG,
            },
            **texts("description imageName imagePullPolicy schedulerName primaryUpdateStrategy primaryUpdateMethod logLevel"),
            **texts("priorityClassName serviceAccountName"),
            **each("minSyncReplicas maxSyncReplicas postgresUID postgresGID", at_least(0)),
            **each("stopDelay startDelay switchoverDelay failoverDelay smartShutdownTimeout", WHOLE),
            "livenessProbeTimeout": WHOLE,
            **each("enableSuperuserAccess enablePDB", FLAG),
            **anything("imageCatalogRef postgresql replicationSlots bootstrap superuserSecret certificates imagePullSecrets"),
            **anything("storage serviceAccountTemplate walStorage ephemeralVolumeSource affinity topologySpreadConstraints"),
            **anything("resources ephemeralVolumesSizeLimit backup nodeMaintenanceWindow monitoring externalClusters"),
            **anything("projectedVolumeTemplate env envFrom managed seccompProfile tablespaces plugins probes"),
            **anything("inheritedMetadata podSecurityContext securityContext isolationCheck"),
        }
    },
    "backups.postgresql.cnpg.io": {
        "spec!": {
            "cluster!": {"name!": TEXT},
            "method": one_of("barmanObjectStore", "volumeSnapshot", "plugin"),
            "target": one_of("primary", "prefer-standby"),
            "online": FLAG,
            **anything("onlineConfiguration pluginConfiguration"),
        }
    },
    "scheduledbackups.postgresql.cnpg.io": {
        "spec!": {
            "schedule!": TEXT,
            "cluster!": {"name!": TEXT},
            "suspend": FLAG,
            "immediate": FLAG,
            "online": FLAG,
            "method": one_of("barmanObjectStore", "volumeSnapshot", "plugin"),
            **texts("target backupOwnerReference"),
            **anything("onlineConfiguration pluginConfiguration"),
        }
    },
    "certificates.cert-manager.io": {
        "spec": {
            "issuerRef!": _REFERENCE,
            "secretName!": TEXT,
            **texts("commonName duration literalSubject renewBefore signatureAlgorithm"),
            **each("dnsNames emailAddresses ipAddresses uris usages", [TEXT]),
            **each("encodeUsagesInRequest isCA", FLAG),
            **each("renewBeforePercentage revisionHistoryLimit", WHOLE),
            **anything("additionalOutputFormats keystores nameConstraints otherNames privateKey renewal secretTemplate subject"),
        },
        "status": {
            "conditions": [
                {
                    "status!": one_of("True", "False", "Unknown"),
                    "type!": TEXT,
                    **texts("lastTransitionTime message reason"),
                    "observedGeneration": WHOLE,
                }
            ],
            **texts("lastFailureTime nextPrivateKeySecretName notAfter notBefore renewalTime"),
            **each("failedIssuanceAttempts revision", WHOLE),
            "acme": ANY,
        },
    },
    "externalsecrets.external-secrets.io": {
        "spec": {
            **texts("refreshInterval"),
            "refreshPolicy": one_of("CreatedOnce", "Periodic", "OnChange"),
            "secretStoreRef": texts("name kind"),
            **anything("target data dataFrom"),
        }
    },
    "pushsecrets.external-secrets.io": {
        "spec": {
            "secretStoreRefs!": _STORE_REFERENCES,
            "selector!": anything("secret generatorRef"),
            "refreshInterval": TEXT,
            "deletionPolicy": one_of("Delete", "None"),
            "updatePolicy": one_of("Replace", "IfNotExists"),
            **anything("data template dataTo"),
        }
    },
    "gslbs.k8gb.absa.oss": {
        "spec": {
            "strategy!": {
                "type!": TEXT,
                "primaryGeoTag": TEXT,
                "dnsTtlSeconds": WHOLE,
                "splitBrainThresholdSeconds": WHOLE,
                "weight": ANY,
            },
            **anything("ingress resourceRef serviceHealthPolicy"),
        }
    },
    "kafkaconnectors.kafka.strimzi.io": {
        "spec": {
            "class": TEXT,
            "tasksMax": at_least(1),
            "state": one_of("paused", "stopped", "running"),
            "pause": FLAG,
            **anything("autoRestart config listOffsets alterOffsets version"),
        }
    },
    "kafkamirrormaker2s.kafka.strimzi.io": {
        "spec": {
            "replicas": at_least(0),
            **texts("version image connectCluster"),
            **anything("target clusters mirrors resources livenessProbe readinessProbe jvmOptions jmxOptions logging"),
            **anything("clientRackInitImage rack metricsConfig tracing template"),
        }
    },
    "schedules.velero.io": {
        "spec": {
            "schedule!": TEXT,
            "template!": ANY,
            **each("paused skipImmediately useOwnerReferencesInBackup", FLAG),
        },
        "status": {
            "phase": one_of("New", "Enabled", "FailedValidation"),
            **texts("lastBackup lastSkipped"),
            "validationErrors": [TEXT],
        },
    },
    "backupstoragelocations.velero.io": {
        "spec": {
            "objectStorage!": {"bucket!": TEXT, **texts("prefix caCert"), "caCertRef": ANY},
            "provider!": TEXT,
            "accessMode": one_of("ReadOnly", "ReadWrite"),
            "default": FLAG,
            **texts("backupSyncPeriod validationFrequency"),
            **anything("config credential"),
        }
    },
    "providers.pkg.crossplane.io": {
        "spec": {
            "package!": TEXT,
            **texts("packagePullPolicy revisionActivationPolicy"),
            "revisionHistoryLimit": LONG,
            "ignoreCrossplaneConstraints": FLAG,
            "skipDependencyResolution": FLAG,
            **anything("packagePullSecrets commonLabels controllerConfigRef runtimeConfigRef"),
        }
    },
}
