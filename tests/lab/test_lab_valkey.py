"""The lab's Valkey against a captured server: INFO's shape, refusals word for word, the protocol's versions."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from openova_console.lab import info
from openova_console.lab.folder import VALKEY_USER
from openova_console.lab.world import World
from tests.lab.running import HOST, R1, R2, START, Running

SAMPLES = Path(__file__).parent / "samples" / "services"
CAPTURED = json.loads((SAMPLES / "redis-answers.json").read_text())
T0 = START.timestamp()


def sections() -> dict[str, list[str]]:
    """The captured INFO bodies: title to field names in order."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in (SAMPLES / "redis.txt").read_text().splitlines():
        if "## " in line:
            title = line.split("## ", 1)[1]
            found[title] = []
        elif re.match(r"[a-z_0-9]+:", line):
            found[title].append(line.split(":", 1)[0])
    return found


def fields(text: str) -> list[str]:
    return [line.split(":", 1)[0] for line in text.splitlines() if ":" in line]


@pytest.mark.parametrize(
    ("title", "region", "changes"),
    [
        ("primary, link up", R1, {}),
        ("replica, link up", R2, {}),
        ("primary, link refused 4 s, one write since", R1, {"dead": frozenset({R2})}),
        ("replica, link refused 4 s", R2, {"dead": frozenset({R1})}),
    ],
)
def test_info_has_the_captured_fields_in_the_captured_order(title: str, region: str, changes: dict) -> None:
    world = World(7)
    world.change(T0 - 4, **changes)
    text = info.replication(world.valkey.look(world.timeline.at(T0), region, T0), region)
    assert text.startswith("# Replication\r\n")
    assert fields(text) == sections()[title]


def test_the_replicas_row_has_the_captured_form() -> None:
    world = World(7)
    text = info.replication(world.valkey.look(world.timeline.at(T0), R1, T0), R1)
    assert re.search(r"^slave0:ip=[\d.]+,port=\d+,state=online,offset=\d+,lag=[01]\r$", text, re.MULTILINE)


class Raw:
    """A connection that sends commands and reads whatever comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, here: Running, region: str = R2) -> "Raw":
        return cls(*await asyncio.open_connection(HOST, here.lab.ports[f"{region}/valkey"]))

    async def send(self, data: str | bytes) -> str:
        if isinstance(data, str):
            words = data.split(" ")
            data = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words)
        self.writer.write(data)
        answer = await asyncio.wait_for(self.reader.read(65536), 5)
        return answer.decode()


def kinder(reply: str) -> str:
    """A captured reply with what differs between two servers made equal: product, version, connection id, INFO's values."""
    reply = re.sub(r":\d+\r\n(?=\$4\r\nmode)", ":N\r\n", reply)
    reply = re.sub(r"\$\d+\r\n(?:redis|valkey)\r\n", "PRODUCT", reply)
    reply = re.sub(r"\$\d+\r\n\d+\.\d+\.\d+\r\n", "VERSION", reply)
    reply = re.sub(r"\$\d+\r\n(?:master|replica)\r\n", "ROLE", reply)
    return re.sub(r"^([=$])\d+(\r\n(?:txt:)?# Replication).*", r"\1N\2", reply, flags=re.DOTALL)


@pytest.mark.parametrize("session", range(len(CAPTURED["sessions"])))
async def test_a_session_gets_the_captured_replies(here: Running, session: int) -> None:
    raw = await Raw.to(here)
    password = here.lab.folder.secret(f"{R2}-valkey.password")
    for command, reply in CAPTURED["sessions"][session]:
        ours = command.replace("default secret", f"{VALKEY_USER} {password}")
        assert kinder(await raw.send(ours)) == kinder(reply), command
    raw.writer.close()


async def test_the_account_may_not_touch_data_nor_act(here: Running) -> None:
    raw = await Raw.to(here)
    await raw.send(f"AUTH {VALKEY_USER} {here.lab.folder.secret(f'{R2}-valkey.password')}")
    for command in ("GET a", "REPLICAOF NO ONE", "FLUSHALL", "CONFIG GET *"):
        reply = await raw.send(command)
        assert reply == f"-NOPERM User console has no permissions to run the '{command.split()[0].lower()}' command\r\n"
    raw.writer.close()


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n:3\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""),
        (b"PING\r\n", "-NOAUTH Authentication required.\r\n"),
    ],
)
async def test_what_is_no_resp_ends_as_captured(here: Running, sent: bytes, reply: str) -> None:
    raw = await Raw.to(here)
    got = await raw.send(sent)
    if sent.startswith(b"GET"):
        # The first line is an inline command; at the second one the server drops the connection.
        got = got.removeprefix("-NOAUTH Authentication required.\r\n")
    assert got == reply
    raw.writer.close()


async def test_a_client_library_reads_both_ends_and_time_moves_the_offsets(here: Running) -> None:
    primary, replica = await here.info(R1), await here.info(R2)
    assert (primary["role"], replica["role"]) == ("master", "slave")
    assert primary["slave0"]["state"] == "online" and replica["master_link_status"] == "up"
    assert primary["master_replid"] == replica["master_replid"]
    await here.lab.advance(10)
    assert (await here.info(R2))["slave_repl_offset"] - replica["slave_repl_offset"] > 10_000
    assert (await here.info(R2, "server"))["server_name"] == "valkey"
