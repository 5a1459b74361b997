"""The two-region platform made of real servers, on loopback: start, cut, restore, stop.

Region 1 holds the Postgres primary and the Redis primary; region 2 follows both through cut proxies. Each region has its
own API server, Prometheus and DNS authority; three resolvers are the witnesses. A whole world has Kafka, MinIO, Gitea and
Alertmanager as well. `console.yaml` in the folder points a console at all of it.
"""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.peers import objects
from tests.peers.servers.authority import Authority
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.dns import DnsAuthority, Witness
from tests.peers.servers.exporter import Exporter, cnpg_metrics, probe_metrics
from tests.peers.servers.kubernetes import ApiServer
from tests.peers.servers.postgres import APPLICATION_NAME, SLOT_NAME, PostgresPair
from tests.peers.servers.prometheus import PrometheusServer
from tests.peers.servers.redis import RedisPair
from tests.peers.services import Services

REGIONS = ("region-1", "region-2")
CONTROL_ZONE = "control.example.test"
WITNESSES = (("Google", "dns.google"), ("Cloudflare", "cloudflare-dns.com"), ("Quad9", "dns.quad9.net"))


def probe_zone(region: str) -> str:
    """The wildcard zone that only this region's authority serves."""
    return f"probe.{region}.example.test"


class World:
    """All peers. Use as a context manager; leaving it stops every one.

    Args:
        folder: logs, tokens, certificates and `console.yaml`; what an earlier world left there is removed.
        lab_exporters: by region, host:port of further exporters that its Prometheus is to scrape.
        whole: with the servers of `services` too; takes about 20 s more.
        say: told what is being started.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lab_exporters: Mapping[str, Iterable[str]] | None = None,
        whole: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.absolute()
        self._lab_exporters = lab_exporters or {}
        self._whole = whole
        self.services: Services | None = None
        self._say = say
        self._stack = contextlib.ExitStack()
        self._beating = threading.Event()

    def __enter__(self) -> "World":
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        for leftover in ("authority", "postgres", "redis", "dns", "kafka", "minio", "gitea", "alertmanager", *REGIONS):
            shutil.rmtree(self.folder / leftover, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(self.folder / "authority")
        self._background = self._stack.enter_context(Background())
        self.api = {r: ApiServer(self.folder / r / "kubernetes", self.authority, r) for r in REGIONS}
        self.postgres = PostgresPair(self.folder / "postgres", self._background)
        self.redis = RedisPair(self.folder / "redis", self._background)
        zones = [(probe_zone("region-1"), "192.0.2.10"), (probe_zone("region-2"), "192.0.2.20"), (CONTROL_ZONE, "192.0.2.99")]
        self.authorities = {zone: DnsAuthority(self.folder / "dns" / zone, zone, address) for zone, address in zones}
        if self._whole:
            self.services = Services(self.folder, self._background)
        others = self.services
        self._at_once(
            *(api.start for api in self.api.values()),
            self.postgres.start,
            self.redis.start,
            *(authority.start for authority in self.authorities.values()),
            *(others.starts if others else ()),
            stops=[*self.api.values(), self.postgres, self.redis, *self.authorities.values(), *(others.all if others else ())],
        )
        self.probe_links = {
            "region-1": CutProxy(self._background, self.redis.replica_port),
            "region-2": CutProxy(self._background, self.redis.primary_port),
        }
        self._stack.callback(lambda: [link.refuse() for link in self.probe_links.values()])
        self.restore_link()
        forwards = {zone: authority.port for zone, authority in self.authorities.items()}
        dns = self.folder / "dns"
        self.witnesses = [Witness(dns / n.lower(), self.authority, n, tls_name, forwards) for n, tls_name in WITNESSES]
        self.exporters = self._make_exporters()
        self.prometheus = {r: self._make_prometheus(r) for r in REGIONS}
        self._at_once(
            *(witness.start for witness in self.witnesses),
            *(server.start for server in self.prometheus.values()),
            *(lambda r=r: self.seed(r) for r in REGIONS),
            stops=[*self.witnesses, *self.prometheus.values()],
        )
        self.config_file = self.folder / "console.yaml"
        self.config_file.write_text(yaml.safe_dump(self.configuration(), sort_keys=False))

    def _at_once(self, *starts: Callable[[], object], stops: Iterable[Any]) -> None:
        for server in stops:
            self._stack.callback(server.stop)
        with ThreadPoolExecutor(len(starts)) as pool:
            for done in [pool.submit(start) for start in starts]:
                done.result()

    def _make_exporters(self) -> dict[str, dict[str, Exporter]]:
        ports = {"region-1": self.postgres.primary_port, "region-2": self.postgres.standby_port}
        made = {
            r: {
                "postgres": Exporter(lambda r=r: cnpg_metrics(self.postgres.dsn(ports[r]))),
                "link": Exporter(lambda r=r: probe_metrics(self.probe_links[r].port)),
            }
            for r in REGIONS
        }
        for exporters in made.values():
            for exporter in exporters.values():
                self._stack.callback(exporter.stop)
        return made

    def _make_prometheus(self, region: str) -> PrometheusServer:
        pod = {"namespace": "databases", "cluster": "postgres", "pod": "postgres-1"}
        jobs: dict[str, list[tuple[str, Mapping[str, str]]]] = {
            "postgres": [(self.exporters[region]["postgres"].address, pod)],
            "cross-region": [(self.exporters[region]["link"].address, {})],
        }
        if lab := list(self._lab_exporters.get(region, ())):
            jobs["lab"] = [(address, {}) for address in lab]
        if self.services is None:
            return PrometheusServer(self.folder / region, f"prometheus-{region}", jobs)
        jobs["kafka"] = [(self.services.kafka.targets[region], {})]
        # Kafka's own exporter takes longer than a second at first.
        return PrometheusServer(self.folder / region, f"prometheus-{region}", jobs, every="2s")

    def seed(self, region: str) -> None:
        """Write a healthy region's objects."""
        for resource, item in objects.region(region, primary="region-1", now=datetime.now(UTC)):
            self.api[region].apply(resource, item)

    def beat(self) -> None:
        """Renew the failover controller's lease once in both regions."""
        for api in self.api.values():
            api.apply(*objects.lease("region-1", now=datetime.now(UTC)))
        if self.services is not None:
            self.services.beat()

    @property
    def links(self) -> tuple[CutProxy, ...]:
        """Everything that crosses from one region to the other."""
        others = self.services.links if self.services else ()
        return (self.postgres.link, self.redis.link, *self.probe_links.values(), *others)

    def refuse_link(self) -> None:
        """Cut the regions apart: connections break and none can be made."""
        for link in self.links:
            link.refuse()

    def freeze_link(self) -> None:
        """Cut the regions apart: connections stay, no byte moves."""
        for link in self.links:
            link.freeze()

    def restore_link(self) -> None:
        for link in self.links:
            link.up()

    def configuration(self) -> dict[str, Any]:
        """The settings of a console that looks at this world from region 1, with an account that may only read."""
        resolvers = [{"name": w.name, "address": "127.0.0.1", "port": w.tls_port, "tls_name": w.tls_name} for w in self.witnesses]
        return {
            "environment": {"name": "peers", "kind": "staging"},
            "console": {"looks_from": "region-1", "data_dir": str(self.folder / "console")},
            "regions": [self._region(r) for r in REGIONS],
            "link": {"kind": "native"},
            "replication": {
                "cnpg": {"application_name": APPLICATION_NAME, "slot_name": SLOT_NAME},
                **(self.services.replication() if self.services else {}),
            },
            "witnesses": {
                "resolvers": resolvers,
                "ca_file": str(self.authority.ca_file),
                "control_name": CONTROL_ZONE,
            },
        }

    def _region(self, region: str) -> dict[str, Any]:
        first = region == "region-1"
        api = self.api[region]
        return {
            "id": region,
            "display": region.replace("-", " ").capitalize(),
            "role": "primary" if first else "dr",
            "place": "this machine",
            "kubernetes": {"server": api.url, "ca_file": str(api.ca_file), "token_file": str(api.tokens["reader"])},
            "prometheus": {"url": self.prometheus[region].url},
            "valkey": {
                "host": "127.0.0.1",
                "port": self.redis.primary_port if first else self.redis.replica_port,
                "password_file": str(self.redis.password_file),
            },
            "postgres_cluster": {"namespace": "databases", "name": "postgres"},
            "probe_zone": probe_zone(region),
            **(self.services.region(region) if self.services else {}),
        }


def default_folder() -> Path:
    """Where `python -m tests.peers up` puts everything."""
    return Path(os.environ.get("OPENOVA_PEERS_DIR", ".run/peers"))
