"""The external DNS witnesses and the link between the regions."""

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from openova_console.settings.base import DnsName, MetricName, Port, Seconds, Section


class Resolver(Section):
    """A DNS witness."""

    name: str = Field(min_length=1, description="The provider, e.g. Google")
    address: str = Field(min_length=2, description="IP address; a name would itself need DNS")
    tls_name: str = Field("", description="Name in the certificate, for DNS over TLS")
    port: Port | None = Field(None, description="853 for DNS over TLS, 53 otherwise")

    @field_validator("address")
    @classmethod
    def _is_ip(cls, value: str) -> str:
        ipaddress.ip_address(value)
        return value


class WitnessSettings(Section):
    """External DNS witnesses (handbook, "Split-Brain Protection")."""

    resolvers: tuple[Resolver, ...] = Field(
        (
            Resolver(name="Google", address="8.8.8.8", tls_name="dns.google"),
            Resolver(name="Cloudflare", address="1.1.1.1", tls_name="cloudflare-dns.com"),
            Resolver(name="Quad9", address="9.9.9.9", tls_name="dns.quad9.net"),
        ),
        description="The handbook's three",
    )
    transport: Literal["dot", "udp"] = Field("dot", description="udp can be forged on the path and is marked weak")
    ca_file: Path | None = Field(None, description="Certificate authority of the resolvers; by default the system's")
    quorum: int = Field(2, ge=1, description="How many must agree that a region is unreachable; the handbook says 2 of 3")
    rounds: int = Field(3, ge=1, le=10, description="Questions per witness and region in one poll")
    agree: int = Field(2, ge=1, le=10, description="Rounds that must give the same answer for a vote")
    timeout_s: Seconds = Field(2, description="Per question")
    control_name: DnsName = Field("example.com", description="A name that always exists and that no region serves")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self.resolvers) < 3:
            raise ValueError("at least 3 resolvers are needed: fewer cannot outvote one that is wrong")
        if not len(self.resolvers) // 2 < self.quorum <= len(self.resolvers):
            raise ValueError(f"quorum must be a majority of the {len(self.resolvers)} resolvers")
        if not self.rounds // 2 < self.agree <= self.rounds:
            raise ValueError(f"agree must be a majority of the {self.rounds} rounds")
        if len({r.name for r in self.resolvers}) != len(self.resolvers):
            raise ValueError("two resolvers share one name: give each its own, so that their votes can be told apart")
        addresses = [(r.address, r.port) for r in self.resolvers]
        if len(set(addresses)) != len(addresses):
            raise ValueError("two resolvers share one address: they would be one witness with two votes")
        return self


class LinkSettings(Section):
    """The link between the regions (handbook, "Cross-Region Networking")."""

    kind: Literal["wireguard", "native"] = "wireguard"
    handshake_metric: MetricName = Field(
        "wireguard_latest_handshake_seconds", description="An epoch or an age: told apart by size"
    )
    rtt_metric: MetricName = Field("probe_duration_seconds", description="Round trip of the probe across the link, in seconds")
    success_metric: MetricName = Field("probe_success", description="1 when the probe got through, 0 when not")
    job: str = Field("cross-region", description="The `job` label of the probe's series")
    window_s: Seconds = Field(300, description="Probes of this long are counted for the loss")
    handshake_warn_s: Seconds = Field(300, description="WireGuard shakes hands about every 2 min while packets flow")
    rtt_warn_ms: float = Field(150, gt=0)
    loss_warn_percent: float = Field(1, ge=0, le=100)
