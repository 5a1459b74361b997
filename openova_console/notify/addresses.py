"""Where a message may be sent: the address behind a name is looked at before anything connects, and then connected to as it is.

By default only public addresses. `allow_private` adds loopback, private and shared networks (RFC 1918, RFC 4193, RFC 6598).
Link-local addresses and the metadata services of clouds have to be named in `networks`. Multicast, unspecified and reserved
addresses are never sent to. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) is judged as what it leads to.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from openova_console.notify.failures import Undelivered
from openova_console.settings.notify import Target

Address = IPv4Address | IPv6Address
MOST = 8
"""More addresses of one name than this are not looked at, and so not used."""

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)
_BY_NAME_ONLY = {
    "a link-local address": tuple(ipaddress.ip_network(text) for text in ("169.254.0.0/16", "fe80::/10")),
    "the metadata service of a cloud": tuple(
        ipaddress.ip_network(text) for text in ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128")
    ),
}
_NEVER_V4 = ipaddress.ip_network("0.0.0.0/8")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OLD_MAPPED = ipaddress.ip_network("::/96")


def meant(address: Address) -> Address:
    """The address that is reached in the end: an IPv4 address that is written inside an IPv6 one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    inside = int(address) & 0xFFFFFFFF
    if address in _NAT64 or (address in _OLD_MAPPED and inside > 1):
        return IPv4Address(inside)
    return address


def against(address: Address, *, allow_private: bool = False, networks: Sequence[IPv4Network | IPv6Network] = ()) -> str:
    """Why nothing is sent to this address, as "… is …"; "" when it may be.

    Args:
        allow_private: private, shared and loopback networks are allowed as well.
        networks: when given, the only ones that are allowed.
    """
    reached = meant(address)
    if reached.is_unspecified or reached.is_multicast or reached in _NEVER_V4 or (reached.is_reserved and reached.version == 4):
        return "an address that no service can have"
    if networks:
        return "" if any(reached in network for network in networks) else "outside of the networks that its settings name"
    for what, listed in _BY_NAME_ONLY.items():
        if any(reached in network for network in listed):
            return what
    if any(reached in network for network in _PRIVATE):
        return "" if allow_private else "a private or loopback address"
    old_local = isinstance(reached, IPv6Address) and reached.is_site_local
    return "" if reached.is_global and not reached.is_reserved and not old_local else "an address that is not public"


async def resolve(target: Target, host: str, port: int) -> list[str]:
    """The addresses of a host, all of them allowed. What is connected to is one of these, and never asked for again.

    Raises:
        Undelivered: the name does not resolve, or one of its addresses is not allowed for this target.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undelivered(f"{target.name} cannot be found: its name does not resolve") from None
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MOST]
    for text in texts:
        # One bad address is enough: a name that leads to both is not to be trusted with either.
        if why := against(ipaddress.ip_address(text), allow_private=target.allow_private, networks=target.networks):
            raise Undelivered(f"{target.name} was not tried: its name leads to {why}; allow_private or networks can allow that")
    if not texts:
        raise Undelivered(f"{target.name} cannot be found: its name has no address")
    return texts
