"""Sends one message to a webhook: checked address, verified TLS, no redirect, no proxy, and nothing of the answer but its status.

The name is resolved once and the connection goes to the address that was checked, so that a second answer of the DNS cannot
lead elsewhere; TLS is verified for the name all the same. Nothing is read behind the head of the answer: its size and pace do
not matter.
"""

import asyncio
import ssl
from datetime import UTC, datetime

import httpx

from openova_console.handbook.speech import span
from openova_console.notify.addresses import resolve
from openova_console.notify.failures import Undelivered, read_secret, transport_reason, trust
from openova_console.notify.message import Message, chat_body
from openova_console.notify.pauses import retry_after_s
from openova_console.notify.signing import headers, key_from
from openova_console.settings.notify import HookAddress, Webhook

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


async def send(target: Webhook, message: Message, *, timeout_s: float) -> str:
    """Send it once.

    Returns:
        "": there is nothing more to say of a message that arrived.

    Raises:
        Undelivered: with the sentence, and whether another try makes sense.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _send(target, message)
    except TimeoutError:
        raise Undelivered(f"{target.name} did not answer within {span(timeout_s)}") from None


async def _send(target: Webhook, message: Message) -> str:
    body = chat_body(message)
    address, signed, tls = await asyncio.to_thread(_prepared, target, message, body)
    checked = await resolve(target, address.host, address.port)
    # Below the client, which would follow what the environment says, and log the address.
    async with httpx.AsyncHTTPTransport(verify=tls, trust_env=False) as http:
        for number, ip in enumerate(checked, start=1):
            request = httpx.Request(
                "POST",
                f"{address.scheme}://{f'[{ip}]' if ':' in ip else ip}:{address.port}{address.path}",
                content=body,
                headers={
                    "Host": address.named,
                    "User-Agent": "openova-console",
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    **signed,
                },
                extensions={"sni_hostname": address.host},
            )
            try:
                response = await http.handle_async_request(request)
            except httpx.HTTPError as error:
                if isinstance(error, _NEVER_SENT) and number < len(checked):
                    continue
                raise Undelivered(f"{target.name} {_reason(error)}") from None
            await response.aclose()
            _judge(target.name, response.status_code, response.headers.get("retry-after"))
            return ""
    raise AssertionError("unreachable: there is at least one address, and the last one raises or returns")


def _prepared(target: Webhook, message: Message, body: bytes) -> tuple[HookAddress, dict[str, str], ssl.SSLContext | bool]:
    """What has to be read from files. Raises `Undelivered`."""
    address = _address(target)
    tls = trust(target.ca_file, target.name) if address.scheme == "https" else False
    return address, _signature(target, message, body), tls


def _address(target: Webhook) -> HookAddress:
    """The address from the settings or from its file. Raises `Undelivered` without showing it."""
    if target.url is not None:
        return HookAddress(target.url.get_secret_value())
    assert target.url_file is not None, "the settings demand one of both"
    text = read_secret(target.url_file, target.name, "address")
    if wrong := HookAddress.against(text, allow_plain=target.allow_plain):
        raise Undelivered(f"{target.name} was not tried: what its address file holds {wrong}")
    return HookAddress(text)


def _signature(target: Webhook, message: Message, body: bytes) -> dict[str, str]:
    if target.secret_file is None:
        return {"webhook-id": message.id}
    try:
        key = key_from(read_secret(target.secret_file, target.name, "key"))
    except ValueError as error:
        raise Undelivered(f"{target.name} was not tried: the key in {target.secret_file} {error}") from None
    return headers(key, id_=message.id, timestamp=int(datetime.now(UTC).timestamp()), body=body)


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return "does not speak HTTP at that address"
    return transport_reason(error)


def _judge(name: str, status: int, retry_after: str | None) -> None:
    """Raise `Undelivered` for everything but 2xx. A refusal is final but for 408 and 429, which ask for patience."""
    if 200 <= status < 300:
        return
    if status in (408, 429, 503):
        wait = None if status == 408 else retry_after_s(retry_after, datetime.now(UTC))
        raise Undelivered(f"{name} is overloaded or not ready ({status})", wait_s=wait)
    if 300 <= status < 400:
        raise Undelivered(f"{name} answered with a redirect ({status}), which is not followed: mend its address in the settings")
    if 400 <= status < 500:
        raise Undelivered(f"{name} refused the message ({status})", final=True, whole=False)
    raise Undelivered(f"{name} failed by itself ({status})")
