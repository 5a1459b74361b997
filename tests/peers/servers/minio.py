"""Two real MinIOs that replicate one bucket from the first to the second, with a cut proxy between them."""

import io
import json
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from minio import Minio, MinioAdmin
from minio.commonconfig import ENABLED, Filter
from minio.credentials import StaticProvider
from minio.crypto import encrypt
from minio.replicationconfig import DeleteMarkerReplication, Destination, ReplicationConfig, Rule
from minio.versioningconfig import VersioningConfig

from tests.peers import binaries
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Process, wait_until
from tests.support.ports import free_port

ACCESS_KEY, SECRET_KEY = "peers-only", "peers-only-secret"
BUCKET = "cnpg-wal"


class MinioPair:
    """`ports[0]` is region 1, whose bucket replicates to region 2 through `link`. Metrics are public."""

    def __init__(self, folder: Path, background: Background) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = binaries.require("minio")
        self._folder = folder
        self.ports = (free_port(), free_port())
        self.link = CutProxy(background, self.ports[1])
        self.access_key_file, self.secret_key_file = folder / "access-key", folder / "secret-key"
        for file, key in ((self.access_key_file, ACCESS_KEY), (self.secret_key_file, SECRET_KEY)):
            file.write_text(key)
            file.chmod(0o600)
        self.processes: list[Process] = []
        self._env = {
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            # Buckets are counted after a round of the scanner only, and what is asked before is cached for a minute.
            "MINIO_SCANNER_SPEED": "fastest",
            "MINIO_SCANNER_CYCLE": "1s",
        }

    def start(self) -> None:
        self.link.up()
        self.processes = [self._serve(number) for number in (0, 1)]
        for port, process in zip(self.ports, self.processes, strict=True):
            wait_until(lambda port=port: _live(port), "MinIO is live", process=process)
        self._replicate()
        self.write("first", 1)
        wait_until(lambda: self.status("first/0") == "COMPLETED", "the first object arrives")
        wait_until(self._counted, "MinIO counts its buckets")

    def stop(self) -> None:
        for process in self.processes:
            process.stop()
        self.link.refuse()

    def restart(self) -> None:
        """Stop and start the first side: its counters begin at zero, its caches are empty."""
        self.processes[0].stop()
        self.processes[0] = self._serve(0)
        wait_until(lambda: _live(self.ports[0]), "MinIO is live again", process=self.processes[0])

    def client(self, number: int) -> Minio:
        """The S3 client of one side: 0 or 1."""
        return Minio(endpoint=f"127.0.0.1:{self.ports[number]}", access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False)

    def write(self, prefix: str, count: int, size: int = 1024) -> None:
        """Put objects into the first side's bucket."""
        client = self.client(0)
        for number in range(count):
            _put(client, f"{prefix}/{number}", b"x" * size)

    def status(self, key: str) -> str:
        """The first side's replication status of one object."""
        found = self.client(0).stat_object(bucket_name=BUCKET, object_name=key)
        return str(found.metadata["X-Amz-Replication-Status"]) if found.metadata else ""

    def settings(self) -> list[dict[str, Any]]:
        """What the console's settings say of each region: `regions[].minio`."""
        return [{"url": f"http://127.0.0.1:{port}"} for port in self.ports]

    def marker(self) -> dict[str, Any]:
        """What they say below `replication.minio.marker`."""
        keys = {"access_key_file": str(self.access_key_file), "secret_key_file": str(self.secret_key_file)}
        return {"enabled": True, "bucket": BUCKET, "every_s": 2, **keys}

    def _serve(self, number: int) -> Process:
        data = self._folder / f"region-{number + 1}"
        command = [self._program, "server", "--address", f"127.0.0.1:{self.ports[number]}", "--quiet", data]
        return Process(f"minio-{number + 1}", command, folder=self._folder, env=self._env)

    def _counted(self) -> bool:
        usage = self._folder / "region-1" / ".minio.sys" / "buckets" / ".usage.json" / "xl.meta"
        return usage.exists() and BUCKET.encode() in usage.read_bytes()

    def _replicate(self) -> None:
        for number in (0, 1):
            self.client(number).make_bucket(bucket_name=BUCKET)
            self.client(number).set_bucket_versioning(bucket_name=BUCKET, config=VersioningConfig(ENABLED))
        admin = MinioAdmin(
            endpoint=f"127.0.0.1:{self.ports[0]}", credentials=StaticProvider(ACCESS_KEY, SECRET_KEY), secure=False
        )
        target = {
            "sourcebucket": BUCKET,
            "endpoint": f"127.0.0.1:{self.link.port}",
            "credentials": {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY},
            "targetbucket": BUCKET,
            "secure": False,
            "path": "auto",
            "api": "s3v4",
            "type": "replication",
            "region": "",
            "replicationSync": False,
            "healthCheckDuration": 5_000_000_000,
        }
        # The package has no call for it; `mc admin bucket remote add` sends the same.
        answer = admin._url_open(
            method="PUT",
            command=SimpleNamespace(value="set-remote-target"),  # type: ignore[arg-type]
            query_params={"bucket": BUCKET},
            body=encrypt(json.dumps(target).encode(), SECRET_KEY),
        )
        rule = Rule(
            destination=Destination(json.loads(answer.data)),
            status=ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="to-region-2",
            priority=1,
            delete_marker_replication=DeleteMarkerReplication(ENABLED),
        )
        self.client(0).set_bucket_replication(bucket_name=BUCKET, config=ReplicationConfig("", [rule]))


def _put(client: Minio, key: str, body: bytes) -> None:
    client.put_object(bucket_name=BUCKET, object_name=key, data=io.BytesIO(body), length=len(body))


def _live(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/minio/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
