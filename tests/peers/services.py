"""The platform's other servers beside the databases: a Kafka pair with MirrorMaker 2, two MinIOs, two Giteas, an Alertmanager
in each region. They make a world whole; tests of one of them start it alone, which is faster."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.peers.servers.alertmanager import AlertmanagerServer
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.gitea import PUSHED, GiteaPair
from tests.peers.servers.kafka import KafkaPair
from tests.peers.servers.minio import MinioPair

REGIONS = ("region-1", "region-2")


class Services:
    """See the module. Raises `Missing` when a program is not on this machine."""

    def __init__(self, folder: Path, background: Background) -> None:
        self.kafka = KafkaPair(folder / "kafka", background, own_prometheus=False)
        self.minio = MinioPair(folder / "minio", background)
        self.gitea = GiteaPair(folder / "gitea", background)
        self.alertmanagers = {r: AlertmanagerServer(folder / "alertmanager" / r, f"alertmanager-{r}") for r in REGIONS}

    @property
    def starts(self) -> tuple[Callable[[], object], ...]:
        """What starts each, side by side."""
        return (self.kafka.start, self.minio.start, self.gitea.start, *(a.start for a in self.alertmanagers.values()))

    @property
    def all(self) -> Iterable[Any]:
        return (self.kafka, self.minio, self.gitea, *self.alertmanagers.values())

    @property
    def links(self) -> tuple[CutProxy, ...]:
        """What crosses from one region to the other."""
        return (self.kafka.link, self.minio.link, self.gitea.to_second, self.gitea.to_first)

    def beat(self) -> None:
        """Let each region's Watchdog fire, as Prometheus does all the time, and records flow."""
        now = datetime.now(UTC).isoformat()
        with ThreadPoolExecutor(len(REGIONS)) as pool:
            watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}, "startsAt": now}
            for done in [pool.submit(a.post, watchdog) for a in self.alertmanagers.values()]:
                done.result()
        self.kafka.write(20)

    def region(self, region: str) -> dict[str, Any]:
        """What the console's settings say of one region's services."""
        return {
            # One Connect runs the mirror: it is asked for both ends, so that bytes can be counted.
            "kafka_connect": {"url": self.kafka.url},
            "minio": self.minio.settings()[REGIONS.index(region)],
            **self.gitea.settings(region),
            "alertmanagers": [{"url": self.alertmanagers[region].url}],
        }

    def replication(self) -> dict[str, Any]:
        """What they say below `replication`."""
        return {
            "redpanda": self.kafka.names(),
            "minio": {"marker": self.minio.marker()},
            "gitea": {"repositories": [{"name": PUSHED}], "postgres_cluster": None},
        }
