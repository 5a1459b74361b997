"""What brings users in: global load balancing and certificates."""

from datetime import timedelta

from openova_console.lab.kube.planting import DOMAIN, TENANT, Planter, condition, stamp

_CERTIFICATES = (
    ("cilium-gateway", "wildcard-cert", "wildcard-tls", f"*.{DOMAIN}", 61),
    ("gitea", "gitea-cert", "gitea-tls", f"gitea.{DOMAIN}", 74),
    ("platform-services", "keycloak-cert", "keycloak-tls", f"auth.{DOMAIN}", 52),
    ("platform-services", "vault-cert", "vault-tls", f"vault.{DOMAIN}", 47),
    ("storage", "harbor-cert", "harbor-tls", f"harbor.{DOMAIN}", 68),
    ("storage", "minio-cert", "minio-tls", f"minio.{DOMAIN}", 39),
    ("databases", "postgres-server-cert", "postgres-server-tls", f"postgres.{DOMAIN}", 58),
    ("databases", "redpanda-cert", "redpanda-tls", f"redpanda.{DOMAIN}", 82),
)


def plant_entrance(planter: Planter) -> None:
    """Two failover hosts and eight certificates, none within thirty days of its end."""
    for name, host in ((f"{TENANT}-app", "app"), ("auth", "auth")):
        _plant_gslb(planter, name, f"{host}.gslb.{DOMAIN}")
    _plant_certificates(planter)


def _plant_gslb(planter: Planter, name: str, host: str) -> None:
    region = planter.region
    mine = [region.address(10), region.address(11)]
    served = mine if region.is_primary else [region.peer_address(10), region.peer_address(11)]
    rule = {
        "host": host,
        "http": {
            "paths": [
                {
                    "path": "/",
                    "pathType": "Prefix",
                    "backend": {"service": {"name": "portal", "port": {"name": "http"}}},
                }
            ]
        },
    }
    planter.plant(
        "gslbs.k8gb.absa.oss",
        f"{TENANT}-prod",
        name,
        spec={
            "ingress": {"ingressClassName": "cilium", "rules": [rule]},
            "strategy": {
                "type": "failover",
                "primaryGeoTag": region.primary_geo_tag,
                "dnsTtlSeconds": 30,
                "splitBrainThresholdSeconds": 300,
            },
        },
        status={
            "geoTag": region.geo_tag,
            "hosts": host,
            "serviceHealth": {host: "Healthy"},
            "healthyRecords": {host: served},
            "loadBalancer": {"exposedIps": mine},
            "servers": [{"host": host, "services": [{"name": "portal", "namespace": f"{TENANT}-prod"}]}],
        },
    )


def _plant_certificates(planter: Planter) -> None:
    planter.plant(
        "clusterissuers.cert-manager.io",
        "",
        "letsencrypt-prod",
        spec={"acme": {"server": f"https://acme.{DOMAIN}/directory", "privateKeySecretRef": {"name": "letsencrypt-prod"}}},
        status={
            "conditions": [
                condition(
                    "Ready",
                    "True",
                    "ACMEAccountRegistered",
                    "The ACME account was registered with the ACME server",
                    planter.ago(days=63),
                )
            ]
        },
    )
    for namespace, name, secret, host, days_left in _CERTIFICATES:
        ends = (planter.now + timedelta(days=days_left, hours=planter.region.ordinal)).replace(microsecond=0)
        begins = ends - timedelta(days=90)
        planter.plant(
            "certificates.cert-manager.io",
            namespace,
            name,
            since=planter.ago(days=63),
            spec={
                "secretName": secret,
                "dnsNames": [host],
                "duration": "2160h0m0s",
                "renewBefore": "720h0m0s",
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt-prod"},
            },
            status={
                "notBefore": stamp(begins),
                "notAfter": stamp(ends),
                "renewalTime": stamp(ends - timedelta(days=30)),
                "revision": 2,
                "conditions": [
                    condition(
                        "Ready",
                        "True",
                        "Ready",
                        "Certificate is up to date and has not expired",
                        begins,
                        observedGeneration=1,
                    )
                ],
            },
        )
