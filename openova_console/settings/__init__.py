"""Typed settings: one YAML file, then the environment (`OPENOVA_…`, nested with `__`), then these defaults.

Every default is the handbook's value where the handbook has one; the field's description says so. Unknown keys are
mistakes. Secrets are given by file path and never by value. `load` raises `SettingsError` with one line per mistake:
where it is, what is wrong, what would be right.
"""

from openova_console.settings.base import Budget, HttpAddress, Section
from openova_console.settings.cnpg import CnpgMetrics, CnpgSettings
from openova_console.settings.console import ConsoleSettings, Environment, HistorySettings, Network
from openova_console.settings.loading import Mistake, SettingsError, load
from openova_console.settings.pace import Cadence, Freshness
from openova_console.settings.regions import (
    BasicEndpoint,
    DnsEndpoint,
    HttpEndpoint,
    KubernetesEndpoint,
    ObjectName,
    Region,
    ValkeyEndpoint,
)
from openova_console.settings.replication import ReplicationSettings
from openova_console.settings.root import Settings
from openova_console.settings.witnesses import LinkSettings, Resolver, WitnessSettings

__all__ = [
    "BasicEndpoint",
    "Budget",
    "Cadence",
    "CnpgMetrics",
    "CnpgSettings",
    "ConsoleSettings",
    "DnsEndpoint",
    "Environment",
    "Freshness",
    "HistorySettings",
    "HttpAddress",
    "HttpEndpoint",
    "KubernetesEndpoint",
    "LinkSettings",
    "Mistake",
    "Network",
    "ObjectName",
    "Region",
    "ReplicationSettings",
    "Resolver",
    "Section",
    "Settings",
    "SettingsError",
    "ValkeyEndpoint",
    "WitnessSettings",
    "load",
]
