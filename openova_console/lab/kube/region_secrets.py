"""Secrets that travel: stores, what is pulled from them and what is pushed into both."""

import base64

from openova_console.lab.kube.planting import DOMAIN, Planter, condition, stamp

_SECRETS = (
    ("databases", "postgres-app", "databases/postgres-app"),
    ("flux-system", "gitea-token", "gitea/flux-token"),
    ("monitoring", "alertmanager-gitea-token", "gitea/alertmanager-token"),
    ("platform-services", "jwt-signing-keys", "auth/jwt-signing-keys"),
    ("storage", "minio-root", "storage/minio-root"),
    ("external-dns", "dns-api-token", "dns/api-token"),
)


def plant_secrets(planter: Planter) -> None:
    """One pull and one push for each secret; every store is valid and every sync fresh."""
    region, refreshed = planter.region, planter.ago(minutes=21)
    stores = sorted((f"vault-{region.id}", f"vault-{region.peer}"))
    for store in stores:
        planter.plant(
            "clustersecretstores.external-secrets.io",
            "",
            store,
            spec={
                "provider": {
                    "vault": {
                        "server": f"https://vault.{store.removeprefix('vault-')}.{DOMAIN}",
                        "path": "secret",
                        "version": "v2",
                    }
                }
            },
            status={
                "capabilities": "ReadWrite",
                "conditions": [condition("Ready", "True", "Valid", "store validated", planter.ago(days=20))],
            },
        )
    for namespace, name, remote in _SECRETS:
        digest = planter.revision(namespace, name)[:8]
        planter.plant(
            "externalsecrets.external-secrets.io",
            namespace,
            name,
            spec={
                "refreshInterval": "1h0m0s",
                "secretStoreRef": {"kind": "ClusterSecretStore", "name": f"vault-{region.id}"},
                "target": {"name": name, "creationPolicy": "Owner"},
                "dataFrom": [{"extract": {"key": remote}}],
            },
            status={
                "refreshTime": stamp(refreshed),
                "syncedResourceVersion": f"1-{digest}",
                "binding": {"name": name},
                "conditions": [condition("Ready", "True", "SecretSynced", "secret synced", planter.ago(days=12))],
            },
        )
        match = {"match": {"secretKey": "value", "remoteRef": {"remoteKey": remote, "property": "value"}}}
        planter.plant(
            "pushsecrets.external-secrets.io",
            namespace,
            f"push-{name}",
            spec={
                "refreshInterval": "1h0m0s",
                "deletionPolicy": "None",
                "updatePolicy": "Replace",
                "secretStoreRefs": [{"kind": "ClusterSecretStore", "name": store} for store in stores],
                "selector": {"secret": {"name": name}},
                "data": [match],
            },
            status={
                "refreshTime": stamp(refreshed),
                "syncedResourceVersion": f"1-{digest}",
                "syncedPushSecrets": {f"ClusterSecretStore/{store}": {f"{remote}/value": match} for store in stores},
                "conditions": [condition("Ready", "True", "Synced", "PushSecret synced successfully", planter.ago(days=12))],
            },
        )
        # The names and ages of Secrets exist for the API to refuse; the lab keeps no values.
        planter.plant("secrets", namespace, name, type="Opaque", data={"value": base64.b64encode(b"-").decode()})
