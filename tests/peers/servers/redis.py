"""A real Redis primary and replica (the same protocol as Valkey), with a cut proxy between them."""

from pathlib import Path

from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Process, listens, program, wait_until
from tests.support.ports import free_port

PASSWORD = "peers-only"


class RedisPair:
    """`primary` in region 1, `replica` in region 2, linked through `link`; both want a password.

    Args:
        timeout_s: after this time of silence each end gives the link up (60 s by default in Redis).
    """

    def __init__(self, folder: Path, background: Background, *, timeout_s: int = 5) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("redis-server", "redis-server")
        self._folder = folder
        self._timeout_s = timeout_s
        self.primary_port, self.replica_port = free_port(), free_port()
        self.link = CutProxy(background, self.primary_port)
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD)
        self.password_file.chmod(0o600)
        self.processes: list[Process] = []

    def start(self) -> None:
        self.link.up()
        for name, port in (("primary", self.primary_port), ("replica", self.replica_port)):
            conf = self._folder / f"{name}.conf"
            conf.write_text(self._configuration(port, follows=name == "replica"))
            process = Process(f"redis-{name}", [self._program, conf], folder=self._folder)
            wait_until(lambda port=port: listens(port), f"Redis ({name}) listens", process=process)
            self.processes.append(process)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.link.refuse()

    def _configuration(self, port: int, *, follows: bool) -> str:
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {self._folder}",
            'save ""',
            "appendonly no",
            "repl-diskless-sync-delay 0",
            f"repl-timeout {self._timeout_s}",
            "repl-ping-replica-period 1",
            f"requirepass {PASSWORD}",
            f"masterauth {PASSWORD}",
        ]
        if follows:
            lines.append(f"replicaof 127.0.0.1 {self.link.port}")
        return "\n".join(lines) + "\n"
