"""Typed settings: one YAML file, then the environment (`OPENOVA_…`, nested with `__`), then these defaults.

Every default is the handbook's value where the handbook has one; the field's description says so. Unknown keys are
mistakes. Secrets are given by file path and never by value. `load` raises `SettingsError` with one line per mistake:
where it is, what is wrong, what would be right.
"""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=86400)]
Port = Annotated[int, Field(ge=1, le=65535)]
HttpAddress = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
DnsName = Annotated[
    str,
    Field(pattern=r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$"),
]
MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]


class Section(BaseModel):
    """A part of the settings: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Environment(Section):
    """Which platform this is, shown on every page."""

    name: str = Field("production", min_length=1, max_length=40, description="Shown in the header and the title")
    kind: Literal["lab", "staging", "production"] = Field("production", description="A lab is striped on every page")


class ConsoleSettings(Section):
    """The console's own process."""

    looks_from: Identifier = Field(description="The region in which this console runs")
    public_url: HttpAddress | None = Field(None, description="Address in the browser when a proxy stands in front")
    allowed_hosts: tuple[str, ...] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="Host names that a request may name; the public address is added",
    )
    trusted_proxy_hops: int = Field(0, ge=0, le=5, description="How many proxies append to X-Forwarded-For")
    data_dir: Path = Field(Path(".data"), description="Where the default database lives")
    database_url: str | None = Field(
        None,
        pattern=r"^(sqlite:///|postgresql\+psycopg://)",
        description="sqlite:///… or postgresql+psycopg://…; by default a file in data_dir",
    )
    metrics_token_file: Path | None = Field(None, description="Bearer token for /metrics; without it only loopback may read")
    log_format: Literal["console", "json"] = Field("console", description="json: one object per line, for a log store")
    session_idle_minutes: int = Field(60, ge=5, le=1440)
    session_hours: int = Field(12, ge=1, le=168, description="A session ends after this time however active it is")
    sign_in_attempts: int = Field(5, ge=1, le=100, description="Failures per account and address before the lock-out")
    lock_out_minutes: int = Field(5, ge=1, le=1440)


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


class Region(Section):
    """One of the two independent clusters."""

    id: Identifier
    display: str = Field(min_length=1, max_length=40)
    role: Literal["primary", "dr"] = Field(description="The intended role; the observed one is read from the platform")
    place: str = Field("", max_length=60, description="Where it runs, e.g. eu-central · Hetzner")
    geo_tag: str = Field("", description="k8gb's name of this region; by default its id")
    kubernetes: KubernetesEndpoint
    prometheus: HttpEndpoint | None = Field(None, description="Prometheus or Mimir; without it every metric is unknown")
    valkey: ValkeyEndpoint | None = None
    postgres_cluster: ObjectName = Field(
        ObjectName(namespace="databases", name="postgres"), description="The CNPG Cluster that holds the business data"
    )
    probe_zone: DnsName | None = Field(None, description="A wildcard name that only this region's DNS serves, for the witnesses")
    lease: ObjectName = Field(
        ObjectName(namespace="failover-controller", name="openova-active"),
        description="The failover controller's Lease",
    )
    grafana_url: HttpAddress | None = None


class Budget(Section):
    """A replication objective in seconds; the handbook gives it in words."""

    warn_s: Seconds
    breach_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warn_s >= self.breach_s:
            raise ValueError(f"warn_s ({self.warn_s:g}) must be smaller than breach_s ({self.breach_s:g})")
        return self


class CnpgMetrics(Section):
    """Names of the CloudNativePG exporter's series (its default monitoring queries)."""

    replication_lag: MetricName = "cnpg_pg_replication_lag"
    in_recovery: MetricName = "cnpg_pg_replication_in_recovery"
    receiver_up: MetricName = "cnpg_pg_replication_is_wal_receiver_up"
    flush_lag: MetricName = "cnpg_pg_stat_replication_flush_lag_seconds"
    flush_diff: MetricName = "cnpg_pg_stat_replication_flush_diff_bytes"
    slot_diff: MetricName = "cnpg_pg_replication_slots_pg_wal_lsn_diff"


class CnpgSettings(Section):
    budget: Budget = Budget(warn_s=5, breach_s=30)
    application_name: str = Field("", description="The DR standby's name in pg_stat_replication; empty accepts the only one")
    slot_name: str = Field("", description="The DR standby's replication slot; empty accepts the only one")
    metrics: CnpgMetrics = CnpgMetrics()


class ReplicationSettings(Section):
    """Objectives of the eight replicated services (handbook, "Data Replication"); the seconds are ours."""

    cnpg: CnpgSettings = CnpgSettings()
    mongodb: Budget = Budget(warn_s=10, breach_s=60)
    redpanda: Budget = Budget(warn_s=10, breach_s=60)
    valkey: Budget = Budget(warn_s=5, breach_s=30)
    minio: Budget = Budget(warn_s=300, breach_s=900)
    harbor: Budget = Budget(warn_s=600, breach_s=1800)
    vault: Budget = Budget(warn_s=60, breach_s=3600)
    gitea: Budget = Budget(warn_s=60, breach_s=600)


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


class Cadence(Section):
    """Seconds between two reads of one source."""

    kubernetes_probe_s: Seconds = Field(10, description="Handbook: health check every 10 s")
    replication_s: Seconds = 15
    valkey_s: Seconds = 10
    witnesses_s: Seconds = 30
    link_s: Seconds = 15
    timeout_s: Seconds = Field(10, description="One read ends after this time whatever happens (handbook: queryTimeout 10 s)")


class Freshness(Section):
    """How old a sample may be, in seconds, before it counts as unknown."""

    kubernetes_s: Seconds = 45
    replication_s: Seconds = 60
    valkey_s: Seconds = 30
    witnesses_s: Seconds = 90
    link_s: Seconds = 90


class Network(Section):
    """How the console talks to the platform. Proxies named in the environment are ignored."""

    proxy_url: HttpAddress | None = None
    connect_timeout_s: Seconds = 3
    read_timeout_s: Seconds = 8
    max_body_mib: int = Field(32, ge=1, le=512, description="A larger answer is refused, not read")


class HistorySettings(Section):
    raw_hours: int = Field(24, ge=1, le=168)
    rollup_days: int = Field(35, ge=1, le=400)


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="OPENOVA_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    environment: Environment = Environment()
    console: ConsoleSettings
    regions: tuple[Region, ...]
    link: LinkSettings = LinkSettings()
    replication: ReplicationSettings = ReplicationSettings()
    witnesses: WitnessSettings = WitnessSettings()
    cadence: Cadence = Cadence()
    freshness: Freshness = Freshness()
    network: Network = Network()
    history: HistorySettings = HistorySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)

    @field_validator("regions")
    @classmethod
    def _one_or_two(cls, regions: tuple[Region, ...]) -> tuple[Region, ...]:
        if not 1 <= len(regions) <= 2:
            raise ValueError(f"{len(regions)} regions are configured; the handbook has two (one is allowed, without DR)")
        for what in ("id", "display"):
            if len({getattr(r, what) for r in regions}) != len(regions):
                raise ValueError(f"both regions have the same {what}; give each its own")
        if len(regions) == 2 and sorted(r.role for r in regions) != ["dr", "primary"]:
            raise ValueError("one region must have role: primary and the other role: dr")
        return regions

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [r.id for r in self.regions]
        if self.console.looks_from not in ids:
            raise ValueError(
                f"console.looks_from is {self.console.looks_from!r}; it must be one of the regions: {', '.join(ids)}"
            )
        for cadence, freshness in (
            ("kubernetes_probe_s", "kubernetes_s"),
            ("replication_s", "replication_s"),
            ("valkey_s", "valkey_s"),
            ("witnesses_s", "witnesses_s"),
            ("link_s", "link_s"),
        ):
            if getattr(self.freshness, freshness) <= getattr(self.cadence, cadence):
                raise ValueError(
                    f"freshness.{freshness} must be longer than cadence.{cadence}, or every sample is stale before the next"
                )
        return self

    def region(self, region_id: str) -> Region:
        """The region with this id. Raises KeyError when there is none."""
        for region in self.regions:
            if region.id == region_id:
                return region
        raise KeyError(region_id)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the console's own database."""
        return self.console.database_url or f"sqlite:///{self.console.data_dir.absolute() / 'console.db'}"


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the settings: dotted path, what is wrong, what would be right."""

    path: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}" + (f". {self.right}" if self.right else "")


class SettingsError(Exception):
    """The settings cannot be used; `mistakes` has one entry each."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(m) for m in mistakes))
        self.mistakes = mistakes


def load(path: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        path: YAML file; by default the one named by `OPENOVA_CONFIG`.

    Raises:
        SettingsError: with every mistake, when the file cannot be read or does not describe a usable console.
    """
    path = path or (Path(os.environ["OPENOVA_CONFIG"]) if os.environ.get("OPENOVA_CONFIG") else None)
    if path is None:
        raise SettingsError([Mistake("OPENOVA_CONFIG", "no settings file is named", "Set it to the path of a YAML file")])
    document = _read(path)
    try:
        settings = Settings(**document)
    except ValidationError as error:
        raise SettingsError([_mistake(e) for e in error.errors(include_url=False)]) from None
    return _resolve_paths(settings, path.absolute().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([Mistake(str(path), f"cannot be read: {error.strerror}", "Name a readable YAML file")]) from None
    except UnicodeDecodeError:
        raise SettingsError([Mistake(str(path), "is not text in UTF-8", "Name a YAML file")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        wrong = f"is not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}"
        raise SettingsError([Mistake(f"{path}, {where}", wrong, "Mend the syntax there")]) from None
    if not isinstance(document, dict) or not all(isinstance(k, str) for k in document):
        raise SettingsError([Mistake(str(path), "is not a mapping of names to values", "Start from examples/production.yaml")])
    return document


def _mistake(error: Any) -> Mistake:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return Mistake(path, "is not a setting", "Remove it, or mend its spelling")
    if kind == "missing":
        return Mistake(path, "is missing", "Add it")
    message = message.removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    return Mistake(path or "settings", message[0].lower() + message[1:] + shown, "")


def _resolve_paths(section: _Model, base: Path) -> _Model:
    """The same settings with every relative path taken from the settings file's own folder."""
    changes: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            changes[name] = value if value.is_absolute() else base / value
        elif isinstance(value, BaseModel):
            changes[name] = _resolve_paths(value, base)
        elif isinstance(value, tuple) and value and all(isinstance(v, BaseModel) for v in value):
            changes[name] = tuple(_resolve_paths(v, base) for v in value)
    return section.model_copy(update=changes)
