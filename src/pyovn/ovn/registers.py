"""Which Open vSwitch register means what, and which logical register carries which of northd's facts.

Three layers share these names and must agree:

* OpenFlow: ovn-architecture(7) ("Architectural Physical Life Cycle of a Packet") keeps the logical
  datapath in ``metadata``, the logical ports in reg14 and reg15, conntrack zones in reg11 to reg13
  and the logical flow flags in reg10;
* logical flows: ``reg0`` to ``reg9`` are the pipeline's own scratch registers (ovn-sb(5),
  "Logical_Flow Table", Symbols), cleared between the ingress and the egress pipeline;
* ovn-northd gives bits of them meanings (ovn-northd(8)); controllers do not know these, only
  the logical flows of one northd must agree with each other.

Names of OpenFlow fields are ovs-ofctl's, as strings: this room stands beside ``wire``, not above it.
"""

from __future__ import annotations

from typing import Final

LOG_DATAPATH: Final = "metadata"
LOG_FLAGS: Final = "reg10"
LOG_DNAT_ZONE: Final = "reg11"
LOG_SNAT_ZONE: Final = "reg12"
LOG_CT_ZONE: Final = "reg13"
LOG_INPORT: Final = "reg14"
LOG_OUTPORT: Final = "reg15"

LOGICAL_REGISTERS: Final = 10
"""reg0 ... reg9 belong to the logical flows."""

FLAG_BITS: Final[dict[str, int]] = {
    "allow_loopback": 0,
    "rcv_from_ramp": 1,
    "force_snat_for_dnat": 2,
    "force_snat_for_lb": 3,
    "local_only": 4,
    "nested_container": 5,
    "lookup_mac": 6,
    "lookup_lb_hairpin": 7,
    "lookup_fdb": 8,
    "skip_snat_for_lb": 9,
    "localport": 10,
    "use_snat_zone": 11,
    "check_port_sec": 12,
    "lookup_commit_ecmp_nh": 13,
    "use_lb_aff_session": 14,
    "localnet": 15,
}
"""Bits of LOG_FLAGS.  Local to a chassis: they never travel in a tunnel."""


def flag(name: str) -> int:
    """The mask of one logical flow flag in LOG_FLAGS."""
    return 1 << FLAG_BITS[name]


SWITCH_BITS: Final[dict[str, str]] = {
    "conntrack_defrag": "reg0[0]",
    "conntrack_commit": "reg0[1]",
    "conntrack_nat": "reg0[2]",
    "dhcp_opts_result": "reg0[3]",
    "dns_lookup_result": "reg0[4]",
    "nd_ra_opts_result": "reg0[5]",
    "hairpin": "reg0[6]",
    "acl_hint_allow_new": "reg0[7]",
    "acl_hint_allow": "reg0[8]",
    "acl_hint_drop": "reg0[9]",
    "acl_hint_block": "reg0[10]",
    "lookup_fdb": "reg0[11]",
    "hairpin_reply": "reg0[12]",
    "acl_label": "reg0[13]",
    "from_ramp": "reg0[14]",
    "port_sec_drop": "reg0[15]",
    "acl_stateless": "reg0[16]",
    "acl_hint_allow_rel": "reg0[17]",
    "orig_dip_ipv4": "reg1",
    "orig_dip_ipv6": "xxreg1",
    "orig_tp_dport": "reg2[0..15]",
    "label": "reg3",
    "lb_affinity_session": "reg9[6]",
    "lb_affinity_backend_ipv4": "reg4",
    "lb_affinity_backend_port": "reg8[0..15]",
}
"""What ovn-northd keeps in the registers of a logical switch's pipelines."""

ROUTER_BITS: Final[dict[str, str]] = {
    "egress_loopback": "reg9[0]",
    "pkt_larger": "reg9[1]",
    "lookup_neighbor_result": "reg9[2]",
    "lookup_neighbor_ip_result": "reg9[3]",
    "dst_nat_ip_local": "reg9[4]",
    "known_ecmp_nh": "reg9[5]",
    "known_lb_session": "reg9[6]",
    "nd_ra_opts_result": "reg0[5]",
    "input_port_eth_addr": "xreg0[0..47]",
    "next_hop_ipv4": "reg0",
    "next_hop_ipv6": "xxreg0",
    "src_ipv4": "reg1",
    "src_ipv6": "xxreg1",
    "orig_tp_dport": "reg9[16..31]",
    "route_table_id": "reg7",
    "ecmp_group_id": "reg8[0..15]",
    "ecmp_member_id": "reg8[16..31]",
}
"""What ovn-northd keeps in the registers of a logical router's pipelines."""
