"""Where webhooks may go: what keeps an administrator's URL from reaching what is behind our wall.

A URL is looked at when it is given, and the addresses that its name resolves to are looked at
each time, by whoever connects: a name may be moved after it was checked.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from preread.errors import InvalidRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL: Final = 500

# What `is_global` of this Python's `ipaddress` lets through and still leads inside, or nowhere.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/3",  # multicast, reserved and broadcast
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # Teredo and other protocol assignments
        "2002::/16",  # 6to4
        "fc00::/7",
        "fe80::/9",  # link-local, and site-local of old
        "ff00::/8",
    )
)


class UrlNotAllowed(InvalidRequest):
    """A webhook may not be sent to this URL."""


def check_url(url: str, *, allow_http: bool, allow_private: bool) -> str:
    """Return a URL that messages may be sent to, as far as its words tell.

    Parameters
    ----------
    url
        As somebody gave it.
    allow_http
        Whether plain HTTP is accepted.
    allow_private
        Whether a host may be named by an address that is not public.

    Raises
    ------
    UrlNotAllowed
        If it is not such a URL; the message names the rule and not the URL.
    """
    if len(url) > LONGEST_URL or not url.isascii() or any(c <= " " or c in '\\"<>`' for c in url):
        raise UrlNotAllowed(f"The URL has at most {LONGEST_URL} plain ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlNotAllowed("The URL cannot be read.") from error
    if parts.scheme not in ({"https", "http"} if allow_http else {"https"}):
        raise UrlNotAllowed("The URL has to begin with https://.")
    host = parts.hostname
    if not host or "@" in parts.netloc or parts.fragment or port == 0 or "%" in parts.netloc:
        raise UrlNotAllowed("The URL names a host, and no user, zone or fragment.")
    address = _address(host)
    if address is not None and not allow_private and not is_public(address):
        raise UrlNotAllowed("The URL leads to an address that is not public.")
    return url


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet, whatever it is wrapped in.

    Examples
    --------
    >>> [is_public(ipaddress.ip_address(text)) for text in ("9.9.9.9", "10.0.0.1", "::1")]
    [True, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    listed = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not listed


def _address(host: str) -> Address | None:
    """Return the address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
