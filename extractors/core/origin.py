"""Where requests may go: the source's own origin (scheme, host, port) and nowhere else."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from extractors.core.errors import ConfigurationError, IntegrityError

_DEFAULT_PORTS = {"https": 443, "http": 80}
#: scheme, host (a name, or an address in brackets), port, rest; anything else (user info, odd slashes, other schemes) fails to match
_ABSOLUTE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#].*)?"
)
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Origin:
    """Scheme, lower-case host without brackets, port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or is_loopback_address(self.host)

    def address_of(self, target: str) -> str:
        """The absolute URL of `target`, which is a path (`/crm/…`) or an absolute URL that must lie at this origin.

        Raises IntegrityError naming the foreign origin only: a path or query may carry something that must not be shown.
        """
        if target.startswith("/") and not target.startswith("//"):
            if not _is_plain(target):
                raise IntegrityError(f"A link from {self} holds characters that no address has.", _MEND)
            return f"{self}{target}"
        named, _ = split_origin(target)
        if named != self:
            raise IntegrityError(f"A link from {self} points to {named or 'an address that cannot be read'}.", _MEND)
        return target


_MEND = "It was not followed and no credential was sent. Tell whoever runs that server."


def declared_origin(url: str, setting: str) -> tuple[Origin, str]:
    """The origin and the path prefix (no slash at its end) of a configured address. Raises ConfigurationError naming the setting.

    https everywhere; plain http only where the address itself says loopback. Private and link-local addresses are refused.
    """
    mend = f"Set {setting} to an address such as https://api.example.com."
    origin, rest = split_origin(url.strip())
    if origin is None:
        raise ConfigurationError(f"{setting} is not an address that can be used.", mend)
    if "?" in rest or "#" in rest:
        raise ConfigurationError(f"{setting} carries a query or a fragment.", mend)
    if origin.scheme == "http" and not origin.is_loopback:
        raise ConfigurationError(f"{setting} is plain http, and the token would travel in the open.", mend)
    if _literal(origin.host) is not None and not origin.is_loopback and not is_public_address(origin.host):
        raise ConfigurationError(f"{setting} points into a private network ({origin.host}).", mend)
    return origin, rest.rstrip("/")


def split_origin(url: str) -> tuple[Origin | None, str]:
    """Origin and the rest of an absolute http(s) URL; (None, "") when it is anything else or written to mislead."""
    match = _ABSOLUTE.fullmatch(url) if _is_plain(url) else None
    if match is None:
        return None, ""
    host = match["host"].lower()
    if host.startswith("["):
        host = host[1:-1]
        if _literal(host) is None:
            return None, ""
    elif _literal(host) is None and not _NAME.fullmatch(host):
        # Also every host that ends in a number without being a dotted quad: 2130706433, 0x7f.1, 127.1.
        return None, ""
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[match["scheme"]]
    if not 0 < port < 65536:
        return None, ""
    return Origin(match["scheme"], host, port), match["rest"] or ""


def is_loopback_address(host: str) -> bool:
    address = _literal(host)
    return address is not None and address.is_loopback


def is_public_address(host: str) -> bool:
    """Whether a literal address is one of the open internet: not private, link-local, loopback, reserved or multicast."""
    address = _literal(host)
    return address is not None and address.is_global and not address.is_multicast


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _is_plain(text: str) -> bool:
    """Printable ASCII without spaces and backslashes: what is left cannot be read in two ways."""
    return text.isascii() and text.isprintable() and " " not in text and "\\" not in text
