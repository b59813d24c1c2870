"""Virtual addresses of load balancers and the backends behind them (ovn-nb(5), Load_Balancer ``vips``).

``ADDRESS`` or ``ADDRESS:PORT``, IPv6 addresses in brackets before a port.  Backends have ports when the
virtual address has one, and its version.  A template's parts are variables, ``^NAME``, that a chassis
fills in; those are not checked any further.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.nbctl.networks import Network, parse_ipv4, parse_ipv6

HIGHEST_PORT: Final = 65535


class Endpoint(NamedTuple):
    """An address, with a port or 0."""

    address: Network
    port: int

    def __str__(self) -> str:
        if not self.port:
            return str(self.address)
        host = str(self.address) if self.address.version == 4 else f"[{self.address}]"
        return f"{host}:{self.port}"


def _split(text: str) -> tuple[str, str | None] | None:
    """Host and port; more than one colon without brackets is an IPv6 address."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        if rest and not rest.startswith(":"):
            return None
        return host, rest[1:] or None
    if text.count(":") > 1:
        return text, None
    host, _, port = text.partition(":")
    return host, port or None


def parse_endpoint(text: str) -> Endpoint | None:
    """An endpoint; what is wrong with one is logged, and it is None."""
    parts = _split(text)
    if parts is None:
        return None
    host, port = parts
    number = 0
    if port is not None:
        number = int(port) if port.isascii() and port.isdigit() else -1
        if not 0 <= number <= HIGHEST_PORT:
            warn("socket_util", f'{text}: bad port number "{port}"', "ERR")
            return None
    if ":" in host:
        address = parse_ipv6(host)
    else:
        address = parse_ipv4(host)
        if address is None:
            warn("socket_util", f'{text}: bad IP address "{host}"', "ERR")
    return None if address is None else Endpoint(address, number)


class Vip(NamedTuple):
    """A virtual address and its backends, as they are stored."""

    address: str
    backends: str
    has_port: bool


def _bare(text: str) -> str:
    """What a complaint about one endpoint says."""
    return f"{text}: should be an IP address"


def parse_vip(vip: str, backends: str) -> Vip:
    """An explicit virtual address; raises ``CtlError`` with everything that is wrong."""
    endpoint = parse_endpoint(vip)
    if endpoint is None:
        raise CtlError(f"{_bare(vip)} (or an IP address and a port number with : as a separator).")
    found, problems = _parse_backends(backends, endpoint.address, with_port=bool(endpoint.port))
    if problems:
        raise CtlError(", ".join(problems) + ".")
    return Vip(str(endpoint), ",".join(found), bool(endpoint.port))


def _parse_backends(text: str, vip: Network | None, *, with_port: bool) -> tuple[list[str], list[str]]:
    """The backends of an address, if it is known, and what is wrong with them."""
    found: list[str] = []
    problems: list[str] = []
    for word in filter(None, text.split(",")):
        backend = parse_endpoint(word)
        if backend is not None and vip is not None and backend.address.version != vip.version:
            problems.append(f"{word}: IP address family is different from VIP {vip}")
        elif with_port and (backend is None or not backend.port):
            problems.append(f"{_bare(word)} and a port number with : as a separator")
        elif backend is None or (backend.port and not with_port):
            problems.append(_bare(word))
        else:
            found.append(str(backend))
    return found, problems


def parse_template(vip: str, backends: str) -> Vip:
    """A virtual address of a template; its backends may be explicit ones."""
    parts = vip.split(":")
    if len(parts) > 2:
        form = "'^vip_variable[:^port_variable|:port]'"
        raise CtlError(f"{vip}: should be a template of the form: {form}.")
    with_port = len(parts) > 1
    form = "'^backendip_variable1[:^port_variable1|:port]'"
    words = [word.split(":") for word in backends.split(",")]
    wrong = [f"{word[0]}: should be a template of the form: {form}" for word in words if len(word) > 2]
    if wrong:
        found, problems = _parse_backends(backends, None, with_port=with_port)
        if problems:
            template, explicit = ", ".join(wrong), ", ".join(problems)
            raise CtlError(f"invalid backend: template ({template}.) OR explicit ({explicit}.)")
        return Vip(vip, ",".join(found), with_port)
    return Vip(vip, backends, with_port)
