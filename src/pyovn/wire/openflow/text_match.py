"""Matches in ovs-ofctl's syntax (ovs-ofctl(8), "Flow Syntax"; ovs-fields(7)).

Printing gives what ``ovs-ofctl -O OpenFlow15 dump-flows`` prints: the shorthands ``ip``, ``tcp6`` ...
for eth_type and nw_proto, ``dl_vlan`` where a whole VLAN is matched, and OVS's order of fields.
Parsing takes every spelling of a field, ``FIELD=VALUE[/MASK]``, and the shorthands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow.fields import ALL_FIELDS, FIELDS, Field, FieldError
from pyovn.wire.openflow.fields import field as field_named
from pyovn.wire.openflow.match import Match, Term
from pyovn.wire.openflow.text_values import TextError, format_port, format_value, number, parse_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ETH_TYPE: Final = FIELDS["eth_type"]
_NW_PROTO: Final = FIELDS["nw_proto"]
_VLAN_TCI: Final = FIELDS["vlan_tci"]
_IN_PORT: Final = FIELDS["in_port"]

_ETHERTYPES: Final = {
    0x0800: "ip",
    0x86DD: "ipv6",
    0x0806: "arp",
    0x8035: "rarp",
    0x8847: "mpls",
    0x8848: "mplsm",
}
_PROTOCOLS: Final = {
    (0x0800, 1): "icmp",
    (0x0800, 6): "tcp",
    (0x0800, 17): "udp",
    (0x0800, 132): "sctp",
    (0x86DD, 58): "icmp6",
    (0x86DD, 6): "tcp6",
    (0x86DD, 17): "udp6",
    (0x86DD, 132): "sctp6",
}
_SHORTHANDS: Final[dict[str, tuple[Term, ...]]] = {
    **{
        name: ((_ETH_TYPE, code, 0xFFFF), (_NW_PROTO, proto, 0xFF))
        for (code, proto), name in _PROTOCOLS.items()
    },
    **{name: ((_ETH_TYPE, code, 0xFFFF),) for code, name in _ETHERTYPES.items()},
    "icmpv6": ((_ETH_TYPE, 0x86DD, 0xFFFF), (_NW_PROTO, 58, 0xFF)),
    "eth": (),
}

# Where a field is printed: canonical order but for the two that open a Match.
_AFTER: Final = {_ETH_TYPE: FIELDS["eth_dst"], _NW_PROTO: FIELDS["arp_tpa"]}
_POSITION: Final = [
    float(field.order) if field not in _AFTER else _AFTER[field].order + 0.5 for field in ALL_FIELDS
]
_SHORTHAND_POSITION: Final = FIELDS["packet_type"].order + 0.5


def _vlan_parts(value: int, mask: int) -> list[str]:
    present = value & mask & 0x1000
    vid, pcp = mask & 0x0FFF, mask & 0xE000
    if present and vid in (0, 0x0FFF) and pcp in (0, 0xE000) and (vid or pcp):
        parts = [f"dl_vlan={value & 0x0FFF}"] if vid else []
        return [*parts, f"dl_vlan_pcp={value >> 13}"] if pcp else parts
    if mask == 0xFFFF:
        return [f"vlan_tci=0x{value:04x}"]
    return [f"vlan_tci=0x{value:04x}/0x{mask:04x}"]


def format_match(match: Match, ports: Mapping[int, str] | None = None) -> str:
    """The match as ovs-ofctl prints it, without the priority; empty for the match of everything."""
    parts: list[tuple[float, str]] = []
    terms = match.terms
    shorthand = None
    if terms and terms[0][0] is _ETH_TYPE:
        code = terms[0][1]
        if len(terms) > 1 and terms[1][0] is _NW_PROTO:
            shorthand = _PROTOCOLS.get((code, terms[1][1]))
        if shorthand is not None:
            terms = terms[2:]
        else:
            shorthand = _ETHERTYPES.get(code)
            if shorthand is not None:
                terms = terms[1:]
    if shorthand is not None:
        parts.append((_SHORTHAND_POSITION, shorthand))
    for field, value, mask in terms:
        if field is _VLAN_TCI:
            text = ",".join(_vlan_parts(value, mask))
        elif field is _IN_PORT:
            text = f"in_port={format_port(value, ports)}"
        elif field is _ETH_TYPE:
            text = f"dl_type=0x{value:04x}"
        elif field.form == "tun_flags":
            text = f"{field.name}={'+' if value else '-'}oam"
        elif field.name == "ip_dscp":
            text = f"nw_tos={value << 2}"
        else:
            text = f"{field.match_name}={format_value(field, value, mask)}"
        parts.append((_POSITION[field.order], text))
    parts.sort()
    return ",".join([text for _, text in parts])


def split_words(text: str) -> list[tuple[str, str]]:
    """Cut ``key=value,key,key(value)`` into pairs at commas and blanks outside parentheses.

    The value of a bare key is empty.  A key may be joined to its value by ``=`` or ``:``, the latter
    for actions.
    """
    pairs: list[tuple[str, str]] = []
    depth = start = 0
    for i, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                raise TextError(f"{text}: unbalanced parentheses")
        elif depth == 0 and char in ", \t\n":
            if i > start:
                pairs.append(_pair(text[start:i]))
            start = i + 1
    if depth:
        raise TextError(f"{text}: unbalanced parentheses")
    if start < len(text):
        pairs.append(_pair(text[start:]))
    return pairs


def _pair(word: str) -> tuple[str, str]:
    for i, char in enumerate(word):
        if char in "=:":
            return word[:i], word[i + 1 :]
        if char == "(":
            return word[:i], word[i:]
    return word, ""


class MatchBuilder:
    """Collects the words of a match; the meaning of some depends on words that come later."""

    __slots__ = ("_ambiguous", "_ports", "_terms")

    def __init__(self, ports: Mapping[str, int] | None = None) -> None:
        """``ports`` are names that may stand for port numbers."""
        self._terms: list[Term] = []
        self._ambiguous: list[tuple[str, str]] = []
        self._ports = ports

    def add(self, key: str, value: str) -> bool:
        """Take one word; False when ``key`` is no field and no shorthand."""
        if not value and key in _SHORTHANDS:
            self._terms.extend(_SHORTHANDS[key])
            return True
        if key in _DEPENDENT:
            self._ambiguous.append((key, value))
            return True
        if key == "dl_vlan":
            vid = number(value)
            self._terms.append((_VLAN_TCI, 0, 0xFFFF) if vid == 0xFFFF else (_VLAN_TCI, vid | 0x1000, 0x1FFF))
            return True
        if key == "dl_vlan_pcp":
            self._terms.append((_VLAN_TCI, number(value) << 13 | 0x1000, 0xF000))
            return True
        field = FIELDS.get(key)
        if field is None:
            return False
        self._terms.append(self._term(field, value))
        return True

    def _term(self, field: Field, text: str) -> Term:
        if not text:
            raise TextError(f"field {field.name} missing value")
        value, mask = parse_value(field, text, self._ports)
        if field.name == "vlan_pcp":
            self._terms.append((_VLAN_TCI, 0x1000, 0x1000))
        return field, value, mask

    def build(self) -> Match:
        """The match; raises ``TextError`` when terms contradict each other."""
        exact = {field: value for field, value, mask in self._terms if mask == field.full}
        # nw_proto says which ports tp_src means, wherever it stands.
        for key, text in sorted(self._ambiguous, key=lambda word: not word[0].endswith("_proto")):
            field = _resolve(key, exact)
            term = self._term(field, text)
            self._terms.append(term)
            exact[field] = term[1]
        match = Match.from_terms(self._terms)
        if match is None:
            raise TextError("fields contradict each other")
        missing = match.missing_prerequisite()
        if missing is not None:
            raise TextError(f"{missing.name}: prerequisites are not met")
        return match


_DEPENDENT: Final = frozenset(
    ("nw_src", "nw_dst", "nw_proto", "tp_src", "tp_dst", "icmp_type", "icmp_code", "ip_proto")
)
_PORT_PROTOCOLS: Final = {6: "tcp", 17: "udp", 132: "sctp"}


def _resolve(key: str, exact: Mapping[Field, int]) -> Field:
    """The field that an old name means, given the eth_type and nw_proto matched so far."""
    code = exact.get(_ETH_TYPE)
    protocol = exact.get(_NW_PROTO)
    if code in (0x0806, 0x8035):
        name = {"nw_src": "arp_spa", "nw_dst": "arp_tpa", "nw_proto": "arp_op"}.get(key)
    elif key in ("tp_src", "tp_dst"):
        if protocol in (1, 58):
            name = ("icmp" if protocol == 1 else "icmpv6") + ("_type" if key == "tp_src" else "_code")
        else:
            name = f"{_PORT_PROTOCOLS.get(protocol or 0, 'tcp')}{key[2:]}"
    elif key in ("icmp_type", "icmp_code"):
        name = key.replace("icmp", "icmpv6") if code == 0x86DD else key
    else:
        name = key
    if name is None:
        raise FieldError(f"{key} has no meaning for ARP")
    return field_named(name)


def parse_match(text: str, ports: Mapping[str, int] | None = None) -> Match:
    """``"tcp,reg0=1/3,tp_dst=80"`` to a ``Match``; raises ``TextError`` or ``FieldError``."""
    return build_match(split_words(text), ports)


def build_match(words: Iterable[tuple[str, str]], ports: Mapping[str, int] | None = None) -> Match:
    """A match of words that are already cut."""
    builder = MatchBuilder(ports)
    for key, value in words:
        if not builder.add(key, value):
            raise TextError(f"unknown keyword {key}")
    return builder.build()
