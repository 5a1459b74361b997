"""The RESP protocol's framing: commands in, bulk strings and errors out."""

import asyncio
from typing import Final

LIMIT: Final = 64 * 1024  # no command of a console is longer


class Broken(Exception):
    """The client does not speak RESP; it hears why and the connection ends."""


def bulk(text: str) -> bytes:
    """A bulk string."""
    data = text.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def error(text: str) -> bytes:
    """An error reply on one line."""
    return b"-%s\r\n" % text.replace("\r", " ").replace("\n", " ").encode()


def arity(command: str) -> str:
    """The refusal of a command with too few or too many arguments."""
    return f"ERR wrong number of arguments for '{command}' command"


async def read_command(reader: asyncio.StreamReader) -> list[str] | None:
    """One command, as an array or as a bare line; empty for an empty line, None at the end of the stream. Raises `Broken`."""
    try:
        line = await reader.readline()
    except ValueError:
        raise Broken("ERR Protocol error: too big inline request") from None
    if not line.endswith(b"\n"):
        return None
    if not line.startswith(b"*"):
        words = line.decode(errors="replace").split()
        # Redis drops whoever speaks HTTP to it without a word.
        return None if words and words[0].upper() in ("POST", "HOST:") else words
    count = _integer(line[1:], "invalid multibulk length", 1024)
    command = []
    for _ in range(count):
        head = await reader.readline()
        if not head.startswith(b"$"):
            got = head[:1].decode(errors="replace")
            raise Broken(f"ERR Protocol error: expected '$', got '{got}'")
        size = _integer(head[1:], "invalid bulk length", LIMIT)
        command.append((await reader.readexactly(size + 2))[:-2].decode(errors="replace"))
    return command


def _integer(text: bytes, wrong: str, limit: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= limit:
        raise Broken(f"ERR Protocol error: {wrong}")
    return value
