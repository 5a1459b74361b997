"""Real DNS: a Knot authority per region and one for the control name, and three BIND resolvers that forward to them.

The resolvers answer over TLS with certificates of our own authority and over UDP. Forwarding instead of recursion from
the root: on loopback there is no root. A resolver is made to lie by pointing a zone at another authority.
"""

import contextlib
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.peers.servers.authority import Authority
from tests.peers.servers.process import Process, program, wait_until
from tests.support.ports import free_port


def answers(port: int, name: str) -> bool:
    """Whether an address for `name` comes from this port over UDP."""
    with contextlib.suppress(dns.exception.DNSException, OSError):
        answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=0.5)
        return bool(answer.answer)
    return False


class DnsAuthority:
    """Knot, serving one zone whose every name has the same address."""

    def __init__(self, folder: Path, zone: str, address: str, *, ttl: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("knotd", "knot")
        self._folder = folder
        self.zone, self.address = zone, address
        self.port = free_port()
        self.process: Process | None = None
        (folder / "zone").write_text(
            f"$ORIGIN {zone}.\n$TTL {ttl}\n@ SOA ns hostmaster 1 3600 600 86400 {ttl}\n@ NS ns\n"
            f"ns A 127.0.0.1\n@ A {address}\n* A {address}\n"
        )
        (folder / "knot.conf").write_text(
            f"server:\n  rundir: {folder}\n  listen: 127.0.0.1@{self.port}\n  background-workers: 1\n  udp-workers: 1\n"
            f"  tcp-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: {folder}\n"
            f"zone:\n  - domain: {zone}\n    file: {folder / 'zone'}\n    zonefile-load: whole\n    journal-content: none\n"
        )

    def start(self) -> None:
        self.process = Process(f"knot-{self.zone}", [self._program, "-c", self._folder / "knot.conf"], folder=self._folder)
        wait_until(lambda: answers(self.port, f"x.{self.zone}"), f"the authority of {self.zone} answers", process=self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


class Witness:
    """BIND as a forwarding resolver.

    Args:
        tls_name: name in its certificate.
        forwards: by zone, the port of the authority on loopback.
    """

    def __init__(self, folder: Path, authority: Authority, name: str, tls_name: str, forwards: dict[str, int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("named", "bind9")
        self._folder = folder
        self._certificate = authority.issue(tls_name)
        self.name, self.tls_name = name, tls_name
        self.forwards = dict(forwards)
        self.tls_port, self.udp_port = free_port(), free_port()
        self.process: Process | None = None

    def start(self) -> None:
        self._configure()
        command = [self._program, "-g", "-4", "-n", "1", "-c", self._folder / "named.conf"]
        self.process = Process(f"named-{self.name.lower()}", command, folder=self._folder)
        zone = next(iter(self.forwards))
        wait_until(lambda: answers(self.udp_port, f"start.{zone}"), f"the resolver {self.name} answers", process=self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def forward(self, zone: str, port: int) -> None:
        """Send questions for a zone to another authority from now on, and forget what is cached."""
        self.stop()
        self.forwards[zone] = port
        self.start()

    def _configure(self) -> None:
        zones = "".join(
            f'zone "{zone}" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {port}; }}; }};\n'
            for zone, port in self.forwards.items()
        )
        (self._folder / "named.conf").write_text(
            "controls { };\n"
            f'tls own {{ cert-file "{self._certificate.cert_file}"; key-file "{self._certificate.key_file}"; }};\n'
            "options {\n"
            f'  directory "{self._folder}"; pid-file none; session-keyfile none;\n'
            f"  listen-on port {self.udp_port} {{ 127.0.0.1; }};\n"
            f"  listen-on port {self.tls_port} tls own {{ 127.0.0.1; }};\n"
            "  listen-on-v6 { none; }; recursion yes; allow-query { any; }; dnssec-validation no; empty-zones-enable no;\n"
            # SERVFAIL after 1 s of silence: sooner than a console's own time-out.
            "  resolver-query-timeout 1000; stale-answer-enable yes; stale-cache-enable yes; stale-answer-ttl 1;\n"
            "  stale-answer-client-timeout off; max-stale-ttl 1h; stale-refresh-time 0; servfail-ttl 0;\n"
            "};\n" + zones
        )
