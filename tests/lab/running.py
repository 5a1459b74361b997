"""A running lab for tests: free ports, a clock moved by hand, and a client for each of its protocols."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import httpx
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from openova_console.lab.clock import Clock
from openova_console.lab.folder import VALKEY_USER, RunFolder
from openova_console.lab.lab import Lab
from openova_console.lab.names import TLS_NAMES

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
R1, R2 = "region-1", "region-2"
HOST = "127.0.0.1"


@dataclass
class Running:
    """A lab and the clients that reach it."""

    lab: Lab

    @property
    def path(self) -> Path:
        return self.lab.folder.path

    def url(self, endpoint: str) -> str:
        scheme = "https" if endpoint.endswith(("kubernetes", "prometheus")) else "http"
        return f"{scheme}://{HOST}:{self.lab.ports[endpoint]}"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.path / "ca.pem")

    def http(self, endpoint: str, *, token: str | None = None, timeout: float = 8.0) -> httpx.AsyncClient:
        """A client of one endpoint with its token (`token=""`: without)."""
        name = token if token is not None else self.lab.folder.secret(_token_file(endpoint)) if _token_file(endpoint) else ""
        headers = {"Authorization": f"Bearer {name}"} if name else {}
        return httpx.AsyncClient(
            base_url=self.url(endpoint), verify=self.trust(), headers=headers, timeout=timeout, trust_env=False
        )

    async def query(self, region: str, query: str, **form: str) -> list[dict[str, Any]]:
        async with self.http(f"{region}/prometheus") as client:
            answer = await client.post("/api/v1/query", data={"query": query, **form})
        assert answer.status_code == 200, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    async def value(self, region: str, query: str) -> float | None:
        """The one value of an instant query; None when the series is not there."""
        result = await self.query(region, query)
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    async def info(self, region: str, section: str = "replication", *, wait: float = 5.0) -> dict[str, Any]:
        client = redis.asyncio.Redis(
            host=HOST,
            port=self.lab.ports[f"{region}/valkey"],
            username=VALKEY_USER,
            password=self.lab.folder.secret(f"{region}-valkey.password"),
            socket_timeout=wait,
            socket_connect_timeout=wait,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            return await client.info(section)
        finally:
            await client.aclose()

    async def ask(self, witness: str, name: str, *, how: str = "tls", kind: str = "A", timeout: float = 5.0) -> Any:
        question = dns.message.make_query(name, kind, use_edns=0)
        if how == "udp":
            return await dns.asyncquery.udp(question, HOST, timeout, self.lab.ports[witness])
        if how == "tcp":
            return await dns.asyncquery.tcp(question, HOST, timeout, self.lab.ports[witness])
        return await dns.asyncquery.tls(
            question,
            HOST,
            timeout,
            self.lab.ports[f"{witness}/tls"],
            ssl_context=self.trust(),
            server_hostname=TLS_NAMES[witness],
        )

    async def go(self, scenario: str, seconds: float = 0.0) -> None:
        """Start a scenario and let time pass."""
        await self.lab.switch(scenario)
        await self.lab.advance(seconds)


def _token_file(endpoint: str) -> str:
    if endpoint == "control":
        return "control.token"
    region, service = endpoint.split("/")
    return f"{region}-{service}.token" if service in ("kubernetes", "prometheus") else ""


async def running(folder: Path, **options: Any) -> Running:
    """Start a lab with a manual clock."""
    lab = Lab(RunFolder.prepare(folder), **{"seed": 7, "clock": Clock(START), **options})
    await lab.start()
    return Running(lab)
