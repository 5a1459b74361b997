"""`run`: builds the pages when needed, migrates the database, starts the console, and the lab beside it when asked.

Every process that is started here ends with this one: one Ctrl-C stops all and leaves nothing behind.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import httpx
import typer

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.cli import frontend
from openova_console.operations.engine import signing_key
from openova_console.operations.signing import KeyUnusable
from openova_console.settings import Settings, SettingsError, load
from openova_console.store.database import StoreError, check_writable, migrate, open_engine, session

DEMO = (
    ("viewer", Role.VIEWER),
    ("operator", Role.OPERATOR),
    ("approver", Role.APPROVER),
    ("security", Role.SECURITY_OFFICER),
    ("admin", Role.ADMIN),
)


class RunError(Exception):
    """The console cannot be run; the message is one sentence for a person."""


def run(
    config: Annotated[Path | None, typer.Option(help="Settings file; without it, --lab")] = None,
    lab: Annotated[bool, typer.Option("--lab", help="Start the practice platform and look at it")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on")] = 8000,
    folder: Annotated[Path, typer.Option(help="Where the lab and its database live")] = Path(".run/lab"),
) -> None:
    """Start the console; with --lab, on the practice platform."""
    try:
        with _ended_by_signals():
            _run(config, lab=lab or config is None, host=host, port=port, folder=folder.absolute())
    except (RunError, frontend.BuildError, StoreError, KeyUnusable) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except SettingsError as error:
        typer.echo(f"{config} has {len(error.mistakes)} mistake(s):\n{error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _run(config: Path | None, *, lab: bool, host: str, port: int, folder: Path) -> None:
    _check_port(host, port)
    frontend.ensure()
    with contextlib.ExitStack() as stack:
        accounts: Future[list[tuple[str, str]]] | None = None
        if lab:
            # The database is made ready while the lab starts, and the accounts while the console does.
            started = stack.enter_context(_lab(folder))
            database = f"sqlite:///{folder / 'console.db'}"
            _prepare(database)
            accounts = stack.enter_context(ThreadPoolExecutor(1)).submit(_demo_accounts, database)
            config = folder / "console.yaml"
            _wait(config.is_file, started, "The lab")
            os.environ["OPENOVA_CONSOLE__DATABASE_URL"] = database
        if config is None:
            raise RunError("Name a settings file with --config, or start the lab with --lab")
        settings = load(config)
        if not lab:
            _prepare(settings.database_url)
        signing_key(settings)
        server = stack.enter_context(_process("the console", _server_command(host, port), _server_environment(config)))
        _wait_until_alive(server, host, port)
        typer.echo(_greeting(settings, _address(settings, host, port), accounts.result() if accounts else []))
        sys.stdout.flush()
        while server.poll() is None:
            time.sleep(0.2)
        raise RunError(f"The console ended by itself (exit code {server.returncode}); its log above says why")


def _prepare(database_url: str) -> None:
    check_writable(database_url)
    migrate(database_url)


def _address(settings: Settings, host: str, port: int) -> str:
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
    return settings.console.public_url or f"http://{name}:{port}"


def _greeting(settings: Settings, address: str, accounts: list[tuple[str, str]]) -> str:
    lines = ["", f"  OpenOva Console   {address}", f"  environment       {settings.environment.name}"]
    if accounts:
        width = max(len(name) for name, _ in accounts)
        lines.append("  sign in as        " + f"\n{' ' * 20}".join(f"{name.ljust(width)}  {word}" for name, word in accounts))
    else:
        lines.append(
            "  sign in           with your account; when there is none yet, the log shows a one-time code for /auth/setup"
        )
    return "\n".join([*lines, "  stop              Ctrl-C", ""])


def _check_port(host: str, port: int) -> None:
    """Granian shares a taken port silently, so it is tried first without sharing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RunError(
                f"Port {port} on {host} cannot be used ({error.strerror}): choose another, e.g. make run PORT=9000"
            ) from None


def _server_command(host: str, port: int) -> list[str]:
    return [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--host", host, "--port", str(port),
        "--workers", "1", "--workers-kill-timeout", "5", "--log-level", "warning",
        "openova_console.openova_console:app",
    ]  # fmt: skip


def _server_environment(config: Path) -> dict[str, str]:
    bin_dir = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{bin_dir}{os.pathsep}{os.environ.get('PATH', '')}",
        "OPENOVA_CONFIG": str(config),
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_SOCKET_INTERVAL": "10",
        "REFLEX_SOCKET_TIMEOUT": "15",
        "REFLEX_DIR": str(frontend.ROOT / ".web" / "reflex"),
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
        "__REFLEX_SKIP_COMPILE": "true",
        "PYTHONUNBUFFERED": "1",
    }


@contextlib.contextmanager
def _lab(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The practice platform as a child process; it writes `console.yaml` into the folder when it is ready."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "console.yaml").unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"The folder {folder} cannot be used ({error.strerror}): name another with --folder") from None
    command = [sys.executable, "-m", "openova_console.lab", "serve", "--dir", str(folder), "--base-port", "0"]
    with _process("the lab", command, dict(os.environ), quiet=True) as process:
        yield process


@contextlib.contextmanager
def _process(
    what: str, command: list[str], environment: dict[str, str], *, quiet: bool = False
) -> Iterator["subprocess.Popen[bytes]"]:
    """A child in its own process group, ended with this block: asked first, then killed."""
    process = subprocess.Popen(
        command, cwd=frontend.ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL if quiet else None
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                typer.echo(f"{what} did not stop within 8 s and was killed", err=True)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_alive(server: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/healthz"

    def alive() -> bool:
        try:
            return httpx.get(url, headers={"Host": f"localhost:{port}"}, timeout=1, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    _wait(alive, server, "The console")


def _wait(condition: Callable[[], bool], process: "subprocess.Popen[bytes]", what: str, limit_s: float = 60) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        if process.poll() is not None:
            raise RunError(f"{what} ended before it was ready (exit code {process.returncode}); its message above says why")
        if time.monotonic() > until:
            raise RunError(f"{what} was not ready within {limit_s:g} s")
        time.sleep(0.05)


def _demo_accounts(database_url: str) -> list[tuple[str, str]]:
    """One account per role in the lab's own database, with a new random password each time."""
    accounts = [(name, role, secrets.token_urlsafe(12)) for name, role in DEMO]
    engine, now = open_engine(database_url), datetime.now(UTC)
    try:
        with session(engine) as opened:
            for name, role, word in accounts:
                user = users.find(session=opened, name=name)
                if user is None:
                    users.add(session=opened, name=name, password=word, role=role, now=now)
                else:
                    users.set_password(session=opened, user=user, password=word, now=now)
    finally:
        engine.dispose()
    return [(name, word) for name, _, word in accounts]


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run like Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
