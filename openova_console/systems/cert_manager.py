"""cert-manager Certificates: until when each is valid and whether a renewal runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openova_console.systems import shape
from openova_console.systems.conditions import condition


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One Certificate.

    Attributes:
        not_after: UTC end of validity; None when nothing was ever issued.
        ready: Ready is True. It stays True throughout a renewal.
        issuing: an issuance runs (or waits for ever on an issuer that does not exist: see `reason`).
        revision: counts issued certificates; 0 when none.
    """

    namespace: str
    name: str
    not_after: datetime | None
    ready: bool
    issuing: bool
    reason: str
    revision: int


def facts(items: Iterable[Mapping[str, Any]], *, source: str) -> tuple[CertificateFacts, ...]:
    """Read Certificates, the one that ends first in front, those never issued before all. Raises `Malformed`."""
    found = [_certificate(item, source) for item in items]
    return tuple(sorted(found, key=lambda c: (c.not_after is not None, c.not_after or 0, c.namespace, c.name)))


def _certificate(item: Mapping[str, Any], source: str) -> CertificateFacts:
    ready = condition(source, item, "Ready")
    issuing = condition(source, item, "Issuing")
    return CertificateFacts(
        shape.text(source, item, "metadata", "namespace"),
        shape.require(source, item, "metadata", "name", kind=str),
        shape.instant(source, item, "status", "notAfter"),
        ready is not None and ready.status == "True",
        issuing is not None and issuing.status == "True",
        ready.reason if ready else "",
        shape.optional(source, item, "status", "revision", kind=int) or 0,
    )
