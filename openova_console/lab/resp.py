"""One region's Valkey over RESP: the few commands that a console sends, and the server's own refusals.

Errors are word for word those captured from a server with a password. The account may run nothing that reads or writes
data: such commands get NOPERM, as under an ACL.
"""

import asyncio
import contextlib
import hmac
import re
from collections.abc import Callable

from openova_console.lab import info
from openova_console.lab.clock import Clock
from openova_console.lab.faults import Fault, Faults
from openova_console.lab.garbage import HUGE_BYTES, LOGIN_PAGE
from openova_console.lab.resp_wire import LIMIT, Broken, arity, bulk, error, read_command
from openova_console.lab.valkey import Valkey
from openova_console.lab.world import World

_NOAUTH = "NOAUTH Authentication required."
_WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
_NOAUTH_HELLO = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be "
    "used to authenticate the client and select the RESP protocol version at the same time"
)
_FORBIDDEN = re.compile(
    "append|config|dbsize|debug|decr|del|dump|eval|evalsha|exists|expire|flushall|flushdb|get|getset|hget|hgetall|hset|incr|"
    "keys|lpush|lrange|mget|migrate|monitor|mset|publish|psync|randomkey|rename|replicaof|restore|rpush|sadd|save|scan|set|"
    "shutdown|slaveof|smembers|subscribe|swapdb|sync|ttl|type|unlink|wait|xadd|xread|zadd|zrange"
)


class _Refused(Exception):
    """The command is answered by this error."""


class RespServer:
    """Serves one region's Valkey.

    Args:
        user, password: the only account.
    """

    def __init__(self, world: World, region: str, clock: Clock, faults: Faults, *, user: str, password: str) -> None:
        self.world = world
        self.region = region
        self.clock = clock
        self._faults = faults
        self.user = user
        self._password = password
        self._ids = 0

    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol of one connection, for the gate."""
        reader = asyncio.StreamReader(limit=LIMIT)
        return asyncio.StreamReaderProtocol(reader, self._serve)

    def accepts(self, user: str, password: str) -> bool:
        """Whether these are the account's name and password."""
        right = hmac.compare_digest(password.encode(), self._password.encode())
        return right and user == self.user

    def look(self) -> Valkey:
        """The pair's state as this end sees it now."""
        now = self.clock.unix()
        return self.world.valkey.look(self.world.timeline.at(now), self.region, now)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ids += 1
        session = _Session(self, self._ids)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not session.ended:
                try:
                    command = await read_command(reader)
                except Broken as broken:
                    writer.write(error(str(broken)))
                    break
                if command is None:
                    break
                answer = session.answer(command) if command else b""
                ended = await _deliver(
                    writer, answer, lambda: self._faults.state(f"{self.region}/valkey"), told=command[:1] in (["INFO"], ["info"])
                )
                if ended:
                    break
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


class _Session:
    """One connection: whether it has signed in, its protocol version and name."""

    def __init__(self, server: RespServer, number: int) -> None:
        self.ended = False
        self._server = server
        self._number = number
        self._signed_in = False
        self._version = 2
        self._name = ""

    def answer(self, command: list[str]) -> bytes:
        name = command[0].lower()
        try:
            if name == "quit":
                self.ended = True
                return b"+OK\r\n"
            if name == "hello":
                return self._hello(command[1:])
            if name == "auth":
                return self._auth(command[1:])
            if not self._signed_in:
                raise _Refused(_NOAUTH)
            return self._command(name, command)
        except _Refused as refusal:
            return error(str(refusal))

    def _command(self, name: str, command: list[str]) -> bytes:
        arguments = command[1:]
        if name == "ping":
            if len(arguments) > 1:
                raise _Refused(arity("ping"))
            return bulk(arguments[0]) if arguments else b"+PONG\r\n"
        if name == "info":
            return self._verbatim(self._info({a.lower() for a in arguments}))
        if name == "select":
            return self._select(arguments)
        if name == "client":
            return self._client(arguments)
        if _FORBIDDEN.fullmatch(name):
            raise _Refused(f"NOPERM User {self._server.user} has no permissions to run the '{name}' command")
        shown = "".join(f"'{a[:128]}' " for a in arguments)[:128]
        raise _Refused(f"ERR unknown command '{command[0][:128]}', with args beginning with: {shown}")

    def _auth(self, arguments: list[str]) -> bytes:
        if not arguments:
            raise _Refused(arity("auth"))
        if len(arguments) > 2:
            raise _Refused("ERR syntax error")
        user = arguments[0] if len(arguments) == 2 else "default"
        if not self._server.accepts(user, arguments[-1]):
            raise _Refused(_WRONGPASS)
        self._signed_in = True
        return b"+OK\r\n"

    def _hello(self, arguments: list[str]) -> bytes:
        version = self._version
        if arguments:
            if not arguments[0].isdigit():
                raise _Refused("ERR Protocol version is not an integer or out of range")
            version = int(arguments[0])
            if version not in (2, 3):
                raise _Refused("NOPROTO unsupported protocol version")
        rest, name, signed_in = arguments[1:], self._name, self._signed_in
        while rest:
            option = rest[0].upper()
            if option == "AUTH" and len(rest) >= 3:
                if not self._server.accepts(rest[1], rest[2]):
                    raise _Refused(_WRONGPASS)
                signed_in, rest = True, rest[3:]
            elif option == "SETNAME" and len(rest) >= 2:
                name, rest = rest[1], rest[2:]
            else:
                raise _Refused(f"ERR Syntax error in HELLO option '{rest[0]}'")
        if not signed_in:
            raise _Refused(_NOAUTH_HELLO)
        self._signed_in, self._version, self._name = True, version, name
        role = "master" if self._server.look().replica is None else "replica"
        pairs = (
            ("server", bulk("valkey")),
            ("version", bulk(info.VERSION)),
            ("proto", b":%d\r\n" % version),
            ("id", b":%d\r\n" % self._number),
            ("mode", bulk("standalone")),
            ("role", bulk(role)),
            ("modules", b"*0\r\n"),
        )
        head = b"%%%d\r\n" % len(pairs) if version == 3 else b"*%d\r\n" % (2 * len(pairs))
        return head + b"".join(bulk(key) + value for key, value in pairs)

    def _info(self, sections: set[str]) -> str:
        everything = not sections or bool(sections & {"all", "default", "everything"})
        parts = []
        if everything or "server" in sections:
            parts.append(info.server(self._server.world.seed, self._server.region, self._server.clock.unix()))
        if everything or "replication" in sections:
            parts.append(info.replication(self._server.look(), self._server.region))
        return "\r\n".join(parts)

    def _select(self, arguments: list[str]) -> bytes:
        if len(arguments) != 1:
            raise _Refused(arity("select"))
        if not arguments[0].lstrip("-").isdigit():
            raise _Refused("ERR value is not an integer or out of range")
        if not 0 <= int(arguments[0]) < 16:
            raise _Refused("ERR DB index is out of range")
        return b"+OK\r\n"

    def _client(self, arguments: list[str]) -> bytes:
        if not arguments:
            raise _Refused(arity("client"))
        what, rest = arguments[0].lower(), arguments[1:]
        if what == "setname" and len(rest) == 1:
            self._name = rest[0]
            return b"+OK\r\n"
        if what == "setinfo" and len(rest) == 2:
            if rest[0].lower() not in ("lib-name", "lib-ver"):
                raise _Refused(f"ERR Unrecognized option '{rest[0]}'")
            return b"+OK\r\n"
        if what == "getname" and not rest:
            if self._name:
                return bulk(self._name)
            return b"_\r\n" if self._version == 3 else b"$-1\r\n"
        if what == "id" and not rest:
            return b":%d\r\n" % self._number
        if what in ("setname", "setinfo", "getname", "id"):
            raise _Refused(arity(f"client|{what}"))
        raise _Refused(f"ERR unknown subcommand '{arguments[0]}'. Try CLIENT HELP.")

    def _verbatim(self, text: str) -> bytes:
        if self._version == 3:
            return b"=%d\r\ntxt:%s\r\n" % (len(text) + 4, text.encode())
        return bulk(text)


async def _deliver(writer: asyncio.StreamWriter, answer: bytes, current: Callable[[], Fault], *, told: bool) -> bool:
    """Send the answer as the fault would have it; returns whether the connection ends here.

    Args:
        told: the answer carries what was asked for. Nonsense about signing in would only read as a wrong password.
    """
    fault = current()
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "garbage" and fault.detail == "drip":
        for at in range(len(answer)):
            if current() != fault:
                return True
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(1)
        return False
    if fault.kind != "garbage" or not (told or fault.detail == "html"):
        writer.write(answer)
        await writer.drain()
        return False
    spoilt = {
        "wrong_type": b":42\r\n",
        "truncated": answer[: len(answer) // 2],
        "html": f"HTTP/1.1 400 Bad Request\r\n\r\n{LOGIN_PAGE}".encode(),
        "huge": b"$%d\r\n%s\r\n" % (HUGE_BYTES, b"x" * HUGE_BYTES),
    }
    writer.write(spoilt.get(fault.detail, answer))
    await writer.drain()
    return fault.detail in ("truncated", "html")
