"""Processes that the peers consist of: each in its own group, with its own log, ended by its own pid."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Missing(Exception):
    """A program that a peer needs is not on this machine; the text says which and how to get it."""


def program(name: str, package: str, *folders: str) -> str:
    """The path of an installed program. Raises `Missing`."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *folders))
    found = shutil.which(name, path=path)
    if found is None:
        raise Missing(f"{name} is not installed (Debian package {package})")
    return found


def wait_until(holds: Callable[[], bool], what: str, *, timeout_s: float = 20, process: "Process | None" = None) -> None:
    """Ask again and again, for as long as `process` lives. Raises RuntimeError with `what` and the process's last words."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        died = process is not None and not process.alive
        if died or time.monotonic() > deadline:
            words = f"\n{process.last_words()}" if process else ""
            raise RuntimeError(f"{what}: {'the process ended' if died else f'not within {timeout_s:g} s'}{words}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether something takes TCP connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def service_account(name: str) -> pwd.struct_passwd | None:
    """The account to run a server as that refuses root; None when we are not root ourselves."""
    return pwd.getpwnam(name) if os.getuid() == 0 else None


class Process:
    """A running server."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        account: pwd.struct_passwd | None = None,
        cwd: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._log = folder / f"{name}.log"
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd or folder,
                start_new_session=True,
                **identity,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-2000:]

    def freeze(self) -> None:
        """It stays, with all its sockets, and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout_s: float = 5) -> None:
        """End it, by force when it does not heed."""
        if not self.alive:
            return
        self._process.send_signal(how)
        self.thaw()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
