"""The symbols of the logical-flow language: ovn-sb(5), Logical_Flow Table, "Symbols", as data.

Three kinds: a *field* stands for an OpenFlow field, a *subfield* for bits of another symbol, a
*predicate* for an expression.  A field is *ordinal* when OpenFlow can mask it; only then may its
bits be named and may it be compared by order.  Other fields are *nominal*: equality alone.  The
string fields ``inport`` and ``outport`` hold tunnel keys and are nominal.

A symbol's prerequisites are an expression that its use implies.  They are conjoined beside the use,
never negated with it: ``!ct.new`` means ``ct.trk && !ct.new``.  A predicate is shorthand, and negated as a
whole: ``!ip4.mcast`` is true of everything that is no IPv4 multicast.

reg0 ... reg7 are parts of xxreg0 and xxreg1, reg8 and reg9 of xreg4, because the OpenFlow actions that
C's controller makes of a one-bit assignment name these wider fields (``NXM_NX_XXREG0[111]``).

Beyond the man page: the names that ovn-northd 23.03 writes (``flags.force_snat_for_lb``,
``ct_mark.natted``, ``ip6.mcast_flood`` ...).  Though the page lists eth.mcast among the predicates, it is a
subfield in C, and may be set; vlan.present is a predicate, and may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.ovn import registers

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELD: Final = "field"
PREDICATE: Final = "predicate"

NOMINAL: Final = "nominal"
ORDINAL: Final = "ordinal"

READ_ONLY: Final = "read-only"
WRITABLE: Final = "writable"
CT_COMMIT: Final = "writable in ct_commit"


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """One name.  Compared by identity: there is one ``Symbol`` per name and table."""

    name: str
    kind: str
    base: str = ""
    """The OpenFlow field (ovs-ofctl's name) that holds the value; empty for predicates."""
    ofs: int = 0
    """Where the symbol's bit 0 lies in ``base``."""
    width: int = 1
    level: str = ORDINAL
    prerequisites: str = ""
    access: str = READ_ONLY
    string: bool = False
    whole: bool = True
    """Whether the symbol is all of ``base``."""
    expansion: str = ""
    """A predicate's expression."""

    def __repr__(self) -> str:
        return f"<symbol {self.name}>"


_FIELDS: Final = """
# symbol        OpenFlow      bits level   access prerequisites
inport          reg14         32   string  w
outport         reg15         32   string  w
xxreg0          xxreg0        128  ordinal w
xxreg1          xxreg1        128  ordinal w
xreg4           xreg4         64   ordinal w
flags           reg10         32   ordinal w
pkt.mark        pkt_mark      32   ordinal w
ct_mark         ct_mark       32   ordinal c
ct_label        ct_label      128  ordinal c
ct_state        ct_state      32   ordinal r
eth.src         eth_src       48   ordinal w
eth.dst         eth_dst       48   ordinal w
eth.type        eth_type      16   nominal r
vlan.tci        vlan_tci      16   ordinal w
ip.proto        nw_proto      8    nominal r      ip
ip.dscp         ip_dscp       6    nominal w      ip
ip.ecn          nw_ecn        2    nominal w      ip
ip.ttl          nw_ttl        8    nominal w      ip
ip.frag         ip_frag       2    ordinal r      ip
ip4.src         ip_src        32   ordinal w      ip4
ip4.dst         ip_dst        32   ordinal w      ip4
ip6.src         ipv6_src      128  ordinal w      ip6
ip6.dst         ipv6_dst      128  ordinal w      ip6
ip6.label       ipv6_label    20   ordinal w      ip6
icmp4.type      icmp_type     8    nominal w      icmp4
icmp4.code      icmp_code     8    nominal w      icmp4
icmp6.type      icmpv6_type   8    nominal w      icmp6
icmp6.code      icmpv6_code   8    nominal w      icmp6
arp.op          arp_op        16   nominal w      arp
arp.spa         arp_spa       32   ordinal w      arp
arp.sha         arp_sha       48   ordinal w      arp
arp.tpa         arp_tpa       32   ordinal w      arp
arp.tha         arp_tha       48   ordinal w      arp
rarp.op         arp_op        16   nominal w      rarp
rarp.spa        arp_spa       32   ordinal w      rarp
rarp.sha        arp_sha       48   ordinal w      rarp
rarp.tpa        arp_tpa       32   ordinal w      rarp
rarp.tha        arp_tha       48   ordinal w      rarp
nd.target       nd_target     128  ordinal w      nd
nd.sll          nd_sll        48   ordinal w      nd_ns
nd.tll          nd_tll        48   ordinal w      nd_na
tcp.src         tcp_src       16   ordinal w      tcp
tcp.dst         tcp_dst       16   ordinal w      tcp
tcp.flags       tcp_flags     12   ordinal r      tcp
udp.src         udp_src       16   ordinal w      udp
udp.dst         udp_dst       16   ordinal w      udp
sctp.src        sctp_src      16   ordinal w      sctp
sctp.dst        sctp_dst      16   ordinal w      sctp
"""

_SUBFIELDS: Final = """
# symbol                 of        first width prerequisites
eth.mcast                eth.dst   40    1
vlan.pcp                 vlan.tci  13    3     vlan.present
vlan.vid                 vlan.tci  0     12    vlan.present
ct_mark.blocked          ct_mark   0     1
ct_mark.natted           ct_mark   1     1
ct_mark.skip_snat        ct_mark   2     1
ct_mark.force_snat       ct_mark   3     1
ct_mark.ecmp_reply_port  ct_mark   16    16
ct_label.blocked         ct_label  0     1
ct_label.natted          ct_label  1     1
ct_label.skip_snat       ct_label  2     1
ct_label.force_snat      ct_label  3     1
ct_label.ecmp_reply_eth  ct_label  32    48
ct_label.ecmp_reply_port ct_label  80    16
ct_label.label           ct_label  96    32
ct.new                   ct_state  0     1     ct.trk
ct.est                   ct_state  1     1     ct.trk
ct.rel                   ct_state  2     1     ct.trk
ct.rpl                   ct_state  3     1     ct.trk
ct.inv                   ct_state  4     1     ct.trk
ct.trk                   ct_state  5     1
ct.snat                  ct_state  6     1     ct.trk
ct.dnat                  ct_state  7     1     ct.trk
"""

_FLAGS: Final = {
    "flags.loopback": "allow_loopback",
    "flags.force_snat_for_dnat": "force_snat_for_dnat",
    "flags.force_snat_for_lb": "force_snat_for_lb",
    "flags.skip_snat_for_lb": "skip_snat_for_lb",
    "flags.use_snat_zone": "use_snat_zone",
}
"""The flags that logical flows may see, by their name in ``ovn.registers.FLAG_BITS``."""

_PREDICATES: Final = """
# predicate        prerequisites | expansion
eth.bcast          | eth.dst == ff:ff:ff:ff:ff:ff
vlan.present       | vlan.tci[12]
eth.mcastv6        | eth.dst[32..47] == 0x3333
ip4                | eth.type == 0x800
ip6                | eth.type == 0x86dd
ip                 | ip4 || ip6
arp                | eth.type == 0x806
rarp               | eth.type == 0x8035
ip4.src_mcast      ip4 | ip4.src[28..31] == 0xe
ip4.mcast          ip4 | eth.mcast && ip4.dst[28..31] == 0xe
icmp4              | ip4 && ip.proto == 1
igmp               | ip4 && ip.proto == 2
icmp6              | ip6 && ip.proto == 58
icmp               | icmp4 || icmp6
tcp                | ip.proto == 6
udp                | ip.proto == 17
sctp               | ip.proto == 132
ip.is_frag         | ip.frag[0]
ip.later_frag      | ip.frag[1]
ip.first_frag      | ip.is_frag && !ip.later_frag
ip6.mcast_rsvd     ip6 | ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0x0
ip6.mcast_all_nodes ip6 | ip6.dst == ff01::1 || ip6.dst == ff02::1
ip6.mcast_all_rtrs ip6 | ip6.dst == ff01::2 || ip6.dst == ff02::2 || ip6.dst == ff05::2
ip6.mcast_sol_node ip6 | ip6.dst == ff02::1:ff00:0/104
ip6.mcast_flood    ip6 | eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs
                       || ip6.mcast_sol_node)
ip6.mcast          ip6 | eth.mcastv6 && ip6.dst[120..127] == 0xff
nd                 | icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255
nd_ns              | icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255
nd_na              | icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255
nd_rs              | icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255
nd_ra              | icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255
mldv1              icmp6 | ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}
mldv2              icmp6 | ip6.dst == ff02::16 && icmp6.type == 143
"""

_ACCESS: Final = {"r": READ_ONLY, "w": WRITABLE, "c": CT_COMMIT}


def _rows(table: str) -> Iterator[str]:
    rows = table.strip().replace("\n ", " ").splitlines()
    return (row for row in rows if not row.startswith("#"))


class SymbolTable:
    """Symbols by name.  Immutable once built, so one table serves all threads of use and caches."""

    __slots__ = ("_symbols",)

    def __init__(self) -> None:
        self._symbols: dict[str, Symbol] = {}
        for row in _rows(_FIELDS):
            name, base, width, level, access, *needs = row.split()
            string = level == "string"
            self._add(
                Symbol(
                    name,
                    FIELD,
                    base,
                    width=int(width),
                    level=NOMINAL if string else level,
                    prerequisites=" ".join(needs),
                    access=_ACCESS[access],
                    string=string,
                )
            )
        self._add_registers()
        for row in _rows(_SUBFIELDS):
            name, parent, first, width, *needs = row.split()
            self.add_subfield(name, parent, int(first), int(width), " ".join(needs))
        for name, flag in _FLAGS.items():
            self.add_subfield(name, "flags", registers.FLAG_BITS[flag], 1)
        for row in _rows(_PREDICATES):
            head, _, expansion = row.partition("|")
            name, *needs = head.split()
            self._add(Symbol(name, PREDICATE, prerequisites=" ".join(needs), expansion=expansion.strip()))

    def _add(self, symbol: Symbol) -> None:
        self._symbols[symbol.name] = symbol

    def _add_registers(self) -> None:
        for n in range(4):
            self.add_subfield(f"xreg{n}", f"xxreg{n // 2}", 64 * (1 - n % 2), 64)
        for n in range(registers.LOGICAL_REGISTERS):
            if n < 8:
                self.add_subfield(f"reg{n}", f"xxreg{n // 4}", 32 * (3 - n % 4), 32)
            else:
                self.add_subfield(f"reg{n}", "xreg4", 32 * (9 - n), 32)

    def add_subfield(self, name: str, parent: str, ofs: int, width: int, prerequisites: str = "") -> None:
        """Declare bits of an ordinal symbol under a name of their own."""
        of = self._symbols[parent]
        needs = " && ".join(need for need in (of.prerequisites, prerequisites) if need)
        self._add(
            Symbol(
                name,
                FIELD,
                of.base,
                of.ofs + ofs,
                width,
                prerequisites=needs,
                access=of.access,
                whole=False,
            )
        )

    def get(self, name: str) -> Symbol | None:
        """The symbol of that name."""
        return self._symbols.get(name)

    def __getitem__(self, name: str) -> Symbol:
        return self._symbols[name]

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._symbols.values())

    def __contains__(self, name: str) -> bool:
        return name in self._symbols


SYMBOLS: Final = SymbolTable()
"""The symbols of 23.03."""
