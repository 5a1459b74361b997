"""A real PostgreSQL primary and its streaming standby, with a cut proxy between them."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Missing, Process, service_account, wait_until
from tests.support.ports import free_port

APPLICATION_NAME = "region-2"
SLOT_NAME = "region_2"


def bin_dir() -> Path:
    """The folder of the newest installed server. Raises `Missing`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise Missing("PostgreSQL is not installed (Debian package postgresql-15)")
    return found[-1].parent


class PostgresPair:
    """`primary` in region 1, `standby` in region 2, linked through `link`.

    Args:
        timeout_s: after this time of silence each end gives the connection up (60 s by default in PostgreSQL).
    """

    def __init__(self, log_folder: Path, background: Background, *, timeout_s: float = 10) -> None:
        self._bin = bin_dir()
        self._logs = log_folder
        self._background = background
        self._timeout_s = timeout_s
        self._account = service_account("postgres")
        # Not in the log folder: PostgreSQL's own account must be able to enter.
        self._folder = Path(tempfile.mkdtemp(prefix="openova-peers-postgres-"))
        if self._account is not None:
            shutil.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self.primary_port, self.standby_port = free_port(), free_port()
        self.link = CutProxy(background, self.primary_port)
        self._primary: Process | None = None
        self._standby: Process | None = None

    def start(self) -> None:
        """Both ends, streaming."""
        primary = self._folder / "primary"
        self._run("initdb", "-D", primary, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with (primary / "postgresql.conf").open("a") as conf:
            conf.write(self._configuration(self.primary_port))
        with (primary / "pg_hba.conf").open("a") as hba:
            hba.write("host replication all 127.0.0.1/32 trust\n")
        self._primary = self._serve("primary")
        self.execute(self.primary_port, "CREATE TABLE ledger (id bigserial PRIMARY KEY, note text)")
        source = f"host=127.0.0.1 port={self.primary_port} user=postgres application_name={APPLICATION_NAME}"
        standby = self._folder / "standby"
        self._run("pg_basebackup", "-d", source, "-D", standby, "-R", "-X", "stream", "-c", "fast", "-C", "-S", SLOT_NAME, "-N")
        with (standby / "postgresql.conf").open("a") as conf:
            conf.write(self._configuration(self.standby_port))
        through = f"host=127.0.0.1 port={self.link.port} user=postgres application_name={APPLICATION_NAME}"
        with (standby / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"primary_conninfo = '{through}'\n")
        self.link.up()
        self._standby = self._serve("standby")
        self.wait_in_step()

    def stop(self) -> None:
        for process in (self._standby, self._primary):
            if process is not None:
                process.stop(signal.SIGINT)
        self.link.refuse()
        shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, rows: int) -> None:
        """Insert rows on the primary."""
        with psycopg.connect(self.dsn(self.primary_port), autocommit=True) as connection:
            connection.execute("INSERT INTO ledger (note) SELECT repeat('x', 50) FROM generate_series(1, %s)", (rows,))

    def wait_in_step(self, timeout_s: float = 20) -> None:
        """Return when the standby has flushed all that the primary wrote."""
        query = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)), 1) FROM pg_stat_replication"
        wait_until(lambda: self.value(query) == 0, "the standby is in step", timeout_s=timeout_s)

    def streams(self) -> int:
        """How many standbys the primary sees."""
        return int(str(self.value("SELECT count(*) FROM pg_stat_replication")))

    def value(self, query: str) -> object:
        with psycopg.connect(self.dsn(self.primary_port), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def execute(self, port: int, statement: str) -> None:
        with psycopg.connect(self.dsn(port), autocommit=True) as connection:
            connection.execute(statement.encode())

    @staticmethod
    def dsn(port: int) -> str:
        return f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2 options='-c statement_timeout=2000'"

    def _configuration(self, port: int) -> str:
        timeout = round(self._timeout_s * 1000)
        return (
            f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n"
            "fsync = off\nwal_level = replica\nwal_keep_size = 64MB\nshared_buffers = 16MB\n"
            f"wal_sender_timeout = {timeout}\nwal_receiver_timeout = {timeout}\nwal_receiver_status_interval = 1s\n"
            "wal_retrieve_retry_interval = 500ms\nhot_standby_feedback = off\nautovacuum = off\n"
        )

    def _serve(self, name: str) -> Process:
        port = self.primary_port if name == "primary" else self.standby_port
        command = [self._bin / "postgres", "-D", self._folder / name]
        process = Process(f"postgres-{name}", command, folder=self._logs, account=self._account, cwd=self._folder)
        wait_until(lambda: self._answers(port), f"PostgreSQL ({name}) answers", process=process)
        return process

    def _answers(self, port: int) -> bool:
        try:
            psycopg.connect(self.dsn(port)).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str | Path) -> None:
        identity = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []} if self._account else {}
        done = subprocess.run(
            [self._bin / program, *arguments], cwd=self._folder, capture_output=True, text=True, check=False, **identity
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr[-1500:]}")
