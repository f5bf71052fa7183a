"""Where others may have us send requests, so that nobody reaches our network through us (SSRF).

A URL is held to one strict form, and every address that its host has must be public: OWASP API
Security Top 10 2023, API7; address blocks by the IANA special-purpose registries (RFC 6890).
Whoever connects must connect to an address that was held to this, and not ask for the host again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from shared.kernel.errors import DomainError, Fault

MAX_URL: Final = 2048
HTTPS_PORT: Final = 443

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_URL: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?",
    re.ASCII,
)
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])", re.ASCII)
"""A name of at least two labels whose last begins with a letter: no address is one (RFC 3696)."""
_MAX_NAME: Final = 253

_PROTOCOLS_4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Of protocols, the second of 6to4's relays: some versions of Python count them public."""
_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is routed: mapped, NAT64, link-local and unique local lie elsewhere."""
_CARRIERS: Final = tuple(
    IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Of those, what carries an address of IPv4 (6to4, Teredo) or is for protocols and documents."""


class ForbiddenTargetError(DomainError):
    """Nothing is sent there: it is not https on port 443, no plain name, or not public."""

    code = "forbidden_target"
    fault = Fault.INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart: ``path`` begins with a slash and has the query with it."""

    host: str
    port: int
    path: str
    is_secure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalHosts:
    """Hosts of a local run: by these names alone, http, any port and any address will do."""

    names: frozenset[str] = frozenset()


NOWHERE_LOCAL: Final = LocalHosts()


def target_of(url: str, *, local: LocalHosts = NOWHERE_LOCAL) -> Target:
    """Return where a URL leads, if it has the one form that we take.

    It is ``https``, in ASCII and lower case up to the path; the host is a name, not an address;
    there is no user, no fragment, and no port but 443.

    Raises:
        ForbiddenTargetError: it has another form.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None:
        raise ForbiddenTargetError("not an https URL in ASCII with a plain name as its host")
    is_secure = match["scheme"] == "https"
    port = int(match["port"] or (HTTPS_PORT if is_secure else 80))
    target = Target(host=match["host"], port=port, path=match["path"] or "/", is_secure=is_secure)
    if target.host not in local.names:
        _expect_public_form(target)
    return target


def expect_public(addresses: Sequence[str]) -> None:
    """Hold all addresses of a host to being public: one that is not spoils the others.

    Raises:
        ForbiddenTargetError: there is none, or one of them is not public.
    """
    if not addresses:
        raise ForbiddenTargetError("the host has no address")
    for address in addresses:
        if not is_public(address):
            raise ForbiddenTargetError("the host has an address that is not public")


def is_public(address: str) -> bool:
    """Say whether an address in numbers is one of the public internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_4(found)
    return _is_public_6(found)


def _is_public_4(address: IPv4Address) -> bool:
    is_special = address.is_multicast or address.is_reserved
    is_of_protocols = any(address in block for block in _PROTOCOLS_4)
    return address.is_global and not is_special and not is_of_protocols


def _is_public_6(address: IPv6Address) -> bool:
    is_carrier = any(address in block for block in _CARRIERS)
    return address.is_global and address in _UNICAST and not is_carrier


def _expect_public_form(target: Target) -> None:
    if not target.is_secure or target.port != HTTPS_PORT:
        raise ForbiddenTargetError("only https on port 443")
    if _NAME.fullmatch(target.host) is None or len(target.host) > _MAX_NAME:
        raise ForbiddenTargetError("the host must be a name of the internet, and no address")
