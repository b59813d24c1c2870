"""Which versions of OpenFlow and forms of flows can carry a flow, as ovs-ofctl tells it (ovs-ofctl(8), -F).

A *protocol* is a version with a way to write matches and tables.  Each part of a flow rules some out; what
is left is "usable", and of that the first one allowed is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import flow as flows
from pyovn.wire.openflow.codec_of10 import expressible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.wire.openflow.flow import Flow
    from pyovn.wire.openflow.match import Match

PROTOCOLS: Final = (
    "OpenFlow10-table_id", "OpenFlow10+table_id", "NXM-table_id", "NXM+table_id", "OpenFlow11",
    "OXM-OpenFlow12", "OXM-OpenFlow13", "OXM-OpenFlow14", "OXM-OpenFlow15",
)  # fmt: skip
"""In the order of preference."""

Protocols = frozenset[str]

ANY: Final[Protocols] = frozenset(PROTOCOLS)
_OXM: Final = frozenset(p for p in PROTOCOLS if p.startswith("OXM"))
_NXM: Final = frozenset(("NXM-table_id", "NXM+table_id"))
_OF10: Final = frozenset(("OpenFlow10-table_id", "OpenFlow10+table_id"))
_OF11: Final = frozenset(("OpenFlow11",))
_FROM_13: Final = frozenset(PROTOCOLS[6:])
_WITHOUT_TABLES: Final = frozenset(("OpenFlow10-table_id", "NXM-table_id"))

_NAMES: Final = (
    ("any", ANY),
    ("OpenFlow10", _OF10),
    ("NXM", _NXM),
    ("OXM", _OXM),
    *((name, frozenset((name,))) for name in PROTOCOLS),
)
VERSIONS: Final = {
    "OpenFlow10": 1, "OpenFlow11": 2, "OpenFlow12": 3, "OpenFlow13": 4, "OpenFlow14": 5, "OpenFlow15": 6,
}  # fmt: skip
_BY_VERSION: Final = {
    1: _OF10 | _NXM, 2: _OF11, 3: frozenset(("OXM-OpenFlow12",)), 4: frozenset(("OXM-OpenFlow13",)),
    5: frozenset(("OXM-OpenFlow14",)), 6: frozenset(("OXM-OpenFlow15",)),
}  # fmt: skip

_BY_ACTION: Final[dict[type, Protocols]] = {
    act.PushVlan: _OXM | _OF11,
    act.Meter: _FROM_13,
    act.WriteMetadata: _NXM | _OXM | _OF11,
}
_BY_FLAG: Final = {
    flows.RESET_COUNTS: _OXM,
    flows.NO_PACKET_COUNTS: _FROM_13,
    flows.NO_BYTE_COUNTS: _FROM_13,
}
_IN_11: Final = frozenset(
    (
        "in_port", "eth_src", "eth_dst", "eth_type", "vlan_tci", "nw_proto", "ip_dscp", "ip_src", "ip_dst",
        "arp_spa", "arp_tpa", "arp_op", "tcp_src", "tcp_dst", "udp_src", "udp_dst", "sctp_src", "sctp_dst",
        "icmp_type", "icmp_code", "metadata", "mpls_label", "mpls_tc",
    )
)  # fmt: skip
_MASKED_IN_11: Final = frozenset(
    ("eth_src", "eth_dst", "ip_src", "ip_dst", "arp_spa", "arp_tpa", "metadata", "vlan_tci")
)


def _of_match(match: Match) -> Protocols:
    if expressible(match):
        return ANY
    in_11 = all(
        field.name in _IN_11 and (mask == field.full or field.name in _MASKED_IN_11)
        for field, _, mask in match.terms
    )
    return _NXM | _OXM | (_OF11 if in_11 else frozenset())


def usable(flow: Flow, *, table_given: bool) -> Protocols:
    """The protocols that can carry a flow."""
    found = _of_match(flow.match)
    if table_given and flow.table != 0xFF:
        found -= _WITHOUT_TABLES
    for action in flow.actions:
        found &= _BY_ACTION.get(type(action), ANY)
    for flag, protocols in _BY_FLAG.items():
        if flow.flags & flag:
            found &= protocols
    return found


def allowed(versions: Iterable[int]) -> Protocols:
    """The protocols of some versions."""
    return frozenset[str]().union(*[_BY_VERSION[version] for version in versions])


def choose(protocols: Protocols) -> str | None:
    """The preferred one."""
    return next((name for name in PROTOCOLS if name in protocols), None)


def version_of(protocol: str) -> int:
    """The version of a protocol, as a wire number."""
    return next(version for version, protocols in _BY_VERSION.items() if protocol in protocols)


def describe(protocols: Protocols) -> str:
    """A set of protocols in as few words as there are for it."""
    if not protocols:
        return "none"
    words = []
    left = protocols
    for name, members in _NAMES:
        if members and members <= left:
            words.append(name)
            left -= members
    return ",".join(words)
