"""A real Alertmanager: routed and grouped as in the handbook, warnings inhibited by a critical alert of their namespace."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.peers.servers.process import Process, program, wait_until
from tests.support.ports import free_port

_CONFIGURATION = {
    "route": {
        "receiver": "default",
        "group_by": ["alertname", "namespace"],
        "group_wait": "1s",
        "routes": [{"matchers": ['severity="critical"'], "receiver": "gitea-actions"}],
    },
    "receivers": [{"name": "default"}, {"name": "gitea-actions"}],
    "inhibit_rules": [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity="warning"'],
            "equal": ["namespace"],
        }
    ],
}


class AlertmanagerServer:
    """One Alertmanager on loopback; `peers` are cluster addresses of others, None for one that stands alone."""

    def __init__(self, folder: Path, name: str, *, peers: Sequence[str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("prometheus-alertmanager", "prometheus-alertmanager")
        self._folder, self._name, self._peers = folder, name, peers
        self.port, self.cluster_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._configuration = folder / f"{name}.yml"
        self._configuration.write_text(yaml.safe_dump(_CONFIGURATION))
        self.process: Process | None = None

    @property
    def cluster_address(self) -> str:
        return f"127.0.0.1:{self.cluster_port}"

    def start(self) -> "AlertmanagerServer":
        """Start it; returns when it is ready."""
        cluster = "" if self._peers is None else self.cluster_address
        self.process = Process(
            self._name,
            [
                self._program,
                f"--config.file={self._configuration}",
                f"--storage.path={self._folder / self._name}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                f"--cluster.listen-address={cluster}",
                *(f"--cluster.peer={peer}" for peer in self._peers or ()),
                "--web.external-url=http://alertmanager.example.test:9093",
                "--log.level=warn",
            ],
            folder=self._folder,
        )
        wait_until(self._ready, f"{self._name} is ready", timeout_s=15, process=self.process)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Let alerts fire, as Prometheus would: {"labels": …, "annotations": …, "startsAt": …}."""
        httpx.post(f"{self.url}/api/v2/alerts", json=list(alerts), trust_env=False).raise_for_status()

    def resolve(self, labels: Mapping[str, str]) -> None:
        """End one alert, as Prometheus would."""
        now = datetime.now(UTC)
        times = {"startsAt": (now - timedelta(minutes=1)).isoformat(), "endsAt": (now - timedelta(seconds=1)).isoformat()}
        self.post({"labels": dict(labels), **times})

    def silence(self, **labels: str) -> str:
        """Silence what has these labels for an hour; gives the silence's id."""
        now = datetime.now(UTC)
        body = {
            "matchers": [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "peers",
            "comment": "test",
        }
        answer = httpx.post(f"{self.url}/api/v2/silences", json=body, trust_env=False)
        answer.raise_for_status()
        identity: str = answer.json()["silenceID"]
        return identity

    def ask(self, path: str) -> Any:
        """What the server itself says."""
        answer = httpx.get(f"{self.url}/api/v2/{path}", trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        return False
