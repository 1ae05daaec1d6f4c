"""Where webhooks may go: to public addresses, and to private networks that the operator named.

Whoever makes a webhook makes this server send requests, from inside the network it stands in (server-side
request forgery, OWASP). Therefore the name is resolved here, every address is judged, and the connection is
made to an address that was judged: a name that points elsewhere a moment later changes nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ..settings import ServerSettings
from .models import MAX_URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

#: Ports below belong to other protocols, some of which would do what an HTTP request says (chosen).
_FREE_PORTS = 1024
_TLS_PORT, _PLAIN_PORT = 443, 80

#: RFC 6052: an IPv4 address behind these 96 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(ValueError):
    """A webhook may not go there; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver whose addresses were judged."""

    url: str
    """Its address as it was given."""
    host: str
    """Its name, for TLS and the Host header."""
    port: int
    """TCP port."""
    addresses: tuple[str, ...]
    """Addresses to connect to, all judged."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Judges where webhooks may go."""

    allow_private: bool = False
    """Whether this machine itself may receive, also without TLS."""
    networks: tuple[Network, ...] = ()
    """Networks that may receive although they are not public."""

    @classmethod
    def of(cls, settings: ServerSettings) -> "AddressPolicy":
        """Return the policy of a server's settings; raises ValueError for a network that is none."""
        networks = tuple(ipaddress.ip_network(one) for one in settings.webhook_private_networks)
        return cls(settings.webhook_allow_private, networks)

    def target(self, url: str, resolve: Resolver) -> Target:
        """Judge an address, and return it with what its name stands for at this moment.

        Raises
        ------
        AddressRefused
            It is malformed, unknown, or nothing may be sent there.
        """
        parts = _split(url)
        host = parts.hostname or ""
        port = parts.port or (_TLS_PORT if parts.scheme == "https" else _PLAIN_PORT)
        if port not in {_TLS_PORT, _PLAIN_PORT} and port < _FREE_PORTS:
            raise AddressRefused(f"port {port} is none for webhooks: take 443 or one from {_FREE_PORTS}")
        try:
            found = tuple(dict.fromkeys(resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise AddressRefused(f"the name {host} cannot be resolved") from error
        if not found:
            raise AddressRefused(f"the name {host} has no address")
        for text in found:
            self._judge(text, plain=parts.scheme == "http")
        return Target(url, host, port, found)

    def _judge(self, text: str, *, plain: bool) -> None:
        address = embedded(ipaddress.ip_address(text))
        if address.is_loopback and self.allow_private:
            return
        if plain:
            raise AddressRefused("https is needed: over http anybody on the way could read and change it")
        if any(address.version == net.version and address in net for net in self.networks):
            return
        unfit = address.is_multicast or address.is_reserved or address.is_link_local
        # fec0::/10 is out of use (RFC 3879), and Python calls it global.
        inner = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
        if unfit or inner or not address.is_global:
            raise AddressRefused(
                f"{text} is no public address; networks that may receive are named in the server's setting "
                "webhook_private_networks"
            )


def embedded(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 address of translation or tunnelling, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inside = address.teredo[1]
    low = int(address) & 0xFFFF_FFFF
    # RFC 4291, 2.5.5.1: "IPv4-compatible" addresses, out of use; :: and ::1 are none of them.
    if address in _NAT64 or (int(address) >> 32 == 0 and low > 1):
        inside = ipaddress.IPv4Address(low)
    return inside or address


def is_literal(url: str) -> bool:
    """Whether a URL names an address, which nobody has to be asked for."""
    try:
        ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def system_resolver(host: str, port: int) -> list[str]:
    """Return the addresses of a name as this machine knows them; blocks."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


def _split(url: str) -> SplitResult:
    printable = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if len(url) > MAX_URL or not printable:
        raise AddressRefused(f"a URL has at most {MAX_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("the URL cannot be read") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise AddressRefused("the URL must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("no name or password may stand in the URL: check the signature instead")
    if parts.fragment:
        raise AddressRefused("a fragment (#…) is never sent: leave it out")
    return parts
