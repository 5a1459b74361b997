"""A region's own name server as k8gb's CoreDNS answers, made of Knot: authoritative for the GSLB zone.

k8gb itself cannot be had as a server here. What it would feed into CoreDNS is written into the zone: the host's addresses,
`localtargets-<host>`, the zone's name servers. Knot sets AA, answers NXDOMAIN with SOA, and refuses other zones by itself.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query

from tests.peers.servers.process import Process, program, wait_until
from tests.support.ports import free_port


class RegionDns:
    """One region's. `serve` replaces what it answers.

    Args:
        nameservers: names without their last dot, outside the zone.
    """

    def __init__(self, folder: Path, zone: str, nameservers: Iterable[str], *, ttl: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("knotd", "knot")
        self._folder, self._ttl, self._serial = folder, ttl, 0
        self.zone, self.nameservers = zone, tuple(nameservers)
        self.port = free_port()
        self.process: Process | None = None
        self._hosts: dict[str, tuple[str, ...]] = {}

    def settings(self) -> dict[str, Any]:
        """What the console's settings say of it below `regions[]`."""
        return {"dns": {"address": "127.0.0.1", "port": self.port}}

    def start(self) -> None:
        self._write()
        (self._folder / "knot.conf").write_text(
            f"server:\n  rundir: {self._folder}\n  listen: 127.0.0.1@{self.port}\n  background-workers: 1\n  udp-workers: 1\n"
            f"  tcp-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: {self._folder}\n"
            f"zone:\n  - domain: {self.zone}\n    file: {self._folder / 'zone'}\n    zonefile-load: whole\n"
            "    journal-content: none\n"
        )
        command = [self._program, "-c", self._folder / "knot.conf"]
        self.process = Process(f"knot-{self._folder.name}", command, folder=self._folder)
        wait_until(lambda: self.serial() == self._serial, f"{self._folder.name} answers for its zone", process=self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def serve(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Answer these names (relative to the zone) with these addresses from now on; it is started again for that."""
        self.stop()
        self._hosts = dict(hosts)
        self.start()

    def serial(self) -> int:
        """The SOA's serial that it answers with; -1 when it does not answer."""
        with contextlib.suppress(dns.exception.DNSException, OSError):
            answer = dns.query.udp(dns.message.make_query(self.zone, "SOA"), "127.0.0.1", port=self.port, timeout=0.5)
            return int(answer.answer[0][0].serial) if answer.answer else -1
        return -1

    def _write(self) -> None:
        self._serial += 1
        lines = [f"$ORIGIN {self.zone}.", f"$TTL {self._ttl}"]
        lines.append(f"@ SOA {self.nameservers[0]}. hostmaster {self._serial} 3600 600 86400 {self._ttl}")
        lines += [f"@ NS {name}." for name in self.nameservers]
        lines += [f"{host} A {address}" for host, addresses in self._hosts.items() for address in addresses]
        (self._folder / "zone").write_text("\n".join(lines) + "\n")
