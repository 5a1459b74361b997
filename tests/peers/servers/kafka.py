"""Two real Kafka clusters of one broker each, with MirrorMaker 2 on a Kafka Connect in region 2 and a link that can be cut.

Connect reads region 1 through the link; heartbeats are written in region 1, where the MirrorMaker 2 of that region would
write them, and must come through. Figures of Connect and of region 1's broker go by the JMX exporter to a real Prometheus.
"""

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.peers.servers import jars
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Process, listens, program, wait_until
from tests.peers.servers.prometheus import PrometheusServer
from tests.support.ports import free_port

SOURCE, TARGET = "region1", "region2"
MIRROR = f"{SOURCE}->{TARGET}.MirrorSourceConnector"
CHECKPOINT = f"{SOURCE}->{TARGET}.MirrorCheckpointConnector"
HEARTBEAT = f"{SOURCE}->{TARGET}.MirrorHeartbeatConnector"
TOPIC = "events.checkout"
_JVM = ("-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_MIRROR_BEAN = r"type=MirrorSourceConnector, target=(.+), topic=(.+), partition=(\d+)"
_RULES = {
    "lowercaseOutputName": True,
    "includeObjectNames": ["kafka.connect.mirror:*", "kafka.log:type=Log,name=LogEndOffset,*"],
    "rules": [
        {
            "pattern": r"kafka.log<type=Log, name=LogEndOffset, topic=(.+), partition=(\d+)><>Value",
            "name": "kafka_log_log_logendoffset",
            "labels": {"topic": "$1", "partition": "$2"},
        },
        {
            "pattern": f"kafka.connect.mirror<{_MIRROR_BEAN}><>([a-z0-9-]+)",
            "name": "kafka_connect_mirror_mirrorsourceconnector_$4",
            "labels": {"target": "$1", "topic": "$2", "partition": "$3"},
        },
    ],
}


class KafkaPair:
    """`source` in region 1, Connect in region 2 at `url`.

    Args:
        own_prometheus: start a Prometheus at `prometheus.url` that scrapes both; without it others scrape `targets`.
    """

    def __init__(self, folder: Path, background: Background, *, own_prometheus: bool = True) -> None:
        for leftover in (SOURCE, TARGET):
            shutil.rmtree(folder / leftover, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._jars, self._java = jars.require("kafka"), program("java", "openjdk-17-jre-headless")
        self._folder = folder
        self._ports = {name: {what: free_port() for what in ("local", "link", "controller")} for name in (SOURCE, TARGET)}
        self.link = CutProxy(background, self._ports[SOURCE]["link"])
        self.url = f"http://127.0.0.1:{free_port()}"
        self._exporters = {"kafka-connect": free_port(), f"kafka-{SOURCE}": free_port()}
        where = {name: f"127.0.0.1:{port}" for name, port in self._exporters.items()}
        self.targets = {"region-1": where[f"kafka-{SOURCE}"], "region-2": where["kafka-connect"]}
        jobs = {name: [(address, {})] for name, address in where.items()}
        self.prometheus = PrometheusServer(folder, "prometheus-kafka", jobs) if own_prometheus else None
        self.source: Process | None = None
        self._processes: list[Process] = []
        self._producer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything; returns when the mirror has been asked to run. Takes about ten seconds."""
        self.link.up()
        for name in (SOURCE, TARGET):
            self._format(name)
        self.source, target = self._broker(SOURCE), self._broker(TARGET)
        self._processes += [self.source, target]
        if self.prometheus is not None:
            # It takes five seconds to find its targets: as long as the brokers need.
            self.prometheus.start()
        wait_until(lambda: listens(self._ports[TARGET]["local"]), "region 2's broker listens", process=target, timeout_s=60)
        connect = self._connect()
        self._processes.append(connect)
        wait_until(lambda: listens(self._ports[SOURCE]["local"]), "region 1's broker listens", process=self.source, timeout_s=60)
        self._producer = self._console_producer()
        wait_until(self._answers, "Kafka Connect answers", process=connect, timeout_s=60)
        for name, configuration in self._connectors().items():
            self.configure(name, configuration)

    def stop(self) -> None:
        if self.prometheus is not None:
            self.prometheus.stop()
        if self._producer is not None:
            self._producer.kill()
            self._producer.wait()
        for process in reversed(self._processes):
            process.thaw()
            process.stop(timeout_s=1)
        self.link.refuse()

    def write(self, count: int) -> None:
        """So many records into region 1's topic."""
        assert self._producer is not None and self._producer.stdin is not None
        self._producer.stdin.write(b"".join(b"order-%d-%s\n" % (number, b"x" * 200) for number in range(count)))
        self._producer.stdin.flush()

    def settings(self) -> dict[str, Any]:
        """What the console's settings say of region 2. Its Prometheus scrapes region 1's broker too, for its end offsets."""
        own = {"prometheus": {"url": self.prometheus.url}} if self.prometheus is not None else {}
        return {"kafka_connect": {"url": self.url}, **own}

    @staticmethod
    def names() -> dict[str, Any]:
        """What the settings say below `replication.redpanda`: these brokers are Kafka's, and so are their series."""
        labels = {"broker_topic_label": "topic", "broker_partition_label": "partition"}
        return {"metrics": {"end_offset": "kafka_log_log_logendoffset", **labels}}

    def configure(self, name: str, configuration: dict[str, str]) -> None:
        """Create a connector, or change it: its tasks are started anew."""
        answer = httpx.put(self._at(name, "config"), json=configuration, timeout=20, trust_env=False)
        answer.raise_for_status()

    def ask_to(self, verb: str, name: str) -> int:
        """`pause`, `resume` or `stop` a connector; gives the status."""
        return httpx.put(self._at(name, verb), timeout=20, trust_env=False).status_code

    def break_task(self) -> None:
        """Give the mirror a transform that cannot work on bytes: the next record fails its task."""
        cast = {"transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value"}
        self.configure(MIRROR, self._connectors()[MIRROR] | cast | {"transforms.cast.spec": "int32"})

    def mend_task(self) -> None:
        """Undo `break_task`."""
        self.configure(MIRROR, self._connectors()[MIRROR])

    def _at(self, name: str, verb: str) -> str:
        return f"{self.url}/connectors/{name.replace('>', '%3E')}/{verb}"

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/connectors", timeout=2, trust_env=False).status_code == 200
        return False

    def _format(self, name: str) -> None:
        """What `kafka-storage format` writes of the one disk: its identity (their program takes a second each)."""
        data = self._folder / name / "data"
        data.mkdir(parents=True, exist_ok=True)
        identity = f"version=1\ncluster.id=openova-peers-{name}\nnode.id=1\n"
        (data / "meta.properties").write_text(identity)

    def _broker(self, name: str) -> Process:
        ports = self._ports[name]
        advertised = self.link.port if name == SOURCE else ports["link"]
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{ports['controller']}",
            "listeners": f"LOCAL://127.0.0.1:{ports['local']},LINK://127.0.0.1:{ports['link']},"
            f"CONTROLLER://127.0.0.1:{ports['controller']}",
            # Clients leave the address they came by for the advertised one: over the link that must be the proxy.
            "advertised.listeners": f"LOCAL://127.0.0.1:{ports['local']},LINK://127.0.0.1:{advertised}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "LOCAL",
            "listener.security.protocol.map": "LOCAL:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / name / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }
        return self._run(f"kafka-{name}", "kafka.Kafka", self._properties(f"{name}.properties", properties))

    def _connect(self) -> Process:
        storage = {
            f"{what}.storage.{key}": value
            for what in ("config", "offset", "status")
            for key, value in (("topic", f"mm2-{what}"), ("replication.factor", "1"))
        }
        bytes_only = "org.apache.kafka.connect.converters.ByteArrayConverter"
        properties = storage | {
            "bootstrap.servers": self._local(TARGET),
            "group.id": "mm2",
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "key.converter": bytes_only,
            "value.converter": bytes_only,
            "listeners": self.url,
            "plugin.discovery": "service_load",
            "scheduled.rebalance.max.delay.ms": "0",
            "offset.flush.interval.ms": "1000",
        }
        file = self._properties("connect.properties", properties)
        return self._run("kafka-connect", "org.apache.kafka.connect.cli.ConnectDistributed", file)

    def _connectors(self) -> dict[str, dict[str, str]]:
        common = {
            "source.cluster.alias": SOURCE,
            "target.cluster.alias": TARGET,
            "source.cluster.bootstrap.servers": f"127.0.0.1:{self.link.port}",
            "target.cluster.bootstrap.servers": self._local(TARGET),
            "tasks.max": "1",
        }
        mirror = "org.apache.kafka.connect.mirror.Mirror"
        return {
            HEARTBEAT: common
            | {
                "connector.class": f"{mirror}HeartbeatConnector",
                "heartbeats.topic.replication.factor": "1",
                "emit.heartbeats.interval.seconds": "1",
                "producer.override.bootstrap.servers": self._local(SOURCE),
            },
            MIRROR: common
            | {
                "connector.class": f"{mirror}SourceConnector",
                "topics": ".*",
                "replication.factor": "1",
                "offset-syncs.topic.replication.factor": "1",
                "refresh.topics.interval.seconds": "1",
                "sync.topic.acls.enabled": "false",
            },
            CHECKPOINT: common
            | {
                "connector.class": f"{mirror}CheckpointConnector",
                "checkpoints.topic.replication.factor": "1",
                "offset-syncs.topic.replication.factor": "1",
            },
        }

    def _local(self, name: str) -> str:
        return f"127.0.0.1:{self._ports[name]['local']}"

    def _console_producer(self) -> "subprocess.Popen[bytes]":
        arguments = ["--bootstrap-server", self._local(SOURCE), "--topic", TOPIC, "--producer-property", "linger.ms=0"]
        command = [self._java, *_JVM, "-cp", f"{self._jars}/*", "kafka.tools.ConsoleProducer", *arguments]
        with (self._folder / "producer.log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
            )

    def _properties(self, name: str, values: dict[str, str]) -> Path:
        file = self._folder / name
        file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return file

    def _run(self, name: str, main: str, properties: Path) -> Process:
        quiet, options = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", []
        if port := self._exporters.get(name):
            rules = self._folder / "jmx.yml"
            rules.write_text(yaml.safe_dump(_RULES))
            agent = next(self._jars.glob("jmx_prometheus_javaagent-*.jar"))
            options = [f"-javaagent:{agent}=127.0.0.1:{port}:{rules}"]
        command = [self._java, *_JVM, quiet, *options, "-cp", f"{self._jars}/*", main, properties]
        return Process(name, command, folder=self._folder)
