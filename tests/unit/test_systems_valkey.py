"""`INFO replication` as a real server printed it, up, refused and frozen; and random text."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.settings import ValkeyEndpoint
from openova_console.systems import errors, valkey
from tests.support import misbehaving as support

PRIMARY = b"""# Replication
role:master
connected_slaves:1
slave0:ip=127.0.0.1,port=16380,state=online,offset=106,lag=4
master_failover_state:no-failover
master_replid:dd04ffdd4e21a09dc5513d859f70ee33c59b5f2c
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:176
second_repl_offset:-1
"""
REPLICA = b"""# Replication
role:slave
master_host:127.0.0.1
master_port:16390
master_link_status:up
master_last_io_seconds_ago:1
master_sync_in_progress:0
slave_read_repl_offset:64
slave_repl_offset:64
slave_priority:100
connected_slaves:0
master_replid:dd04ffdd4e21a09dc5513d859f70ee33c59b5f2c
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:64
"""
DOWN = REPLICA.replace(b"status:up", b"status:down\nmaster_link_down_since_seconds:4").replace(b"ago:1", b"ago:-1")


def test_the_primarys_end():
    found = valkey.parse(PRIMARY, "S")
    assert (found.role, found.offset, found.primary) == ("primary", 176, "")
    assert found.replicas == (valkey.Replica("127.0.0.1:16380", "online", 106, 4),)
    assert (found.link_up, found.last_io_s, found.down_since_s) == (None, None, None)
    assert found.replid.startswith("dd04")


def test_the_replicas_end_up_and_down():
    up, down = valkey.parse(REPLICA, "S"), valkey.parse(DOWN.replace(b"\n", b"\r\n"), "S")
    assert (up.role, up.offset, up.primary, up.link_up, up.last_io_s) == ("replica", 64, "127.0.0.1:16390", True, 1)
    assert (down.link_up, down.last_io_s, down.down_since_s, down.offset) == (False, None, 4, 64)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (PRIMARY.replace(b"offset:176", b"offset:many"), "master_repl_offset"),
        (PRIMARY.replace(b"lag=4", b"lag="), "slave0.lag"),
        (REPLICA.replace(b"status:up", b"status:perhaps"), "master_link_status"),
        (REPLICA.replace(b"slave_repl_offset", b"other"), "slave_repl_offset"),
        (PRIMARY.replace(b"role:master", b"role:king"), "role"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(text, path):
    with pytest.raises(errors.Malformed) as caught:
        valkey.parse(text, "Region 1's Valkey")
    assert caught.value.path == path


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | st.lists(st.sampled_from((PRIMARY + REPLICA).splitlines())).map(b"\n".join))
def test_no_text_raises_anything_but_a_fault(text):
    with contextlib.suppress(errors.Fault):
        valkey.parse(text, "S")


async def test_the_account_is_sent_and_the_connection_never_reused(tmp_path):
    connections: list[bytes] = []

    async def handle(reader, writer):
        asked = b""
        while b"replication" not in asked:
            asked += await reader.read(1000)
            if b"AUTH" in asked and b"replication" not in asked:
                writer.write(b"+OK\r\n")
        connections.append(asked)
        writer.write(b"$%d\r\n%s\r\n" % (len(REPLICA), REPLICA))

    (tmp_path / "password").write_text("hunter2\n")
    async with support.tcp(handle) as port:
        endpoint = ValkeyEndpoint(host="127.0.0.1", port=port, username="console", password_file=tmp_path / "password")
        for _ in range(2):
            found = await valkey.replication(endpoint, region="Region 2", network=support.NETWORK)
    assert len(connections) == 2
    assert b"AUTH" in connections[0] and b"hunter2" in connections[0]
    assert "hunter2" not in repr(found)
    with pytest.raises(errors.Misconfigured, match="password file"):
        missing = endpoint.model_copy(update={"password_file": tmp_path / "gone"})
        await valkey.replication(missing, region="Region 2", network=support.NETWORK)


async def test_a_cancelled_question_closes_its_connection():
    closed = asyncio.Event()
    asked = asyncio.Event()

    async def handle(reader, writer):
        await reader.readuntil(b"replication\r\n")
        asked.set()
        await reader.read()
        closed.set()

    async with support.tcp(handle) as port:
        question = asyncio.create_task(
            valkey.replication(ValkeyEndpoint(host="127.0.0.1", port=port), region="R", network=support.NETWORK, deadline_s=30)
        )
        await asked.wait()
        question.cancel()
        async with asyncio.timeout(2):
            await closed.wait()


async def test_over_tls_with_its_own_authority(tmp_path):
    identity = support.identity(tmp_path)

    async def handle(reader, writer):
        await reader.readuntil(b"replication\r\n")
        writer.write(b"$%d\r\n%s\r\n" % (len(PRIMARY), PRIMARY))

    async with support.tcp(handle, identity.server) as port:
        endpoint = ValkeyEndpoint(host="localhost", port=port, tls=True, ca_file=identity.ca_file)
        found = await valkey.replication(endpoint, region="Region 1", network=support.NETWORK)
    assert found.role == "primary"
