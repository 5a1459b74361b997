"""Global load balancing by k8gb (handbook, "Multi-Region Strategy")."""

from pydantic import Field

from openova_console.settings.base import DnsName, Seconds, Section


class GslbSettings(Section):
    """Global load balancing by k8gb (handbook, "Multi-Region Strategy")."""

    zone: DnsName | None = Field(None, description="The zone that is delegated to both regions' CoreDNS, e.g. gslb.example.com")
    nameservers: tuple[DnsName, ...] = Field((), description="The zone's name servers; by default those that both CoreDNS name")
    hosts: tuple[DnsName, ...] = Field((), description="Further hosts to ask for, besides those of the Gslb objects")
    reconcile_s: Seconds = Field(30, description="k8gb's reconcileRequeueSeconds")
    timeout_s: Seconds = Field(2, description="Per question")
