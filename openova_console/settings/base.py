"""What all settings are made of: types with their limits, and the section that refuses unknown keys."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class Budget(Section):
    """A replication objective in seconds; the handbook gives it in words."""

    warn_s: Seconds
    breach_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warn_s >= self.breach_s:
            raise ValueError(f"warn_s ({self.warn_s:g}) must be smaller than breach_s ({self.breach_s:g})")
        return self
