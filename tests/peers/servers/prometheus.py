"""A real Prometheus that scrapes exporters on loopback."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import yaml

from tests.peers.servers.process import Process, program, wait_until
from tests.support.ports import free_port


class PrometheusServer:
    """One region's Prometheus.

    Args:
        jobs: by job name, the (address, labels) of each target.
        every: scrape interval in Prometheus' notation.
        keep: how long samples are kept, in the same notation.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        jobs: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]],
        *,
        every: str = "1s",
        keep: str = "2h",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("prometheus", "prometheus")
        self._folder, self._name, self._keep = folder, name, keep
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._targets = {address for targets in jobs.values() for address, _ in targets}
        configuration = {
            "global": {"scrape_interval": every, "scrape_timeout": every},
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [{"targets": [address], "labels": dict(labels)} for address, labels in targets],
                }
                for job, targets in jobs.items()
            ],
        }
        self._configuration = folder / f"{name}.yml"
        self._configuration.write_text(yaml.safe_dump(configuration))
        self.process: Process | None = None

    @property
    def data(self) -> Path:
        """Where its blocks lie."""
        return self._folder / self._name

    def start(self) -> None:
        """Start it; returns when every target has been scraped once (Prometheus discovers its targets after 5 s)."""
        self.process = Process(
            self._name,
            [
                self._program,
                f"--config.file={self._configuration}",
                f"--storage.tsdb.path={self.data}",
                f"--storage.tsdb.retention.time={self._keep}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            folder=self._folder,
        )
        wait_until(self._scrapes, f"{self._name} scrapes its targets", timeout_s=30, process=self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def _scrapes(self) -> bool:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(f"{self.url}/api/v1/targets", params={"state": "active"}, trust_env=False).json()
            seen = {t["labels"]["instance"] for t in answer["data"]["activeTargets"] if t["health"] != "unknown"}
            return seen >= self._targets
        return False
