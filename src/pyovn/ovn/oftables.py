"""Where OpenFlow tables lie in br-int, once per profile.

ovn-architecture(7), "Architectural Physical Life Cycle of a Packet", names the tables: 0 is
physical to logical, then the logical ingress pipeline, the output tables, the logical egress
pipeline, and from 64 on the helpers that actions resubmit to.  Helper tables have kept their numbers
across releases; the output tables and the egress pipeline move when the ingress pipeline grows, and
a chassis that is upgraded moves its tables with it (nothing of this is seen by other chassis).

The invariant is that no two names share a number and that both pipelines fit between their
neighbours; a test computes it from ``stages``.  Numbers stand here and nowhere else.

Not here: what the tables contain (the controller's physical and lflow modules).
"""

from __future__ import annotations

from typing import NamedTuple


class OpenFlowTables(NamedTuple):
    """The OpenFlow table numbers of one profile.  None: the profile has no such table."""

    phy_to_log: int
    log_ingress: int
    output_large_pkt_detect: int
    output_large_pkt_process: int
    remote_output: int
    remote_vtep_output: int | None
    local_output: int
    check_loopback: int
    log_egress: int
    save_inport: int = 64
    log_to_phy: int = 65
    mac_binding: int = 66
    mac_lookup: int = 67
    chk_lb_hairpin: int = 68
    chk_lb_hairpin_reply: int = 69
    ct_snat_hairpin: int = 70
    get_fdb: int = 71
    lookup_fdb: int = 72
    chk_in_port_sec: int = 73
    chk_in_port_sec_nd: int = 74
    chk_out_port_sec: int = 75
    ecmp_nh_mac: int = 76
    ecmp_nh: int = 77
    chk_lb_affinity: int = 78
    mac_cache_use: int | None = None
    ct_zone_lookup: int | None = None

    @property
    def output_init(self) -> int:
        """Where the ingress pipeline's ``output`` resubmits to."""
        return self.output_large_pkt_detect

    def ingress(self, table: int) -> int:
        """The OpenFlow table of logical ingress table ``table``."""
        return self.log_ingress + table

    def egress(self, table: int) -> int:
        """The OpenFlow table of logical egress table ``table``."""
        return self.log_egress + table


OPENFLOW_TABLES = {
    "23.03": OpenFlowTables(
        phy_to_log=0,
        log_ingress=8,
        output_large_pkt_detect=37,
        output_large_pkt_process=38,
        remote_output=39,
        remote_vtep_output=None,
        local_output=40,
        check_loopback=41,
        log_egress=42,
    ),
    "26.03": OpenFlowTables(
        phy_to_log=0,
        log_ingress=8,
        output_large_pkt_detect=42,
        output_large_pkt_process=43,
        remote_output=44,
        remote_vtep_output=45,
        local_output=46,
        check_loopback=47,
        log_egress=48,
        mac_cache_use=79,
        ct_zone_lookup=80,
    ),
}
"""By profile name."""
