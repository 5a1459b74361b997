"""Two real Giteas that mirror one repository into each other, and one that region 2 pulls, through cut proxies."""

import os
import pwd
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.peers import binaries
from tests.peers.servers.background import Background
from tests.peers.servers.cutproxy import CutProxy
from tests.peers.servers.process import Process, program, wait_until
from tests.support.ports import free_port

OWNER = "acme"
PUSHED, PULLED = f"{OWNER}/platform", f"{OWNER}/pulled"
_ADMIN, _READER = "peeradmin", "console"
_MODULE = "code.gitea.io/gitea"


class GiteaServer:
    """One Gitea with SQLite, an administrator and an account that may only read."""

    def __init__(self, folder: Path, name: str) -> None:
        self._binary = binaries.require("gitea")
        program("git", "git")
        self.folder = folder / name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = name
        self.password = secrets.token_hex(12)
        self.admin_token_file = self.folder / "admin.token"
        self.reader_token_file = self.folder / "reader.token"
        self._process: Process | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "app.ini"
        config.write_text(self._configuration())
        command = [self._binary, "web", "--config", config, "--work-path", self.folder]
        process = self._process = Process(f"gitea-{self.name}", command, folder=self.folder, env={"HOME": str(self.folder)})
        wait_until(self._healthy, f"Gitea ({self.name}) is healthy", process=process, timeout_s=60)
        token = self._admin(
            "user", "create", "--admin", "--username", _ADMIN, "--password", self.password, "--email", "a@example.test",
            "--must-change-password=false", "--access-token", "--access-token-name", "boot", "--access-token-scopes", "all",
        ).split()[-1]  # fmt: skip
        self.admin_token_file.write_text(token)
        self.post("/orgs", {"username": OWNER})
        reader = {"username": _READER, "email": "c@example.test", "password": self.password, "must_change_password": False}
        self.post("/admin/users", reader)
        found = self._admin(
            "user", "generate-access-token", "--username", _READER, "--token-name", "read", "--scopes", "read:repository", "--raw"
        )  # fmt: skip
        self.reader_token_file.write_text(found.split()[-1])

    def stop(self) -> None:
        if self._process:
            self._process.stop()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST to its API as the administrator; the decoded answer."""
        answer = self.ask("POST", path, body)
        answer.raise_for_status()
        return answer.json() if answer.content.strip() else None

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        answer.raise_for_status()
        return answer.json()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"token {self.admin_token_file.read_text()}"}
        return httpx.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30, trust_env=False)

    def commit(self, repository: str, path: str) -> str:
        """A new file on main; its commit."""
        made = self.post(f"/repos/{repository}/contents/{path}", {"content": "eA==", "message": path, "branch": "main"})
        return str(made["commit"]["sha"])

    def head(self, repository: str) -> str:
        return str(self.get(f"/repos/{repository}/branches/main")["commit"]["id"])

    def mirror(self, repository: str, through: int, password: str, *, on_commit: bool) -> None:
        """A push mirror of the repository to the same name behind a port of loopback; its first run is waited for."""
        where = f"http://127.0.0.1:{through}/{repository}.git"
        login = {"remote_address": where, "remote_username": _ADMIN, "remote_password": password}
        self.post(f"/repos/{repository}/push_mirrors", {**login, "interval": "10m0s", "sync_on_commit": on_commit})
        self.sync(repository)

    def sync(self, repository: str) -> None:
        """Let the push mirrors of the repository run; one that fails is part of what is tested."""
        self.ask("POST", f"/repos/{repository}/push_mirrors-sync")

    def pull(self, repository: str, through: int, password: str) -> None:
        """Make the repository a pull mirror of the same name behind a port of loopback."""
        owner, _, name = repository.partition("/")
        where = {"clone_addr": f"http://127.0.0.1:{through}/{repository}.git", "repo_owner": owner, "repo_name": name}
        login = {"auth_username": _ADMIN, "auth_password": password, "service": "git"}
        self.post("/repos/migrate", {**where, **login, "mirror": True, "mirror_interval": "10m0s"})

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/healthz", timeout=1, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _admin(self, *arguments: str) -> str:
        command = [self._binary, "admin", *arguments, "--config", self.folder / "app.ini", "--work-path", self.folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "HOME": str(self.folder)})
        return done.stdout

    def _configuration(self) -> str:
        me = pwd.getpwuid(os.getuid()).pw_name
        internal = subprocess.run(
            [self._binary, "generate", "secret", "INTERNAL_TOKEN"], check=True, capture_output=True, text=True
        ).stdout.strip()
        return f"""RUN_MODE = prod
RUN_USER = {me}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = {"true" if me == "root" else "false"}
WORK_PATH = {self.folder}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {self.port}
ROOT_URL = {self.url}/
STATIC_ROOT_PATH = {binaries.module_folder("gitea", _MODULE)}
APP_DATA_PATH = {self.folder}/data
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {self.folder}/data/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = peers-only
INTERNAL_TOKEN = {internal}
PASSWORD_HASH_ALGO = pbkdf2_v1
[service]
DISABLE_REGISTRATION = true
[migrations]
ALLOW_LOCALNETWORKS = true
[mirror]
MIN_INTERVAL = 1m
[indexer]
REPO_INDEXER_ENABLED = false
ISSUE_INDEXER_TYPE = db
[cron.update_checker]
ENABLED = false
[actions]
ENABLED = false
"""


class GiteaPair:
    """Region 1 and region 2; `to_second` and `to_first` carry what one sends to the other."""

    def __init__(self, folder: Path, background: Background) -> None:
        self.first, self.second = GiteaServer(folder, "region-1"), GiteaServer(folder, "region-2")
        self.to_second = CutProxy(background, self.second.port)
        self.to_first = CutProxy(background, self.first.port)

    def start(self) -> None:
        """Start both, and let `PUSHED` be pushed both ways and `PULLED` be pulled by region 2."""
        self.restore()
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(server.start) for server in (self.first, self.second)]:
                done.result()
        for name in (PUSHED, PULLED):
            self.first.post(f"/orgs/{OWNER}/repos", {"name": name.partition("/")[2], "auto_init": True, "default_branch": "main"})
        self.second.post(f"/orgs/{OWNER}/repos", {"name": PUSHED.partition("/")[2], "default_branch": "main"})
        self.first.mirror(PUSHED, self.to_second.port, self.second.password, on_commit=True)
        wait_until(self.in_step, "both Giteas have the same head")
        # Not on every commit: a push mirror forces its own, perhaps older, history onto its target.
        self.second.mirror(PUSHED, self.to_first.port, self.first.password, on_commit=False)
        self.second.pull(PULLED, self.to_first.port, self.first.password)

    def in_step(self) -> bool:
        """Whether `PUSHED` has the same head on both."""
        there = self.second.ask("GET", f"/repos/{PUSHED}/branches/main")
        return there.status_code == 200 and there.json()["commit"]["id"] == self.first.head(PUSHED)

    def refuse(self) -> None:
        for link in (self.to_second, self.to_first):
            link.refuse()

    def restore(self) -> None:
        for link in (self.to_second, self.to_first):
            link.up()

    def stop(self) -> None:
        for server in (self.first, self.second):
            server.stop()
        self.refuse()

    def settings(self, region: str) -> dict[str, Any]:
        """What the console's settings say of one region's Gitea, with an account that administers the repositories."""
        server = self.first if region == "region-1" else self.second
        return {"gitea": {"url": server.url, "token_file": str(server.admin_token_file)}}
