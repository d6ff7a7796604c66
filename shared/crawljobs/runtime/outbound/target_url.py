"""Parse the URL of a target once. All later code uses the parts and never the text again.

Two parsers could read the same URL differently. If the check used one parser and the request
another parser, the check would not protect the request.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.outbound_errors import RefusedTarget

URL_MAX = 2_048  # limit of a URL in characters
HOST_MAX = 253  # limit of a DNS name in characters
DEFAULT_PORTS = {"https": 443, "http": 80}

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30})://"
    r"(?P<authority>[^/?#]{0,2048})"
    r"(?P<path>[^?#]{0,2048})(?P<query>\?[^#]{0,2048})?(?P<fragment>#.{0,2048})?"
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]{0,100}\]|[^:\[\]]{0,2048})(?::(?P<port>[0-9]{1,5}))?")
_IN_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*+")
_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*+[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# Resolvers read a host whose last label is a number as an IPv4 address, in one of many notations.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DOTTED_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
# IDNA 2003 and IDNA 2008 map these characters to different names, so the host would be ambiguous.
_AMBIGUOUS = frozenset("\u00df\u03c2\u200c\u200d")


@dataclass(frozen=True)
class TargetUrl:
    """The parts of a URL: `host` in lower case and ASCII, without brackets; `path` with the query.

    `address` is the host as an address, or None if the host is a name.
    """

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if isinstance(self.address, ipaddress.IPv6Address) else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}{self.path}"


def parse(url: str) -> TargetUrl:
    """Return the parts of the URL. Raises RefusedTarget if the URL is invalid or ambiguous."""
    if len(url) > URL_MAX:
        raise RefusedTarget(f"the URL has more than {URL_MAX} characters")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise RefusedTarget("the URL contains a blank or a control character")
    if "\\" in url:
        raise RefusedTarget("the URL contains a backslash")
    found = _URL.fullmatch(url)
    if found is None:
        raise RefusedTarget("expected a URL such as https://hooks.example.com/path")
    scheme = found["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise RefusedTarget("expected a URL that starts with https://")
    if found["fragment"] is not None:
        raise RefusedTarget("the URL has a fragment (#), which is never sent")
    if "@" in found["authority"]:
        raise RefusedTarget(
            "the URL contains a user or a password; verify the signature of each request instead"
        )
    authority = _AUTHORITY.fullmatch(found["authority"])
    if authority is None or not authority["host"]:
        raise RefusedTarget("the URL has no valid host and port")
    path = (found["path"] or "/") + (found["query"] or "")
    if not _IN_PATH.fullmatch(path):
        raise RefusedTarget("a character of the path or query must be percent-encoded")
    host, address = _host(authority["host"])
    port = int(authority["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port < 65_536:
        raise RefusedTarget("the port is not between 1 and 65535")
    return TargetUrl(scheme, host, port, path, address)


def _host(written: str) -> tuple[str, Address | None]:
    """Return the host in lower case and ASCII, and its address if the host is an address."""
    if written.startswith("["):
        return _ipv6(written[1:-1])
    name = _ascii(written).removesuffix(".")
    if _ENDS_IN_NUMBER.fullmatch(name):
        return _ipv4(name)
    if len(name) > HOST_MAX or not _NAME.fullmatch(name):
        raise RefusedTarget("the host is no valid name: expected letters, digits, hyphens and dots")
    return name, None


def _ascii(written: str) -> str:
    """Return a name in lower case and ASCII. A name with other characters becomes xn--..."""
    if len(written) > HOST_MAX + 1:
        raise RefusedTarget(f"the host has more than {HOST_MAX} characters")
    if written.isascii():
        return written.lower()
    if _AMBIGUOUS & set(written):
        raise RefusedTarget("two standards encode the host differently: write it as xn--...")
    try:
        return written.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise RefusedTarget("the host is no valid international name") from None


def _ipv4(name: str) -> tuple[str, Address]:
    """Return an address in dotted decimal notation. Other notations are refused.

    Resolvers also accept octal, hexadecimal and short forms. For some forms, different resolvers
    find different addresses.
    """
    if _DOTTED_QUAD.fullmatch(name):
        try:
            return name, ipaddress.IPv4Address(name)
        except ValueError:
            pass
    raise RefusedTarget("the host is a number: write an IPv4 address as four decimal numbers")


def _ipv6(written: str) -> tuple[str, Address]:
    text, zone, _ = written.partition("%")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise RefusedTarget("the host in brackets is no IPv6 address") from None
    if zone:
        raise RefusedTarget("the IPv6 address has a zone, which is valid on one machine only")
    return str(address), address
