"""A throw-away certificate authority for the lab's own listeners, kept in the run folder.

It outlives a restart of the lab, as a real platform's does: whoever trusted it before goes on to.
"""

import ipaddress
import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=30)


class Authority:
    """A certificate authority; without `kept`, its key never leaves the process.

    Args:
        now: the machine's time in UTC (TLS clients check against it, not against a lab clock).
        kept: key and certificate of an earlier start, to go on with.
    """

    def __init__(self, name: str, now: datetime, kept: bytes | None = None) -> None:
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._start, self._end = now - timedelta(hours=1), now + VALID
        if kept is not None:
            key = serialization.load_pem_private_key(kept, password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError("not a key of this lab")
            self._key, self._certificate = key, x509.load_pem_x509_certificate(kept)
            if self._certificate.not_valid_after_utc - now < VALID / 2:
                raise ValueError("the certificate ends soon")
            self._end = self._certificate.not_valid_after_utc
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = self._signed_by_itself()
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)

    @classmethod
    def of(cls, folder: Path, name: str, now: datetime) -> "Authority":
        """The authority that the folder keeps, or a new one when it keeps none that will do."""
        file = folder / "authority.pem"
        try:
            return cls(name, now, file.read_bytes())
        except (OSError, ValueError):
            made = cls(name, now)
        file.touch(mode=0o600)
        file.write_bytes(_key_pem(made._key) + made.pem)
        return made

    def _signed_by_itself(self) -> x509.Certificate:
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return (
            self._builder(self._subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, folder: Path, stem: str, names: tuple[str, ...]) -> ssl.SSLContext:
        """A server context with a fresh key and certificate for `names` and 127.0.0.1.

        Writes `stem.pem` into `folder` (key and chain, readable by its owner only), because OpenSSL loads from files.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        san = [*(x509.DNSName(n) for n in names), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        certificate = (
            self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(san), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(self._issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = folder / f"{stem}.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(_key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM) + self.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pem)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._start)
            .not_valid_after(self._end)
        )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
