"""All settings together, and what must agree between them."""

from typing import Self

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from openova_console.settings.alerts import AlertSettings
from openova_console.settings.api import ApiSettings
from openova_console.settings.console import ConsoleSettings, Environment, HistorySettings, Network
from openova_console.settings.cost import CostSettings
from openova_console.settings.delivery import DeliverySettings
from openova_console.settings.gslb import GslbSettings
from openova_console.settings.notify import NotifySettings
from openova_console.settings.operations import OperationSettings
from openova_console.settings.pace import Cadence, Freshness
from openova_console.settings.regions import Region
from openova_console.settings.replication import ReplicationSettings
from openova_console.settings.slo import SloSettings
from openova_console.settings.witnesses import LinkSettings, WitnessSettings


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
    gslb: GslbSettings = GslbSettings()
    slo: SloSettings = SloSettings()
    delivery: DeliverySettings = DeliverySettings()
    cost: CostSettings = CostSettings()
    alerts: AlertSettings = AlertSettings()
    operations: OperationSettings = OperationSettings()
    api: ApiSettings = ApiSettings()
    notify: NotifySettings = NotifySettings()
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
        for freshness in Freshness.model_fields:
            cadence = "kubernetes_probe_s" if freshness == "kubernetes_s" else freshness
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
