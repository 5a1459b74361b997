"""The console itself: its process, its network, how long it remembers, and which platform it looks at."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from openova_console.settings.base import HttpAddress, Identifier, Seconds, Section


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


class Network(Section):
    """How the console talks to the platform. Proxies named in the environment are ignored."""

    proxy_url: HttpAddress | None = None
    connect_timeout_s: Seconds = 3
    read_timeout_s: Seconds = 8
    max_body_mib: int = Field(32, ge=1, le=512, description="A larger answer is refused, not read")


class HistorySettings(Section):
    raw_hours: int = Field(24, ge=1, le=168)
    rollup_days: int = Field(35, ge=1, le=400)
