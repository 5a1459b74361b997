"""What access and api tests start from: settings, a migrated database, accounts, a clock, and a bare ASGI client."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from openova_console.access import passwords, users
from openova_console.access.roles import Role
from openova_console.settings import ConsoleSettings, Environment, KubernetesEndpoint, Region, Settings
from openova_console.store.database import migrate, open_engine, session
from openova_console.store.tables import User

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery 7"


def settings_with(**console: Any) -> Settings:
    """Settings of a console with one region; keyword arguments go to its `console` section."""
    region = Region(id="region-1", display="Region 1", role="primary", kubernetes=KubernetesEndpoint(in_cluster=True))
    return Settings(
        environment=Environment(name="test", kind="staging"),
        console=ConsoleSettings(looks_from="region-1", **console),
        regions=(region,),
    )


class Clock:
    """Wall time and monotonic time that pass only when told."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id with the smallest parameters: what is tested here is not its cost."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    passwords._nobody.cache_clear()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("store") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def engine(tmp_path: Path, empty_database: bytes, cheap_hashes: None) -> Any:
    path = tmp_path / "console.db"
    path.write_bytes(empty_database)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def add_user(engine: Engine, name: str, role: Role = Role.VIEWER, **options: Any) -> User:
    """An account with `PASSWORD`."""
    with session(engine) as opened:
        return users.add(session=opened, name=name, password=PASSWORD, role=role, now=NOW, **options)


@dataclass
class Answer:
    """What an ASGI application sent back."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    closed: int | None = None
    accepted: bool = False

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def text(self) -> str:
        return self.body.decode()


async def call(
    app: Any,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Any = (),
    kind: str = "http",
    scheme: str = "",
    query: str = "",
    body: bytes = b"",
    client: tuple[str, int] | None = ("192.0.2.7", 40000),
) -> Answer:
    """One request or websocket handshake, sent as a raw scope: nothing is normalised on the way."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if not any(name.lower() == "host" for name, _ in pairs):
        pairs.insert(0, ("host", "localhost"))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs if value is not None]
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": scheme or ("ws" if kind == "websocket" else "http"),
        "path": path,
        "raw_path": path.encode("utf-8"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": raw,
        "client": client,
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    incoming = [{"type": "websocket.connect"}] if kind == "websocket" else []
    if kind == "http":
        scope["method"] = method
        incoming.append({"type": "http.request", "body": body, "more_body": False})
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
        elif message["type"] == "websocket.accept":
            answer.accepted = True
        elif message["type"] == "websocket.close":
            answer.closed = message.get("code", 1000)

    await app(scope, receive, send)
    return answer
