"""The flow key: everything that OpenFlow can match of one packet, packed into a single integer.

Every field of ovs-fields(7) that the switch knows owns a *slot*, a span of bits at a fixed offset.
A match is then two integers, ``value`` and ``mask``; "does this packet match" is ``key & mask ==
value``, a table look-up is one AND and one dictionary probe whatever the number of fields, and
``set_field`` is ``key & keep | value``.  Python does each of these in C, in time that grows with the
highest bit involved, so slots are ordered by how often OVN's pipelines use them: the smallest masks
belong to the fields that nearly every flow matches.

Overlapping fields overlap here as well: ``reg0`` is the most significant quarter of ``xxreg0``,
``vlan_vid`` and ``vlan_pcp`` are parts of ``vlan_tci``, DSCP and ECN of the TOS byte.  Transport
ports share slots between TCP, UDP and SCTP, and ICMP types between versions 4 and 6: the
prerequisites in the match keep them apart, as ovs-fields(7) demands.

Invariants: offsets and widths are multiples of 8 for whole slots; a key is never negative and holds
no bit outside the slots.  Not here: bytes of packets (``packetflow``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pyovn.wire.openflow.fields import Field
    from pyovn.wire.openflow.match import Match


class Slot(NamedTuple):
    """A span of the key: ``width`` bits from bit ``offset`` upward."""

    offset: int
    width: int

    @property
    def ones(self) -> int:
        """The mask of the slot at offset zero."""
        return (1 << self.width) - 1

    @property
    def mask(self) -> int:
        """The mask of the slot within the key."""
        return ((1 << self.width) - 1) << self.offset

    def read(self, key: int) -> int:
        """The field's value in ``key``."""
        return key >> self.offset & ((1 << self.width) - 1)


class UnknownFieldError(ValueError):
    """The switch has no such field; OpenFlow calls it OFPBMC_BAD_FIELD."""


# From the lowest bit upward.  Neighbours within a header stand in the order of the wire, so that one
# slice of the frame fills several slots at once (see packetflow).
_LAYOUT: Final[tuple[tuple[str, int], ...]] = (
    ("metadata", 64),
    ("xxreg3", 128),
    ("eth_src", 48),
    ("eth_dst", 48),
    ("eth_type", 16),
    ("vlan_tci", 16),
    ("ip_proto", 8),
    ("ip_ttl", 8),
    ("ip_tos", 8),
    ("ip_frag", 8),
    ("in_port", 32),
    ("xxreg2", 128),
    ("xxreg0", 128),
    ("xxreg1", 128),
    ("tp_dst", 16),
    ("tp_src", 16),
    ("tcp_flags", 16),
    ("icmp_code", 8),
    ("icmp_type", 8),
    ("ip_dst", 32),
    ("ip_src", 32),
    ("ct_state", 32),
    ("ct_mark", 32),
    ("ct_zone", 16),
    ("arp_op", 16),
    ("arp_tpa", 32),
    ("arp_tha", 48),
    ("arp_spa", 32),
    ("arp_sha", 48),
    ("ipv6_dst", 128),
    ("ipv6_src", 128),
    ("nd_target", 128),
    ("nd_sll", 48),
    ("nd_tll", 48),
    ("nd_reserved", 32),
    ("nd_options_type", 8),
    ("ipv6_label", 32),
    ("ct_label", 128),
    ("tun_id", 64),
    ("tun_metadata0", 32),
    ("tun_flags", 16),
    ("tun_dst", 32),
    ("tun_src", 32),
    ("tun_gbp_id", 16),
    ("tun_gbp_flags", 8),
    ("pkt_mark", 32),
    ("conj_id", 32),
    ("vlan_tpid", 16),
    ("vlan2_tci", 16),
    ("vlan2_tpid", 16),
    ("ct_nw_proto", 8),
    ("ct_nw_dst", 32),
    ("ct_nw_src", 32),
    ("ct_tp_dst", 16),
    ("ct_tp_src", 16),
    ("tun_ipv6_dst", 128),
    ("tun_ipv6_src", 128),
    ("ct_ipv6_dst", 128),
    ("ct_ipv6_src", 128),
    ("mpls_label", 24),
    ("mpls_tc", 8),
    ("mpls_bos", 8),
    ("mpls_ttl", 8),
    ("skb_priority", 32),
    ("dp_hash", 32),
    ("recirc_id", 32),
    ("actset_output", 32),
    ("packet_type", 32),
    ("first_table", 8),
    ("bridge", 16),
)


def _lay_out() -> tuple[dict[str, Slot], int]:
    slots: dict[str, Slot] = {}
    offset = 0
    for name, width in _LAYOUT:
        slots[name] = Slot(offset, width)
        offset += width
    for big in range(4):
        base = slots[f"xxreg{big}"].offset
        for quarter in range(4):
            slots[f"reg{4 * big + quarter}"] = Slot(base + 32 * (3 - quarter), 32)
        for half in range(2):
            slots[f"xreg{2 * big + half}"] = Slot(base + 64 * (1 - half), 64)
    tci, tos = slots["vlan_tci"].offset, slots["ip_tos"].offset
    slots["vlan_vid"] = Slot(tci, 13)
    slots["vlan_pcp"] = Slot(tci + 13, 3)
    slots["ip_ecn"] = Slot(tos, 2)
    slots["ip_dscp"] = Slot(tos + 2, 6)
    for protocol in ("tcp", "udp", "sctp"):
        slots[f"{protocol}_src"] = slots["tp_src"]
        slots[f"{protocol}_dst"] = slots["tp_dst"]
    for version in ("icmpv4", "icmpv6"):
        slots[f"{version}_type"] = slots["icmp_type"]
        slots[f"{version}_code"] = slots["icmp_code"]
    return slots, (1 << offset) - 1


_laid_out = _lay_out()
SLOTS: Final[dict[str, Slot]] = _laid_out[0]
FULL: Final[int] = _laid_out[1]

# Other spellings of ovs-fields(7) for what is the same span.
_ALIASES: Final[dict[str, str]] = {
    "dl_src": "eth_src",
    "dl_dst": "eth_dst",
    "dl_type": "eth_type",
    "dl_vlan": "vlan_vid",
    "dl_vlan_pcp": "vlan_pcp",
    "nw_src": "ip_src",
    "nw_dst": "ip_dst",
    "ipv4_src": "ip_src",
    "ipv4_dst": "ip_dst",
    "nw_proto": "ip_proto",
    "nw_tos": "ip_tos",
    "nw_ecn": "ip_ecn",
    "nw_ttl": "ip_ttl",
    "nw_frag": "ip_frag",
    "nw_dscp": "ip_dscp",
    "ip_dscp_shifted": "ip_dscp",
    "icmp_type": "icmp_type",
    "in_port_oxm": "in_port",
    "arp_spa": "arp_spa",
    "tunnel_id": "tun_id",
    "tun_ip_src": "tun_src",
    "tun_ip_dst": "tun_dst",
    "ct_label": "ct_label",
}
for _alias, _name in _ALIASES.items():
    SLOTS.setdefault(_alias, SLOTS[_name])

_field_slots: dict[str, Slot] = {}


def slot_of(field: Field) -> Slot:
    """The slot of an OpenFlow field; raises ``UnknownFieldError``."""
    name = field.name
    slot = _field_slots.get(name)
    if slot is None:
        slot = SLOTS.get(name)
        if slot is None:
            raise UnknownFieldError(f"{name}: this switch does not have the field")
        _field_slots[name] = slot
    return slot


def pack_match(match: Match) -> tuple[int, int]:
    """A match as ``(value, mask)`` over the key; raises ``UnknownFieldError``."""
    value = mask = 0
    for field, bits, care in match.items():
        slot = _field_slots.get(field.name) or slot_of(field)
        if bits >> slot.width:
            raise UnknownFieldError(f"{field.name}: this switch keeps {slot.width} bits of it")
        known = care & slot.ones
        value |= (bits & known) << slot.offset
        mask |= known << slot.offset
    return value, mask


def mask_of(*names: str) -> int:
    """The union of whole slots, by name."""
    mask = 0
    for name in names:
        mask |= SLOTS[name].mask
    return mask


METADATA_BITS: Final = mask_of(
    "metadata", "xxreg0", "xxreg1", "xxreg2", "xxreg3", "in_port", "ct_state", "ct_mark", "ct_zone",
    "ct_label", "tun_id", "tun_metadata0", "tun_flags", "tun_dst", "tun_src", "tun_gbp_id",
    "tun_gbp_flags", "pkt_mark", "conj_id", "ct_nw_proto", "ct_nw_dst", "ct_nw_src", "ct_tp_dst",
    "ct_tp_src", "tun_ipv6_dst", "tun_ipv6_src", "ct_ipv6_dst", "ct_ipv6_src", "skb_priority",
    "dp_hash", "recirc_id", "actset_output", "packet_type", "first_table", "bridge",
)  # fmt: skip
"""What travels with a packet inside the switch and is no part of its bytes."""

HEADER_BITS: Final = FULL & ~METADATA_BITS
CT_BITS: Final = mask_of(
    "ct_state", "ct_mark", "ct_zone", "ct_label", "ct_nw_proto", "ct_nw_dst", "ct_nw_src", "ct_tp_dst",
    "ct_tp_src", "ct_ipv6_dst", "ct_ipv6_src",
)  # fmt: skip
TUNNEL_BITS: Final = mask_of(
    "tun_id", "tun_metadata0", "tun_flags", "tun_dst", "tun_src", "tun_gbp_id", "tun_gbp_flags",
    "tun_ipv6_dst", "tun_ipv6_src",
)  # fmt: skip
REGISTER_BITS: Final = mask_of("metadata", "xxreg0", "xxreg1", "xxreg2", "xxreg3")
