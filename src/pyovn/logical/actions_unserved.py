"""Actions that are read, checked and printed, and that ovn-controller does not carry out yet.

DHCP and router advertisements (``R = put_dhcp_opts(...)`` ...), ``select``, ``fwd_group``, ``set_meter``,
``trigger_event``, ``commit_ecmp_nh``, ``commit_lb_aff``, ``icmp4.frag_mtu = N``.  Their encoding raises
``NotServedError``, which names the action; ovn-trace knows what they would do.

Which options there are for DHCP is in the southbound (DHCP_Options), which a parser does not see: their
names are taken as they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader
from pyovn.logical.ast import PortName
from pyovn.logical.errors import NotServedError
from pyovn.logical.lexer import CONSTANT, DECIMAL, ID, STRING, Constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.logical.ast import FieldRef
    from pyovn.logical.lexer import Tokens
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

OFFER: Final = "offerip"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ENDPOINT: Final = re.compile(
    r"(?:(?P<four>\d+(?:\.\d+){3})|\[(?P<six>[0-9a-fA-F:.]+)\]|[0-9a-fA-F:]+)(?::\d+)?"
)
PROTOCOLS: Final = ("tcp", "udp", "sctp")
EVENT_OPTIONS: Final = ("vip", "protocol", "load_balancer")
ADDRESS_MODES: Final = ("slaac", "dhcpv6_stateful", "dhcpv6_stateless")
DEFAULT_WEIGHT: Final = 100
LEAST_SELECT_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class Unserved(Action):
    """An action that says all in its text."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.text

    def encode(self, _ctx: EncodeContext, _out: list[OpenFlowAction], /) -> None:
        """Not yet."""
        raise NotServedError(f"action {self.name} is not served yet", self.text)


@dataclass(frozen=True, slots=True)
class PutOptions(Action):
    """``result = name(option = value, ...)``; values in canonical form."""

    name: str
    result: FieldRef
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        options = ", ".join(f"{name} = {value}" for name, value in self.options)
        return f"{self.result} = {self.name}({options});"

    def encode(self, _ctx: EncodeContext, _out: list[OpenFlowAction], /) -> None:
        """Not yet."""
        raise NotServedError(f"action {self.name} is not served yet", str(self))


@dataclass(frozen=True, slots=True)
class Select(Action):
    """``result = select(id=weight, ...)``."""

    result: FieldRef
    members: tuple[tuple[int, int], ...]

    @property
    def needs(self) -> str:
        """The result's."""
        return self.result.symbol.prerequisites

    def __str__(self) -> str:
        return f"{self.result} = select({', '.join(f'{i}={weight}' for i, weight in self.members)});"

    def encode(self, _ctx: EncodeContext, _out: list[OpenFlowAction], /) -> None:
        """Not yet."""
        raise NotServedError("action select is not served yet", str(self))


def read_options(reader: Reader, name: str, result: FieldRef, start: int) -> Action:
    """After ``R = put_dhcp_opts`` and its like."""
    tokens = reader.tokens
    reader.check_writable(result, start)
    if result.width != 1:
        raise tokens.error(f"{name} gives one bit, and {result} has {result.width}", start)
    tokens.expect("(")
    options: list[tuple[str, str]] = []
    while tokens.kind != ")":
        option = tokens.name("an option's name")
        tokens.expect("=")
        options.append((option, _value(tokens)))
        if tokens.kind != ")":
            tokens.expect(",")
    _check_options(tokens, name, dict(options), start)
    tokens.expect(")")
    return PutOptions(name, result, tuple(options))


def _check_options(tokens: Tokens, name: str, options: dict[str, str], start: int) -> None:
    if name == "put_dhcp_opts" and OFFER not in options:
        raise tokens.error(f"put_dhcp_opts needs the option {OFFER}", start)
    if name == "put_nd_ra_opts":
        mode = options.get("addr_mode", "")[1:-1]
        if mode not in ADDRESS_MODES:
            raise tokens.error(f"put_nd_ra_opts needs an addr_mode: {', '.join(ADDRESS_MODES)}", start)
        if "slla" not in options:
            raise tokens.error("put_nd_ra_opts needs the option slla", start)
        if mode != "dhcpv6_stateful" and "/" not in options.get("prefix", ""):
            raise tokens.error(f"addr_mode {mode} needs a prefix", start)


def _value(tokens: Tokens) -> str:
    if not tokens.accept("{"):
        return _atom(tokens)
    values = []
    while tokens.kind != "}":
        values.append(_atom(tokens))
        if tokens.kind != "}":
            tokens.expect(",")
    tokens.expect("}")
    return f"{{{', '.join(values)}}}"


def _atom(tokens: Tokens) -> str:
    if tokens.kind == STRING:
        return str(PortName(str(tokens.take())))
    if tokens.kind != CONSTANT:
        raise tokens.error("expecting a constant or a quoted string")
    return str(tokens.take())


def read_select(reader: Reader, _name: str, result: FieldRef, start: int) -> Action:
    """After ``R = select``."""
    tokens = reader.tokens
    reader.check_writable(result, start)
    if result.width < LEAST_SELECT_BITS:
        raise tokens.error(
            f"select needs a field of {LEAST_SELECT_BITS} bits, {result} has {result.width}", start
        )
    tokens.expect("(")
    members: list[tuple[int, int]] = []
    while tokens.kind != ")":
        number = _short(tokens, "an id")
        weight = DEFAULT_WEIGHT
        if tokens.accept("="):
            at = tokens.at
            weight = _short(tokens, "a weight")
            if weight == 0:
                raise tokens.error("a weight is at least 1", at)
        members.append((number, weight))
        if tokens.kind != ")":
            tokens.expect(",")
    if len(members) < 2:
        raise tokens.error("select needs two members or more")
    tokens.expect(")")
    return Select(result, tuple(members))


def _decimal(tokens: Tokens, what: str) -> int:
    value = tokens.value
    if not isinstance(value, Constant) or value.mask is not None or value.form != DECIMAL:
        raise tokens.error(f"expecting {what}")
    tokens.at += 1
    return value.value


def _short(tokens: Tokens, what: str) -> int:
    at = tokens.at
    value = _decimal(tokens, what)
    if value >> 16:
        raise tokens.error(f"{what} is at most 65535", at)
    return value


def read_set_meter(reader: Reader) -> Action:
    """After ``set_meter``."""
    tokens = reader.tokens
    tokens.expect("(")
    at = tokens.at
    rate = _decimal(tokens, "a rate")
    if rate == 0:
        raise tokens.error("a rate is at least 1", at)
    burst = f", {_decimal(tokens, 'a burst')}" if tokens.accept(",") else ""
    tokens.expect(")")
    return Unserved("set_meter", f"set_meter({rate}{burst});")


def read_fwd_group(reader: Reader) -> Action:
    """After ``fwd_group``."""
    tokens = reader.tokens
    tokens.expect("(")
    alive = ""
    if tokens.value == "liveness":
        _key(tokens, "liveness")
        alive = 'liveness="true", ' if _boolean(tokens) == "true" else ""
        tokens.expect(",")
    _key(tokens, "childports")
    ports = [_string(tokens)]
    while tokens.accept(","):
        ports.append(_string(tokens))
    tokens.expect(")")
    return Unserved(
        "fwd_group", f"fwd_group({alive}childports={', '.join(str(PortName(p)) for p in ports)});"
    )


def read_trigger_event(reader: Reader) -> Action:
    """After ``trigger_event``."""
    tokens = reader.tokens
    tokens.expect("(")
    _key(tokens, "event")
    at = tokens.at
    event = _string(tokens)
    if event != "empty_lb_backends":
        raise tokens.error("expecting the event empty_lb_backends", at)
    said = [f"event = {PortName(event)}"]
    while tokens.accept(","):
        name = str(tokens.value)
        if name not in EVENT_OPTIONS:
            raise tokens.error(f"expecting an option of {event}: {', '.join(EVENT_OPTIONS)}")
        _key(tokens, name)
        at = tokens.at
        value = _string(tokens)
        if name == "protocol" and value not in PROTOCOLS:
            raise tokens.error(f"expecting a protocol: {', '.join(PROTOCOLS)}", at)
        if name == "load_balancer" and _UUID.fullmatch(value) is None:
            raise tokens.error("a load balancer is named by its UUID", at)
        said.append(f"{name} = {PortName(value)}")
    tokens.expect(")")
    return Unserved("trigger_event", f"trigger_event({', '.join(said)});")


def read_commit_ecmp_nh(reader: Reader) -> Action:
    """After ``commit_ecmp_nh``."""
    tokens = reader.tokens
    tokens.expect("(")
    _key(tokens, "ipv6")
    six = _boolean(tokens)
    tokens.expect(",")
    _key(tokens, "proto")
    protocol = _protocol(tokens)
    tokens.expect(")")
    return Unserved("commit_ecmp_nh", f"commit_ecmp_nh(ipv6 = {six}, proto = {protocol});")


def read_commit_lb_aff(reader: Reader) -> Action:
    """After ``commit_lb_aff``."""
    tokens = reader.tokens
    tokens.expect("(")
    said, families, ported = [], set(), False
    for name in ("vip", "backend"):
        _key(tokens, name)
        at = tokens.at
        endpoint = _string(tokens)
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None:
            raise tokens.error("expecting an address, perhaps with a port", at)
        families.add(found["four"] is not None)
        if len(families) > 1:
            raise tokens.error("VIP and backend are of one address family", at)
        ported = (found["four"] is not None and ":" in endpoint) or (
            found["six"] is not None and "]:" in endpoint
        )
        said.append(f"{name} = {PortName(endpoint)}")
        tokens.expect(",")
    if ported:
        _key(tokens, "proto")
        said.append(f"proto = {_protocol(tokens)}")
        tokens.expect(",")
    _key(tokens, "timeout")
    said.append(f"timeout = {_short(tokens, 'a timeout')}")
    tokens.expect(")")
    return Unserved("commit_lb_aff", f"commit_lb_aff({', '.join(said)});")


def read_frag_mtu(reader: Reader, name: str) -> Action:
    """After ``icmp4.frag_mtu =``, a field that OpenFlow does not have (ovn-sb(5), "OVN fields")."""
    value = _short(reader.tokens, "an MTU")
    return Unserved(name, f"{name} = {value};")


def _key(tokens: Tokens, name: str) -> None:
    if tokens.value != name or tokens.kind != ID:
        raise tokens.error(f"expecting {name}")
    tokens.at += 1
    tokens.expect("=")


def _string(tokens: Tokens) -> str:
    if tokens.kind != STRING:
        raise tokens.error("expecting a quoted string")
    return str(tokens.take())


def _boolean(tokens: Tokens) -> str:
    if tokens.kind not in (ID, STRING) or tokens.value not in ("true", "false"):
        raise tokens.error("expecting true or false")
    return str(tokens.take())


def _protocol(tokens: Tokens) -> str:
    if tokens.kind != ID or tokens.value not in PROTOCOLS:
        raise tokens.error(f"expecting a protocol: {', '.join(PROTOCOLS)}")
    return str(tokens.take())


STATEMENTS: Final[dict[str, Callable[[Reader], Action]]] = {
    "set_meter": read_set_meter,
    "fwd_group": read_fwd_group,
    "trigger_event": read_trigger_event,
    "commit_ecmp_nh": read_commit_ecmp_nh,
    "commit_lb_aff": read_commit_lb_aff,
}
RESULTS: Final[dict[str, Callable[[Reader, str, FieldRef, int], Action]]] = {
    **dict.fromkeys(("put_dhcp_opts", "put_dhcpv6_opts", "put_nd_ra_opts"), read_options),
    "select": read_select,
}
OVN_FIELDS: Final = ("icmp4.frag_mtu", "icmp6.frag_mtu")
