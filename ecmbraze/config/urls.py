"""Which addresses may be configured: https, or http to a loopback literal; nothing that hides another host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def checked(url: str) -> str:
    """Return the base URL without a trailing slash; raises ValueError with a sentence."""
    if not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError("an address is plain ASCII without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not an address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise ValueError("write https://host/path")
    if "@" in parts.netloc or "?" in url or "#" in url or "\\" in url or "%" in parts.netloc:
        raise ValueError("an address has no user, query or fragment")
    if any(part in ("..", ".", "%2e%2e", "%2E%2E") for part in parts.path.split("/")):
        raise ValueError("an address has no '..' in its path")
    _check_host(parts.hostname)
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("only https; http is for a loopback literal such as http://127.0.0.1:8080")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Say whether the host is a loopback literal: 127.0.0.0/8 or [::1], not a name that could resolve elsewhere."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host(host: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        if not _HOST.fullmatch(host) or re.fullmatch(r"0x[0-9a-f]+|[0-9]+", labels[-1]):
            raise ValueError(f"{host!r} is not a host name") from None
    else:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            raise ValueError("write the IPv4 address itself")
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise ValueError(f"{host} is not an address of a system")
