"""HTTP as bytes: requests that a decent client would refuse to send."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None


async def ask(
    port: int,
    target: str = "/",
    *,
    method: str = "GET",
    host: str | None = "own",
    headers: tuple[tuple[str, str], ...] = (),
    cookie: str = "",
    body: bytes = b"",
) -> Answer:
    """One request, written as given; the first answer."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {f'localhost:{port}' if host == 'own' else host}")
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close", "", ""]
    answers = await send(port, "\r\n".join(lines).encode("latin-1") + body)
    assert answers, "the connection was closed without an answer"
    return answers[0]


async def send(port: int, raw: bytes) -> list[Answer]:
    """Write these bytes and read until the server closes or says no more for a second; the answers in order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        writer.write(raw)
        while more := await asyncio.wait_for(reader.read(2**16), 1):
            received += more
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return _answers(received)


def _answers(received: bytes) -> list[Answer]:
    found = []
    while received.startswith(b"HTTP/1."):
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple((line.partition(":")[0].lower(), line.partition(":")[2].strip()) for line in lines)
        length = next((int(value) for name, value in headers if name == "content-length"), len(rest))
        found.append(Answer(int(first.split()[1]), headers, rest[:length].decode(errors="replace")))
        received = rest[length:]
    return found
