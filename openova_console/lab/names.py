"""Names that the lab's parts share: regions, endpoints, witnesses, DNS names.

The domains end in `.example`, which no public DNS will ever serve (RFC 2606).
"""

from typing import Final

REGIONS: Final = ("region-1", "region-2")
SERVICES: Final = (
    "kubernetes",
    "prometheus",
    "valkey",
    "exporters",
    "connect",
    "minio",
    "harbor",
    "vault",
    "gitea",
    "alertmanager",
    "opencost",
    "dns",
)
WITNESSES: Final = ("witness-1", "witness-2", "witness-3")
TLS_NAMES: Final = {"witness-1": "dns.google", "witness-2": "cloudflare-dns.com", "witness-3": "dns.quad9.net"}
PROVIDERS: Final = {"witness-1": "Google", "witness-2": "Cloudflare", "witness-3": "Quad9"}

DOMAIN: Final = "lab.example"
CONTROL_NAME: Final = f"control.{DOMAIN}"
CHAT: Final = "chat"
ENDPOINTS: Final = (*(f"{region}/{service}" for region in REGIONS for service in SERVICES), *WITNESSES, CHAT)


def peer(region: str) -> str:
    """The other region."""
    return REGIONS[1] if region == REGIONS[0] else REGIONS[0]


def probe_zone(region: str) -> str:
    """The zone that only this region's DNS serves; any label under it answers while the region lives."""
    return f"probe.{region}.{DOMAIN}"


def endpoints_of(region: str) -> tuple[str, ...]:
    """What the console can reach in one region."""
    return tuple(f"{region}/{service}" for service in SERVICES)
