"""AWS Signature Version 4 for S3 requests (AWS documentation, "Authenticating Requests: Using the Authorization Header").

For small bodies: the body's hash is signed too. Keys come from files and are read again when the files change.
"""

import hashlib
import hmac
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from openova_console.systems.http import SecretFile

_ALGORITHM = "AWS4-HMAC-SHA256"


class SignedRequest(httpx.Auth):
    """Signs each request.

    Raises:
        Misconfigured: at the request, when a key file cannot be read or is empty.
    """

    requires_request_body = True

    def __init__(self, access_key_file: Path, secret_key_file: Path, *, region: str, source: str) -> None:
        self._access = SecretFile(access_key_file, source, "access key")
        self._secret = SecretFile(secret_key_file, source, "secret key")
        self._region = region

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        digest = hashlib.sha256(request.content).hexdigest()
        at = datetime.now(UTC)
        request.headers["x-amz-date"] = at.strftime("%Y%m%dT%H%M%SZ")
        request.headers["x-amz-content-sha256"] = digest
        request.headers["Authorization"] = authorization(
            request.method,
            request.url.raw_path.decode("ascii"),
            {name: request.headers[name] for name in ("host", "x-amz-content-sha256", "x-amz-date")},
            digest,
            access_key=self._access.read(),
            secret_key=self._secret.read(),
            region=self._region,
            at=at,
        )
        yield request


def authorization(
    method: str,
    path: str,
    headers: dict[str, str],
    body_sha256: str,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    at: datetime,
) -> str:
    """The Authorization header.

    Args:
        path: encoded path and query as they are sent; a query must be sorted and encoded already.
        headers: those that are signed; they must contain `host`.
        body_sha256: hexadecimal.
        at: UTC; the same second as in `x-amz-date`.
    """
    path, _, query = path.partition("?")
    signed = {name.lower(): " ".join(value.split()) for name, value in sorted(headers.items(), key=lambda h: h[0].lower())}
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = "\n".join((method, quote(path, safe="/~%"), query, lines, names, body_sha256))
    day, scope = at.strftime("%Y%m%d"), f"{at.strftime('%Y%m%d')}/{region}/s3/aws4_request"
    to_sign = "\n".join((_ALGORITHM, at.strftime("%Y%m%dT%H%M%SZ"), scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    return f"{_ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
