"""How much a caller may ask of the REST API, each caller on its own."""

from pydantic import Field

from openova_console.settings.base import Section


class ApiSettings(Section):
    """Limits of `/api/v1`."""

    reads_per_s: float = Field(10, gt=0, le=1000, description="Reads that a caller may make each second, for long")
    reads_burst: int = Field(50, ge=1, le=10_000, description="Reads that a caller may make at once")
    writes_per_s: float = Field(1, gt=0, le=1000, description="Requests and decisions each second, for long")
    writes_burst: int = Field(20, ge=1, le=10_000, description="Requests and decisions at once")
    follows: int = Field(10, ge=1, le=1000, description="Runs that a caller may follow at the same time")
    follow_minutes: float = Field(10, gt=0, le=120, description="A stream of events ends after this time and is taken up again")
    wait_s: float = Field(30, ge=0, le=60, description="How long an answer may be held back until something happens")
