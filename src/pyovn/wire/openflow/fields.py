"""The fields of a packet and of the pipeline: the table of ovs-fields(7) as data.

One ``Field`` exists per field and is compared by identity, so it is a cheap dictionary key.  The
order of ``ALL_FIELDS`` is the canonical order of a match: the order in which ovs-ofctl prints it,
with ``eth_type`` and ``nw_proto`` in front, so that every field stands after its prerequisites,
as OpenFlow demands of the wire.

Fields that overlap are declared as *views* of others (``xreg0`` and ``xxreg0`` of registers,
``vlan_vid`` and ``vlan_pcp`` of ``vlan_tci``, ``nw_tos`` of ``ip_dscp``).  A view may be written
and moved by actions like any field, but a ``Match`` never holds one: two matches that mean the
same are equal, also after an installation and a dump.

Not here: how values look in text (``text_values``) and how they are laid out (``codec_match``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

NXM0: Final = 0x0000
NXM1: Final = 0x0001
OXM_ERICSSON: Final = 0x1000
OXM_BASIC: Final = 0x8000
OXM_REGISTERS: Final = 0x8001
OXM_EXPERIMENTER: Final = 0xFFFF

ONF: Final = 0x4F4E4600


class Code(NamedTuple):
    """How the wire names a field: OXM class, field number and, in class 0xffff, experimenter."""

    oxm_class: int
    oxm_field: int
    experimenter: int = 0


class View(NamedTuple):
    """One piece of an overlapping field: ``bits`` bits from ``ofs`` of it live in ``field``."""

    field: Field
    field_ofs: int
    ofs: int
    bits: int


class Field:
    """One field.  ``bits`` counts the bits that may be nonzero, ``nbytes`` those on the wire."""

    __slots__ = (
        "bits",
        "code",
        "form",
        "full",
        "maskable",
        "match_name",
        "name",
        "nbytes",
        "nxm",
        "nxm_code",
        "order",
        "oxm_class",
        "oxm_field",
        "prerequisites",
        "subfield_code",
        "views",
        "writable",
    )

    def __init__(
        self,
        name: str,
        nxm: str,
        bits: int,
        form: str,
        code: Code,
        *,
        prerequisites: str = "none",
        maskable: bool = True,
        writable: bool = True,
        nbytes: int = 0,
        match_name: str = "",
        subfield_code: Code | None = None,
        nxm_code: Code | None = None,
    ) -> None:
        """``code`` is the match's form; ``subfield_code`` that of moves, where it differs.

        ``nxm_code`` is what Open vSwitch's extensions of OpenFlow before 1.5 call it.
        """
        self.name = name
        self.nxm = nxm
        self.bits = bits
        self.nbytes = nbytes or (bits + 7) // 8
        self.form = form
        self.code = code
        self.oxm_class = code.oxm_class
        self.oxm_field = code.oxm_field
        self.subfield_code = subfield_code or code
        self.nxm_code = nxm_code or code
        self.prerequisites = prerequisites
        self.maskable = maskable
        self.writable = writable
        self.match_name = match_name or name
        self.full = (1 << bits) - 1
        self.views: tuple[View, ...] = ()
        self.order = -1

    def __repr__(self) -> str:
        return f"<field {self.name}>"

    def __lt__(self, other: Field) -> bool:
        return self.order < other.order

    def __copy__(self) -> Field:
        return self

    def __deepcopy__(self, _memo: object) -> Field:
        return self

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (field, (self.name,))


class FieldError(ValueError):
    """A field's name is unknown, or a value does not fit its field."""


_ETHERTYPES: Final = {"ipv4": 0x0800, "ipv6": 0x86DD, "arp": 0x0806, "nsh": 0x894F}
_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
PREREQUISITES: Final[dict[str, tuple[tuple[tuple[str, int, int], ...], ...]]] = {
    # Alternatives; each is a conjunction of (field, value, mask).
    "none": ((),),
    "ethernet": ((),),
    "vlan": ((("vlan_tci", 0x1000, 0x1000),),),
    "ct": ((("ct_state", 0x20, 0x20),),),
    **{name: ((("eth_type", code, 0xFFFF),),) for name, code in _ETHERTYPES.items()},
    "arp": ((("eth_type", 0x0806, 0xFFFF),), (("eth_type", 0x8035, 0xFFFF),)),
    "mpls": ((("eth_type", 0x8847, 0xFFFF),), (("eth_type", 0x8848, 0xFFFF),)),
    "ip": ((("eth_type", 0x0800, 0xFFFF),), (("eth_type", 0x86DD, 0xFFFF),)),
    **{
        name: tuple((("eth_type", e, 0xFFFF), ("nw_proto", code, 0xFF)) for e in (0x0800, 0x86DD))
        for name, code in _PROTOCOLS.items()
    },
    "icmp4": ((("eth_type", 0x0800, 0xFFFF), ("nw_proto", 1, 0xFF)),),
    "icmp6": ((("eth_type", 0x86DD, 0xFFFF), ("nw_proto", 58, 0xFF)),),
    **{
        name: tuple(
            (
                ("eth_type", 0x86DD, 0xFFFF),
                ("nw_proto", 58, 0xFF),
                ("icmpv6_type", kind, 0xFF),
                ("icmpv6_code", 0, 0xFF),
            )
            for kind in kinds
        )
        for name, kinds in (("nd", (135, 136)), ("nd_solicit", (135,)), ("nd_advert", (136,)))
    },
}

ALL_FIELDS: Final[list[Field]] = []
"""Every field; the position is ``Field.order``."""

FIELDS: Final[dict[str, Field]] = {}
"""By name and by alias; ``tp_src`` and ``tp_dst`` name TCP's ports."""

FIELDS_BY_NXM: Final[dict[str, Field]] = {}
"""By the names that ``move``, ``push`` and the like print, e.g. ``NXM_NX_REG0``."""

FIELDS_BY_CODE: Final[dict[Code, Field]] = {}
"""By every code that Open vSwitch accepts for a field."""


def field(name: str) -> Field:
    """The field of that name, alias or NXM/OXM name; raises ``FieldError``."""
    found = FIELDS.get(name) or FIELDS_BY_NXM.get(name)
    if found is None:
        raise FieldError(f"unknown field {name}")
    return found


_TABLE: Final = """
# name, aliases  name in actions     other name             bits form     codes      needs      access
eth_type,dl_type  NXM_OF_ETH_TYPE     OXM_OF_ETH_TYPE        16   hex      o5 n3     ethernet   x r as=dl_type
nw_proto,ip_proto NXM_OF_IP_PROTO     OXM_OF_IP_PROTO        8    decimal  o10 n6    ip         x r
pkt_mark          NXM_NX_PKT_MARK     -                      32   hex      m33       none
conj_id           NXM_NX_CONJ_ID      -                      32   decimal  m37       none       x r
actset_output     OXM_OF_ACTSET_OUTPUT ONFOXM_ET_ACTSET_OUTPUT 32   decimal  o43 f43   none       x r
ct_state          NXM_NX_CT_STATE     -                      32   ct_state m105      none       r
ct_zone           NXM_NX_CT_ZONE      -                      16   decimal  m106      none       x r
ct_mark           NXM_NX_CT_MARK      -                      32   hex      m107      none
ct_label          NXM_NX_CT_LABEL     -                      128  hex      m108      none
ct_nw_src         NXM_NX_CT_NW_SRC    -                      32   ipv4     m120      ct         r
ct_nw_dst         NXM_NX_CT_NW_DST    -                      32   ipv4     m121      ct         r
ct_ipv6_src       NXM_NX_CT_IPV6_SRC  -                      128  ipv6     m122      ct         r
ct_ipv6_dst       NXM_NX_CT_IPV6_DST  -                      128  ipv6     m123      ct         r
ct_nw_proto       NXM_NX_CT_NW_PROTO  -                      8    decimal  m119      ct         x r
ct_tp_src         NXM_NX_CT_TP_SRC    -                      16   decimal  m124      ct         r
ct_tp_dst         NXM_NX_CT_TP_DST    -                      16   decimal  m125      ct         r
packet_type       OXM_OF_PACKET_TYPE  -                      32   packet_type o44       none       x r
reg%16            NXM_NX_REG%         -                      32   hex      m0        none
xreg%8            OXM_OF_PKT_REG%     -                      64   hex      p0        none
xxreg%4           NXM_NX_XXREG%       -                      128  hex      m111      none
tun_id,tunnel_id  NXM_NX_TUN_ID       OXM_OF_TUNNEL_ID       64   hex      o38 m16   none
tun_src           NXM_NX_TUN_IPV4_SRC -                      32   ipv4     m31       none
tun_dst           NXM_NX_TUN_IPV4_DST -                      32   ipv4     m32       none
tun_ipv6_src      NXM_NX_TUN_IPV6_SRC -                      128  ipv6     m109      none
tun_ipv6_dst      NXM_NX_TUN_IPV6_DST -                      128  ipv6     m110      none
tun_gbp_id        NXM_NX_TUN_GBP_ID   -                      16   decimal  m38       none
tun_gbp_flags     NXM_NX_TUN_GBP_FLAGS -                      8    hex      m39       none
tun_flags         NXM_NX_TUN_FLAGS    -                      1/2  tun_flags m104      none
tun_metadata%64   NXM_NX_TUN_METADATA% -                      992  metadata m40       none
metadata          OXM_OF_METADATA     -                      64   hex      o2        none
in_port           NXM_OF_IN_PORT      -                      16   port     o0 n0     none       x
in_port_oxm       OXM_OF_IN_PORT      -                      32   port     o0        none       x
vlan_tci          NXM_OF_VLAN_TCI     -                      16   hex      n4        ethernet
vlan_vid          OXM_OF_VLAN_VID     -                      12/2 decimal  o6        ethernet
vlan_pcp          OXM_OF_VLAN_PCP     -                      3    decimal  o7        vlan       x
eth_src,dl_src    NXM_OF_ETH_SRC      OXM_OF_ETH_SRC         48   mac      o4 n2     ethernet   as=dl_src
eth_dst,dl_dst    NXM_OF_ETH_DST      OXM_OF_ETH_DST         48   mac      o3 n1     ethernet   as=dl_dst
ip_src,nw_src     NXM_OF_IP_SRC       OXM_OF_IPV4_SRC        32   ipv4     o11 n7    ipv4       as=nw_src
ip_dst,nw_dst     NXM_OF_IP_DST       OXM_OF_IPV4_DST        32   ipv4     o12 n8    ipv4       as=nw_dst
ipv6_src          NXM_NX_IPV6_SRC     OXM_OF_IPV6_SRC        128  ipv6     o26 m19   ipv6
ipv6_dst          NXM_NX_IPV6_DST     OXM_OF_IPV6_DST        128  ipv6     o27 m20   ipv6
ipv6_label        NXM_NX_IPV6_LABEL   OXM_OF_IPV6_FLABEL     20/4 label    o28 m27   ipv6
arp_spa           NXM_OF_ARP_SPA      OXM_OF_ARP_SPA         32   ipv4     o22 n16   arp
arp_tpa           NXM_OF_ARP_TPA      OXM_OF_ARP_TPA         32   ipv4     o23 n17   arp
arp_op            NXM_OF_ARP_OP       OXM_OF_ARP_OP          16   decimal  o21 n15   arp        x
arp_sha           NXM_NX_ARP_SHA      OXM_OF_ARP_SHA         48   mac      o24 m17   arp
arp_tha           NXM_NX_ARP_THA      OXM_OF_ARP_THA         48   mac      o25 m18   arp
ip_dscp           OXM_OF_IP_DSCP      -                      6    decimal  o8        ip         x
nw_tos            NXM_OF_IP_TOS       -                      8    decimal  n5        ip         x
nw_ecn,ip_ecn     NXM_NX_IP_ECN       OXM_OF_IP_ECN          2    decimal  o9 m28    ip         x
nw_ttl            NXM_NX_IP_TTL       -                      8    decimal  m29       ip         x
mpls_label        OXM_OF_MPLS_LABEL   -                      20/4 decimal  o34       mpls       x
mpls_tc           OXM_OF_MPLS_TC      -                      3    decimal  o35       mpls       x
mpls_ttl          NXM_NX_MPLS_TTL     -                      8    decimal  m30       mpls       x
mpls_bos          OXM_OF_MPLS_BOS     -                      1    decimal  o36       mpls       x r
ip_frag,nw_frag   NXM_NX_IP_FRAG      -                      2    frag     m26       ip         r as=nw_frag
tcp_src,tp_src    NXM_OF_TCP_SRC      OXM_OF_TCP_SRC         16   transport o13 n9    tcp        as=tp_src
tcp_dst,tp_dst    NXM_OF_TCP_DST      OXM_OF_TCP_DST         16   transport o14 n10   tcp        as=tp_dst
udp_src           NXM_OF_UDP_SRC      OXM_OF_UDP_SRC         16   transport o15 n11   udp        as=tp_src
udp_dst           NXM_OF_UDP_DST      OXM_OF_UDP_DST         16   transport o16 n12   udp        as=tp_dst
sctp_src          OXM_OF_SCTP_SRC     -                      16   transport o17       sctp       as=tp_src
sctp_dst          OXM_OF_SCTP_DST     -                      16   transport o18       sctp       as=tp_dst
tcp_flags         NXM_NX_TCP_FLAGS    OXM_OF_TCP_FLAGS       12/2 tcp_flags o42 m34 f42 tcp        r
icmp_type         NXM_OF_ICMP_TYPE    OXM_OF_ICMPV4_TYPE     8    decimal  o19 n13   icmp4      x
icmp_code         NXM_OF_ICMP_CODE    OXM_OF_ICMPV4_CODE     8    decimal  o20 n14   icmp4      x
icmpv6_type       NXM_NX_ICMPV6_TYPE  OXM_OF_ICMPV6_TYPE     8    decimal  o29 m21   icmp6      x as=icmp_type
icmpv6_code       NXM_NX_ICMPV6_CODE  OXM_OF_ICMPV6_CODE     8    decimal  o30 m22   icmp6      x as=icmp_code
nd_target         NXM_NX_ND_TARGET    OXM_OF_IPV6_ND_TARGET  128  ipv6     o31 m23   nd
nd_sll            NXM_NX_ND_SLL       OXM_OF_IPV6_ND_SLL     48   mac      o32 m24   nd_solicit
nd_tll            NXM_NX_ND_TLL       OXM_OF_IPV6_ND_TLL     48   mac      o33 m25   nd_advert
nd_reserved       ERICOXM_OF_ICMPV6_ND_RESERVED - 32   decimal  e1        nd         x
nd_options_type   ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE - 8    decimal  e2        nd         x
"""
"""One row per field or, with ``%N``, per family of N fields.

Codes: o = OXM basic, n = NXM 0, m = NXM 1, p = packet registers, f = ONF's experimenter,
e = Ericsson's class; the first is what matches and set_field carry.  Access: x = exact match only, r =
read-only, as= the name in a printed match.
"""

_CLASSES: Final = {
    "o": (OXM_BASIC, 0),
    "n": (NXM0, 0),
    "m": (NXM1, 0),
    "p": (OXM_REGISTERS, 0),
    "f": (OXM_EXPERIMENTER, ONF),
    "e": (OXM_ERICSSON, 0),
}


def _code(text: str, number: int) -> Code:
    oxm_class, experimenter = _CLASSES[text[0]]
    return Code(oxm_class, int(text[1:]) + number, experimenter)


def _declare(row: str) -> None:
    names, nxm, other, size, form, *rest = row.split()
    first_code = rest.pop(0)
    codes = [first_code]
    while rest[0] not in PREREQUISITES:
        codes.append(rest.pop(0))
    prerequisites, *access = rest
    bits, _, nbytes = size.partition("/")
    shown = next((word[3:] for word in access if word.startswith("as=")), "")
    names, _, family = names.partition("%")
    for number in range(int(family or 1)):
        name, *aliases = names.split(",")
        suffix = str(number) if family else ""
        new = Field(
            name + suffix,
            nxm.replace("%", suffix),
            int(bits),
            form,
            _code(first_code, number),
            prerequisites=prerequisites,
            maskable="x" not in access,
            writable="r" not in access,
            nbytes=int(nbytes or 0),
            match_name=shown,
            nxm_code=next((_code(text, number) for text in codes if text[0] in "nm"), None),
        )
        new.order = len(ALL_FIELDS)
        ALL_FIELDS.append(new)
        FIELDS.update((each, new) for each in (new.name, *aliases))
        FIELDS_BY_NXM.update((each, new) for each in (new.nxm, other) if each != "-")
        FIELDS_BY_CODE.update((_code(text, number), new) for text in codes)


def _declare_views() -> None:
    for name, bits, count in (("xreg", 64, 8), ("xxreg", 128, 4)):
        step = bits // 32
        for n in range(count):
            FIELDS[f"{name}{n}"].views = tuple(
                View(FIELDS[f"reg{n * step + i}"], 0, bits - 32 * (i + 1), 32) for i in range(step)
            )
    # Inside Open vSwitch a port has 16 bits, which OXM_OF_IN_PORT widens (ovs-fields(7), in_port_oxm);
    # a move or push of in_port is that of the narrow field.
    FIELDS["in_port"].subfield_code = Code(NXM0, 0)
    FIELDS["in_port_oxm"].views = (View(FIELDS["in_port"], 0, 0, 16),)
    FIELDS["ip_dscp"].nxm_code = FIELDS["nw_tos"].nxm_code
    tci = FIELDS["vlan_tci"]
    # OXM's vlan_vid has the CFI bit as "a tag is present" (OpenFlow 1.5.1, section 7.2.3.8).
    FIELDS["vlan_vid"].full = 0x1FFF
    FIELDS["vlan_vid"].views = (View(tci, 0, 0, 13),)
    FIELDS["vlan_pcp"].views = (View(tci, 13, 0, 3),)
    FIELDS["nw_tos"].views = (View(FIELDS["ip_dscp"], 0, 2, 6),)


for _row in _TABLE.strip().splitlines():
    if not _row.startswith("#"):
        _declare(_row)
_declare_views()
