"""A lab and a console as child processes, as a person would start them; for tests that look from outside."""

import contextlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.store.database import migrate, open_engine, session
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("viewer", "operator", "approver", "security-officer", "admin")


def free_block(size: int = 60) -> int:
    """The first of `size` ports in a row that nobody listens on now."""
    while True:
        base = random.randrange(20_000, 30_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + size):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base


def wait_for(what: str, condition: Callable[[], Any], *, limit_s: float = 20, pause_s: float = 0.05) -> Any:
    """The first true value of `condition`; AssertionError naming `what` after `limit_s` seconds."""
    until = time.monotonic() + limit_s
    while True:
        try:
            if value := condition():
                return value
        except (httpx.HTTPError, OSError, json.JSONDecodeError):
            value = None
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit_s:g} s: {what}")
        time.sleep(pause_s)


def end(process: "subprocess.Popen[Any]") -> None:
    """Stop a child and its group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


@dataclass
class RunningLab:
    """The practice platform, with its control port."""

    folder: Path
    looks_from: str = "region-2"
    manual_clock: bool = False
    base_port: int = field(default_factory=free_block)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "RunningLab":
        self.config.unlink(missing_ok=True)
        command = [sys.executable, "-m", "openova_console.lab", "serve", "--dir", str(self.folder)]
        command += ["--base-port", str(self.base_port), "--looks-from", self.looks_from]
        command += ["--manual-clock"] if self.manual_clock else []
        self.process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
        wait_for("the lab is ready", lambda: self.config.is_file() and self.state())
        return self

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)

    @property
    def config(self) -> Path:
        return self.folder / "console.yaml"

    def _control(self, method: str, path: str, **body: Any) -> Any:
        control = json.loads((self.folder / "control.json").read_text())
        token = (self.folder / control["token_file"]).read_text().strip()
        answer = httpx.request(
            method, control["url"] + path, json=body or None, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()

    def state(self) -> Any:
        return self._control("GET", "/state")

    def scenario(self, name: str) -> None:
        self._control("POST", "/scenario", name=name)

    def advance(self, seconds: float) -> None:
        """Move a manual clock."""
        self._control("POST", "/clock", advance_s=seconds)

    def trouble(self, name: str, state: str = "on") -> None:
        """Break one single thing, or mend it."""
        self._control("POST", "/trouble", name=name, state=state)

    def writes(self) -> list[dict[str, Any]]:
        """The writes that both regions' Kubernetes APIs have accepted."""
        return list(self._control("GET", "/writes")["writes"])

    def messages(self) -> list[dict[str, Any]]:
        """What the chat room was told."""
        return list(self._control("GET", "/messages")["messages"])

    def fault(self, endpoint: str, state: str) -> None:
        self._control("POST", "/fault", endpoint=endpoint, state=state)


@dataclass
class RunningConsole:
    """The console on some settings, with one account per role."""

    config: Path
    folder: Path
    port: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    # Passwords, cookies and client tokens that were used: what the log must not hold.
    secrets: set[str] = field(default_factory=set)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "OPENOVA_CONFIG": str(self.config),
            "OPENOVA_CONSOLE__DATABASE_URL": self.database,
        }

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'console.db'}"

    @property
    def log_file(self) -> Path:
        return self.folder / "console.log"

    def start(self) -> "RunningConsole":
        migrate(self.database)
        for role in ROLES:
            self.add_account(role, role)
        self.launch()
        return self

    def add_account(self, name: str, role: str) -> None:
        """An account with a random password that need not be changed first."""
        word = self.passwords[name] = secrets.token_urlsafe(12)
        self.secrets.add(word)
        engine = open_engine(self.database)
        try:
            with session(engine) as opened:
                users.add(session=opened, name=name, password=word, role=Role(role), now=datetime.now(UTC))
        finally:
            engine.dispose()

    def launch(self) -> None:
        command = [sys.executable, "-m", "openova_console", "run", "--config", str(self.config), "--port", str(self.port)]
        self.log = self.log_file.open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, start_new_session=True, stdout=self.log, stderr=self.log
        )
        wait_for("the console answers", lambda: httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200, limit_s=60)

    def ready(self) -> bool:
        """Whether every source was tried."""
        return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)

    def server_pid(self) -> int:
        """The process that serves browsers."""
        found = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
        port = f"--port {self.port} "
        pids = [int(line.split()[0]) for line in found if "granian" in line and port in line]
        return max(pids)

    def cli(self, *arguments: str) -> None:
        """Type a command on the console's machine."""
        command = [sys.executable, "-m", "openova_console", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def browser_cookies(self, name: str) -> list[dict[str, str]]:
        """A session of this account for browsers, as Playwright takes cookies; used again while it lasts."""
        kept = self._sessions.get(name)
        if kept:
            header = {"Cookie": f"{kept[0]['name']}={kept[0]['value']}"}
            if httpx.get(f"{self.url}/auth/me", headers=header, trust_env=False).status_code == 200:
                return kept
        made = [{"name": c.name, "value": c.value or "", "url": self.url} for c in self.sign_in(name).jar if c.name == "openova"]
        self._sessions[name] = made
        return made

    def sign_in(self, name: str) -> httpx.Cookies:
        """Cookies of a new session of this account; the first accounts are named like their roles."""
        with httpx.Client(base_url=self.url, trust_env=False) as browser:
            page = browser.get("/auth/sign-in").text
            token = page.split('name="csrf"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
            answer = browser.post(
                "/auth/sign-in",
                data={"name": name, "password": self.passwords[name], "csrf": token, "next": "/"},
                headers={"Origin": self.url},
            )
            assert answer.status_code == 303, answer.text[:400]
            self.secrets |= {token, *browser.cookies.values()}
            return browser.cookies

    def sign_out(self, cookie: str) -> None:
        """End the session of this Cookie header, as its page does."""
        with httpx.Client(base_url=self.url, trust_env=False, headers={"Cookie": cookie, "Origin": self.url}) as browser:
            answer = browser.post("/auth/sign-out", data={"csrf": browser.get("/auth/me").json()["csrf"]})
        assert answer.status_code == 303, answer.text[:400]
