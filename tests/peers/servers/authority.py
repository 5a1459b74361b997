"""A certificate authority of our own and the certificates that the peers show."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """Files of one server's certificate and key."""

    cert_file: Path
    key_file: Path


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """A new RSA key, written to `path`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    path.chmod(0o600)
    return key


class Authority:
    """Signs for loopback addresses; `ca_file` is what clients must trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca_file = folder / "ca.crt"
        self._key = private_key(folder / "ca.key")
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peers")])
        certificate = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self._write(certificate.sign(self._key, hashes.SHA256()), self.ca_file)

    def issue(self, name: str) -> Certificate:
        """A certificate for `name` and 127.0.0.1."""
        found = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        key = private_key(found.key_file)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = self._builder(subject, key).add_extension(names, critical=False)
        self._write(certificate.sign(self._key, hashes.SHA256()), found.cert_file)
        return found

    def _builder(self, subject: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
        )

    @staticmethod
    def _write(certificate: x509.Certificate, path: Path) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
