"""Ports for servers that tests start: below the range from which the system takes the ports of outgoing connections.

Between choosing a port and the server's bind any connection on this machine could be given a port of that range.
"""

import contextlib
import random
import socket

_FIRST, _LAST = 10_000, 17_000


def free_port() -> int:
    """A TCP port of loopback that nobody has now, free for UDP as well. Raises RuntimeError when none is found."""
    for _ in range(200):
        port = random.randrange(_FIRST, _LAST)
        with contextlib.suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST}")
