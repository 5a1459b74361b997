"""One region: where each of its systems answers, and with which account. Without an address that system is not read."""

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from openova_console.settings.base import DnsName, HttpAddress, Identifier, Port, Section


class KubernetesEndpoint(Section):
    """How to reach one region's Kubernetes API: a kubeconfig, the pod's own account, or address and files."""

    kubeconfig: Path | None = None
    context: str | None = None
    in_cluster: bool = False
    server: HttpAddress | None = None
    ca_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.kubeconfig is not None, self.in_cluster, self.server is not None]
        if sum(ways) != 1:
            raise ValueError("give exactly one of kubeconfig, in_cluster: true, or server (with ca_file and token_file)")
        if self.context is not None and self.kubeconfig is None:
            raise ValueError("context needs kubeconfig")
        return self


class HttpEndpoint(Section):
    """An HTTP service of the platform."""

    url: HttpAddress
    ca_file: Path | None = Field(None, description="Certificate authority to trust; by default the system's")
    token_file: Path | None = Field(None, description="Bearer token")
    tenant: str | None = Field(None, description="X-Scope-OrgID of a multi-tenant Mimir")


class ValkeyEndpoint(Section):
    """One region's Valkey."""

    host: str = Field(min_length=1)
    port: Port = 6379
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None


class ObjectName(Section):
    """A namespaced Kubernetes object."""

    namespace: str = Field(min_length=1)
    name: str = Field(min_length=1)


class BasicEndpoint(Section):
    """An HTTP service that takes a name and a password."""

    url: HttpAddress
    ca_file: Path | None = Field(None, description="Certificate authority to trust; by default the system's")
    username: str = Field(min_length=1)
    password_file: Path


class DnsEndpoint(Section):
    """A DNS server by its address: a name would itself need DNS."""

    address: str = Field(min_length=2, description="IP address")
    port: Port = 53

    @field_validator("address")
    @classmethod
    def _is_ip(cls, value: str) -> str:
        ipaddress.ip_address(value)
        return value


class Region(Section):
    """One of the two independent clusters."""

    id: Identifier
    display: str = Field(min_length=1, max_length=40)
    role: Literal["primary", "dr"] = Field(description="The intended role; the observed one is read from the platform")
    place: str = Field("", max_length=60, description="Where it runs, e.g. eu-central · Hetzner")
    geo_tag: str = Field("", description="k8gb's name of this region; by default its id")
    kubernetes: KubernetesEndpoint = Field(description="The account that looks: get, list and watch, and nothing else")
    actor: KubernetesEndpoint | None = Field(
        None, description="The account that changes things; without it nothing can be changed in that region"
    )
    prometheus: HttpEndpoint | None = Field(None, description="Prometheus or Mimir; without it every metric is unknown")
    valkey: ValkeyEndpoint | None = None
    kafka_connect: HttpEndpoint | None = Field(None, description="Kafka Connect's REST API: Debezium, the sink, MirrorMaker 2")
    mirror_maker: HttpEndpoint | None = Field(None, description="MirrorMaker 2's own Connect; by default kafka_connect has it")
    minio: HttpEndpoint | None = Field(None, description="MinIO; the token reads its metrics")
    harbor: BasicEndpoint | None = Field(None, description="Harbor; a robot account that may read replications")
    vault: HttpEndpoint | None = Field(None, description="Vault or OpenBao; the token needs metadata only, never data")
    vault_store: str = Field("", description="Name of the SecretStore or ClusterSecretStore that leads to this region's vault")
    gitea: HttpEndpoint | None = None
    alertmanagers: tuple[HttpEndpoint, ...] = Field((), description="Every peer of the region's Alertmanager")
    opencost: HttpEndpoint | None = Field(None, description="OpenCost; without it the price list is used")
    dns: DnsEndpoint | None = Field(None, description="The region's own CoreDNS, which k8gb feeds")
    postgres_cluster: ObjectName = Field(
        ObjectName(namespace="databases", name="postgres"), description="The CNPG Cluster that holds the business data"
    )
    probe_zone: DnsName | None = Field(None, description="A wildcard name that only this region's DNS serves, for the witnesses")
    lease: ObjectName = Field(
        ObjectName(namespace="failover-controller", name="openova-active"),
        description="The failover controller's Lease",
    )
    grafana_url: HttpAddress | None = None
