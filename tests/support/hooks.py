"""A receiver of webhooks on loopback that answers as a test says, and what the carrier's tests start from."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database

from openova_console.notify.carrier import Carrier
from openova_console.notify.deliveries import Delivery, listing
from openova_console.notify.message import Message
from openova_console.notify.outbox import say
from openova_console.settings import Settings
from openova_console.store.database import open_engine, reading, session
from tests.support.engines import empty_database
from tests.support.misbehaving import Handler, tcp

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed(self, secret: str = SECRET) -> bool:
        """The check of the public specification, written from its text and with nothing of the console's."""
        key = base64.b64decode(secret.split("_", 1)[1])
        parts = [self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body.decode()]
        expected = base64.b64encode(hmac.digest(key, ".".join(parts).encode(), hashlib.sha256)).decode()
        versions = [one.split(",", 1) for one in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and given == expected for version, given in versions)


@dataclass
class Hook:
    """The receiver. `answers` are given in order, and the last one from then on."""

    port: int = 0
    answers: list[bytes | Handler] = field(default_factory=lambda: [answer()])
    got: list[Got] = field(default_factory=list)
    scheme: str = "http"

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}/services/T000/hush-hush"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(head[0].split(" ")[1], headers, body))
        reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(reply, bytes):
            writer.write(reply)
            await writer.drain()
        else:
            await reply(reader, writer)


def answer(status: int = 200, *, body: bytes = b"ok", **headers: str) -> bytes:
    """A whole answer; `retry_after="30"` becomes a header."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def hook(*answers: bytes | Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hook]:
    """A receiver that answers so."""
    one = Hook(scheme="https" if tls else "http")
    if answers:
        one.answers = list(answers)
    async with tcp(one.handle, tls) as port:
        one.port = port
        yield one


def webhook(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "chat", "kind": "webhook", "url": url, "allow_private": True, **more}


def settings_with(folder: Path, *targets: dict[str, Any], **notify: Any) -> Settings:
    """Settings of a console with these targets."""
    document: dict[str, Any] = {
        "environment": {"name": "acme"},
        "console": {"looks_from": "region-1", "data_dir": str(folder), "public_url": "https://console.example"},
        "regions": [{"id": "region-1", "display": "Region 1", "role": "primary", "kubernetes": {"in_cluster": True}}],
        "notify": {"targets": list(targets), "timeout_s": 5, **notify},
    }
    return Settings(**document)


def message(**more: Any) -> Message:
    base: dict[str, Any] = {
        "id": "ab" * 16,
        "event": "approval.waits",
        "title": "Approval needed: Restart portal",
        "text": "olga asks: Restart portal. Reason: stale connections.",
        "link": "https://console.example/approvals?operation=1",
        "urgent": False,
        "at": START,
        "place": "acme",
    }
    return Message(**{**base, **more})


@dataclass
class Post:
    """A carrier on a database of its own, with a clock that the test moves."""

    settings: Settings
    database: Database
    carrier: Carrier
    clock: list[datetime]
    outcomes: list[tuple[str, str]]

    def say(self, key: str = "k1", event: str = "approval.waits", **more: Any) -> None:
        with session(self.database) as opened:
            words = {"title": f"Title of {key}", "text": "Text", "link": f"/runs/{key}", "now": self.clock[0], **more}
            say(session=opened, key=key, event=event, **words)

    def rows(self, **wanted: Any) -> list[Delivery]:
        with reading(self.database) as opened:
            return listing(opened, **wanted)

    def pass_s(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    def another(self, **more: Any) -> Carrier:
        """A second carrier on the same books, as another replica has."""
        return carrier_on(self.settings, self.database, self.clock, self.outcomes, **more)


def carrier_on(
    settings: Settings, database: Database, clock: list[datetime], outcomes: list[tuple[str, str]], **more: Any
) -> Carrier:
    def counted(target: str, outcome: str) -> None:
        outcomes.append((target, outcome))

    return Carrier(settings, database, now=lambda: clock[0], counted=counted, **{"chance": lambda: 0.0, **more})


@contextlib.contextmanager
def post(folder: Path, *targets: dict[str, Any], url: str = "", **notify: Any) -> Iterator[Post]:
    """A carrier with these targets, on a fresh SQLite database or the migrated one at `url`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, database = settings_with(folder, *targets, **notify), open_engine(url or empty_database(folder))
    clock, outcomes = [START], list[tuple[str, str]]()
    try:
        yield Post(settings, database, carrier_on(settings, database, clock, outcomes), clock, outcomes)
    finally:
        database.dispose()
