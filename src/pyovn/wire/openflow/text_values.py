"""Values of fields as ovs-ofctl(8) writes them: one formatter and one parser per form.

The forms are those of ovs-fields(7), "Format"; a ``Field`` names its own.  Masked values are written
``VALUE/MASK``, except flags (``+new-est``) and contiguous masks of addresses (``10.0.0.0/8``).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.fields import Field, FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class TextError(ValueError):
    """Text that is not in ovs-ofctl's syntax; the message says what was expected."""


PORT_NAMES: Final = {
    act.PORT_UNSET: "UNSET",
    act.PORT_IN_PORT: "IN_PORT",
    act.PORT_TABLE: "TABLE",
    act.PORT_NORMAL: "NORMAL",
    act.PORT_FLOOD: "FLOOD",
    act.PORT_ALL: "ALL",
    act.PORT_CONTROLLER: "CONTROLLER",
    act.PORT_LOCAL: "LOCAL",
    act.PORT_NONE: "ANY",
}
_PORTS_BY_NAME: Final = {name: number for number, name in PORT_NAMES.items()} | {"NONE": act.PORT_NONE}

CT_STATES: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
TCP_FLAGS: Final = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]")
_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ct_state": CT_STATES,
    "tcp_flags": TCP_FLAGS,
    "tun_flags": ("oam",),
}
FRAGMENTS: Final = {
    "no": (0, 3),
    "yes": (1, 1),
    "first": (1, 3),
    "later": (3, 3),
    "not_later": (0, 2),
}
_FRAGMENT_NAMES: Final = {bits: name for name, bits in FRAGMENTS.items()}

PortNames = "Mapping[int, str] | None"


def number(text: str) -> int:
    """A C number: decimal, 0x hexadecimal or 0 octal; raises ``TextError``."""
    try:
        return int(text, 10 if text.isdigit() and not (text.startswith("0") and len(text) > 1) else 0)
    except ValueError:
        pass
    try:
        return int(text, 8)
    except ValueError as error:
        raise TextError(f"{text}: invalid number") from error


def format_port(port: int, names: Mapping[int, str] | None = None) -> str:
    """``LOCAL``, ``5``, or the port's name where ``names`` has one (quoted as ovs-ofctl does)."""
    reserved = PORT_NAMES.get(port)
    if reserved is not None:
        return reserved
    if names and port in names:
        name = names[port]
        return name if name.isascii() and name.isidentifier() else f'"{name}"'
    return str(port)


def parse_port(text: str, names: Mapping[str, int] | None = None) -> int:
    """A port's number or name as 16 bits; OpenFlow 1.1's 32-bit reserved numbers are folded."""
    if names:
        known = names.get(text.strip('"'))
        if known is not None:
            return known
    reserved = _PORTS_BY_NAME.get(text.upper())
    if reserved is not None:
        return reserved
    try:
        port = number(text)
    except TextError:
        raise TextError(f"{text}: invalid or unknown port") from None
    if port >= 0xFFFFFF00:
        port -= 0xFFFF0000
    if not 0 <= port <= 0xFFFF:
        raise TextError(f"{text}: invalid or unknown port")
    return port


def format_mac(value: int) -> str:
    """``00:11:22:33:44:55``."""
    return value.to_bytes(6, "big").hex(":")


def format_ipv4(value: int) -> str:
    """Dotted quad."""
    return f"{value >> 24 & 255}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def format_ipv6(value: int) -> str:
    """RFC 5952 form, as inet_ntop(3) has it."""
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def parse_mac(text: str) -> int:
    """``00:11:22:33:44:55`` to an int."""
    parts = text.split(":")
    try:
        octets = [int(part, 16) for part in parts]
    except ValueError:
        octets = []
    if len(octets) != 6 or any(octet > 255 or octet < 0 for octet in octets):
        raise TextError(f"{text}: invalid Ethernet address")
    return int.from_bytes(bytes(octets), "big")


def parse_ipv4(text: str) -> int:
    """Dotted quad to an int."""
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except OSError:
        raise TextError(f"{text}: invalid IP address") from None


def parse_ipv6(text: str) -> int:
    """An IPv6 address to an int."""
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except OSError:
        raise TextError(f"{text}: invalid IPv6 address") from None


def prefix_length(mask: int, bits: int) -> int | None:
    """Length of a contiguous mask, ``None`` for any other."""
    inverted = mask ^ ((1 << bits) - 1)
    return bits - inverted.bit_length() if inverted & (inverted + 1) == 0 else None


def _address(form: Callable[[int], str], bits: int) -> Callable[[Field, int, int], str]:
    def format_address(field: Field, value: int, mask: int) -> str:
        if mask == field.full:
            return form(value)
        length = prefix_length(mask, bits)
        return f"{form(value)}/{form(mask) if length is None else length}"

    return format_address


def _format_decimal(field: Field, value: int, mask: int) -> str:
    return str(value) if mask == field.full else f"{value:#x}/{mask:#x}"


def c_hex(value: int) -> str:
    """C's ``%#x``: hexadecimal with 0x, but zero is ``0``."""
    return f"{value:#x}" if value else "0"


def _format_hex(field: Field, value: int, mask: int) -> str:
    return c_hex(value) if mask == field.full else f"{c_hex(value)}/{c_hex(mask)}"


def _format_metadata(field: Field, value: int, mask: int) -> str:
    # The mask of an option is full when it fills the option, whose length is a multiple of 4 bytes.
    if mask == field.full or (mask & (mask + 1) == 0 and mask.bit_length() % 32 == 0):
        return c_hex(value)
    return f"{c_hex(value)}/{c_hex(mask)}"


def _format_label(field: Field, value: int, mask: int) -> str:
    return f"0x{value:05x}" if mask == field.full else f"0x{value:05x}/0x{mask:05x}"


def _format_mac(field: Field, value: int, mask: int) -> str:
    return format_mac(value) if mask == field.full else f"{format_mac(value)}/{format_mac(mask)}"


def _format_flags(field: Field, value: int, mask: int) -> str:
    names = _FLAGS[field.form]
    if mask == field.full or (field.form == "ct_state" and mask & 0xFF == 0xFF):
        text = "|".join([name for i, name in enumerate(names) if value >> i & 1])
        rest = value >> len(names) << len(names)
        if rest:
            text += f"|{rest:#x}" if text else f"{rest:#x}"
        return text or "0"
    return "".join(
        [f"{'+' if value >> i & 1 else '-'}{name}" for i, name in enumerate(names) if mask >> i & 1]
    )


def _format_fragment(_field: Field, value: int, mask: int) -> str:
    return _FRAGMENT_NAMES.get((value, mask), "<error>")


def _format_packet_type(_field: Field, value: int, _mask: int) -> str:
    return f"({value >> 16},{c_hex(value & 0xFFFF)})"


def _format_port(_field: Field, value: int, _mask: int) -> str:
    return format_port(value)


_FORMATTERS: Final[Mapping[str, Callable[[Field, int, int], str]]] = {
    "decimal": _format_decimal,
    "transport": _format_decimal,
    "hex": _format_hex,
    "metadata": _format_metadata,
    "label": _format_label,
    "mac": _format_mac,
    "ipv4": _address(format_ipv4, 32),
    "ipv6": _address(format_ipv6, 128),
    "port": _format_port,
    "ct_state": _format_flags,
    "tcp_flags": _format_flags,
    "tun_flags": _format_flags,
    "frag": _format_fragment,
    "packet_type": _format_packet_type,
}


def format_value(field: Field, value: int, mask: int) -> str:
    """A value with its mask, as a match shows it."""
    return _FORMATTERS[field.form](field, value, mask)


def _parse_flags(field: Field, text: str) -> tuple[int, int]:
    names = _FLAGS[field.form]
    value = mask = 0
    if text and text[0] in "+-":
        for sign, name in _signed(text):
            if name not in names:
                raise TextError(f"{name}: unknown {field.name} flag(s)")
            bit = 1 << names.index(name)
            mask |= bit
            value |= bit if sign == "+" else 0
        return value, mask
    if text[:1].isdigit():
        return _parse_masked(field, text, number)
    for name in text.split("|"):
        if name not in names:
            raise TextError(f"{name}: unknown {field.name} flag(s)")
        value |= 1 << names.index(name)
    return value, field.full


def _signed(text: str) -> list[tuple[str, str]]:
    flags: list[tuple[str, str]] = []
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or text[i] in "+-":
            flags.append((text[start], text[start + 1 : i]))
            start = i
    return flags


def _parse_masked(field: Field, text: str, parse: Callable[[str], int]) -> tuple[int, int]:
    value, slash, mask = text.partition("/")
    return parse(value), parse(mask) if slash else field.full


def _parse_prefixed(field: Field, text: str, parse: Callable[[str], int]) -> tuple[int, int]:
    value, slash, mask = text.partition("/")
    if not slash:
        return parse(value), field.full
    if mask.isdigit():
        if int(mask) > field.bits:
            raise TextError(f"{text}: network prefix bits not between 0 and {field.bits}")
        return parse(value), field.full >> field.bits - int(mask) << field.bits - int(mask)
    return parse(value), parse(mask)


def _parse_packet_type(text: str) -> int:
    namespace, comma, kind = text.strip("()").partition(",")
    if not comma:
        raise TextError(f"{text}: packet type not in the form '(x,y)'")
    return number(namespace) << 16 | number(kind)


def parse_value(field: Field, text: str, ports: Mapping[str, int] | None = None) -> tuple[int, int]:
    """``VALUE[/MASK]`` of a field; bits outside the mask are cleared.  Raises ``TextError``."""
    form = field.form
    if form == "mac":
        value, mask = _parse_masked(field, text, parse_mac)
    elif form == "ipv4":
        value, mask = _parse_prefixed(field, text, parse_ipv4)
    elif form == "ipv6":
        value, mask = _parse_prefixed(field, text, parse_ipv6)
    elif form == "port":
        value, mask = parse_port(text, ports), field.full
    elif form in _FLAGS:
        value, mask = _parse_flags(field, text)
    elif form == "frag":
        if text not in FRAGMENTS:
            valid = ", ".join(f'"{name}"' for name in FRAGMENTS)
            raise TextError(f"{text}: unknown fragment type (valid types are {valid}")
        value, mask = FRAGMENTS[text]
    elif form == "packet_type":
        value, mask = _parse_packet_type(text), field.full
    else:
        try:
            value, mask = _parse_masked(field, text, number)
        except TextError:
            raise TextError(f"{text}: bad syntax for {field.name} value") from None
    if value > field.full or mask > field.full or value < 0 or mask < 0:
        raise TextError(f"{text}: value too large for {field.nbytes}-byte field {field.name}")
    if mask != field.full and not field.maskable and mask:
        raise FieldError(f"{field.name}: this field cannot be masked")
    return value & mask, mask
