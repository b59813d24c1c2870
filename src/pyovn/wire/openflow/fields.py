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
OXM_BASIC: Final = 0x8000
OXM_REGISTERS: Final = 0x8001
OXM_EXPERIMENTER: Final = 0xFFFF

NICIRA: Final = 0x00002320
NICIRA_NSH: Final = 0x005AD650
ONF: Final = 0x4F4E4600
ERICSSON: Final = 0x0000D0F0


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
        "match_name",
        "maskable",
        "name",
        "nbytes",
        "nxm",
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
    ) -> None:
        """``code`` is the match's form; ``subfield_code`` that of moves, where it differs."""
        self.name = name
        self.nxm = nxm
        self.bits = bits
        self.nbytes = nbytes or (bits + 7) // 8
        self.form = form
        self.code = code
        self.oxm_class = code.oxm_class
        self.oxm_field = code.oxm_field
        self.subfield_code = subfield_code or code
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


def _add(new: Field, *aliases: str, codes: tuple[Code, ...] = (), names: tuple[str, ...] = ()) -> Field:
    new.order = len(ALL_FIELDS)
    ALL_FIELDS.append(new)
    for name in (new.name, *aliases):
        FIELDS[name] = new
    for name in (new.nxm, *names):
        FIELDS_BY_NXM[name] = new
    for code in (new.code, new.subfield_code, *codes):
        FIELDS_BY_CODE[code] = new
    return new


def _nx(number: int) -> Code:
    return Code(NXM1, number)


def _of(number: int) -> Code:
    return Code(OXM_BASIC, number)


def _both(
    name: str, oxm: str, oxm_field: int, nxm: str, old: Code, bits: int, form: str, *aliases: str,
    prerequisites: str, maskable: bool = True, writable: bool = True, nbytes: int = 0, match_name: str = "",
) -> Field:  # fmt: skip
    """Declare a field that has both an NXM and an OXM code; the text uses the NXM name."""
    return _add(
        Field(
            name, nxm, bits, form, _of(oxm_field), prerequisites=prerequisites, maskable=maskable,
            writable=writable, nbytes=nbytes, match_name=match_name,
        ),
        *aliases, codes=(old,), names=(oxm,),
    )  # fmt: skip


def _declare_conntrack() -> None:
    def add(name: str, number: int, bits: int, form: str, *, ct: bool = False, **more: bool) -> None:
        prerequisites = "ct" if ct else "none"
        _add(
            Field(
                name, f"NXM_NX_{name.upper()}", bits, form, _nx(number), prerequisites=prerequisites, **more
            )
        )

    add("ct_state", 105, 32, "ct_state", writable=False)
    add("ct_zone", 106, 16, "hex", maskable=False, writable=False)
    add("ct_mark", 107, 32, "hex")
    add("ct_label", 108, 128, "hex")
    add("ct_nw_src", 120, 32, "ipv4", ct=True, writable=False)
    add("ct_nw_dst", 121, 32, "ipv4", ct=True, writable=False)
    add("ct_ipv6_src", 122, 128, "ipv6", ct=True, writable=False)
    add("ct_ipv6_dst", 123, 128, "ipv6", ct=True, writable=False)
    add("ct_nw_proto", 119, 8, "decimal", ct=True, maskable=False, writable=False)
    add("ct_tp_src", 124, 16, "decimal", ct=True, writable=False)
    add("ct_tp_dst", 125, 16, "decimal", ct=True, writable=False)


def _declare_registers() -> None:
    registers = [_add(Field(f"reg{n}", f"NXM_NX_REG{n}", 32, "hex", _nx(n))) for n in range(16)]
    for name, code, nxm, bits, count in (
        ("xreg", Code(OXM_REGISTERS, 0), "OXM_OF_PKT_REG", 64, 8),
        ("xxreg", _nx(111), "NXM_NX_XXREG", 128, 4),
    ):
        for n in range(count):
            view = _add(
                Field(f"{name}{n}", f"{nxm}{n}", bits, "hex", Code(code.oxm_class, code.oxm_field + n))
            )
            step = bits // 32
            view.views = tuple(View(registers[n * step + i], 0, bits - 32 * (i + 1), 32) for i in range(step))


def _declare_tunnel() -> None:
    _add(Field("tun_id", "NXM_NX_TUN_ID", 64, "hex", _of(38)), "tunnel_id", codes=(_nx(16),), names=("OXM_OF_TUNNEL_ID",))  # fmt: skip
    _add(Field("tun_src", "NXM_NX_TUN_IPV4_SRC", 32, "ipv4", _nx(31)))
    _add(Field("tun_dst", "NXM_NX_TUN_IPV4_DST", 32, "ipv4", _nx(32)))
    _add(Field("tun_ipv6_src", "NXM_NX_TUN_IPV6_SRC", 128, "ipv6", _nx(109)))
    _add(Field("tun_ipv6_dst", "NXM_NX_TUN_IPV6_DST", 128, "ipv6", _nx(110)))
    _add(Field("tun_gbp_id", "NXM_NX_TUN_GBP_ID", 16, "decimal", _nx(38)))
    _add(Field("tun_gbp_flags", "NXM_NX_TUN_GBP_FLAGS", 8, "hex", _nx(39)))
    _add(Field("tun_flags", "NXM_NX_TUN_FLAGS", 1, "tun_flags", _nx(104), nbytes=2))
    for n in range(64):
        _add(Field(f"tun_metadata{n}", f"NXM_NX_TUN_METADATA{n}", 992, "metadata", _nx(40 + n)))


def _declare_link() -> None:
    _add(Field("metadata", "OXM_OF_METADATA", 64, "hex", _of(2)))
    # Inside Open vSwitch a port has 16 bits; OXM_OF_IN_PORT carries the same in 32 (ovs-fields(7)).
    port = _add(
        Field("in_port", "NXM_OF_IN_PORT", 16, "port", _of(0), maskable=False, subfield_code=Code(NXM0, 0))
    )
    wide = Field("in_port_oxm", "OXM_OF_IN_PORT", 32, "port", _of(0), maskable=False)
    _add(wide)
    FIELDS_BY_CODE[_of(0)] = wide
    wide.views = (View(port, 0, 0, 16),)
    tci = _add(Field("vlan_tci", "NXM_OF_VLAN_TCI", 16, "hex", Code(NXM0, 4)))
    vid = _add(Field("vlan_vid", "OXM_OF_VLAN_VID", 12, "decimal", _of(6), nbytes=2))
    pcp = _add(
        Field("vlan_pcp", "OXM_OF_VLAN_PCP", 3, "decimal", _of(7), prerequisites="vlan", maskable=False)
    )
    # OXM's vlan_vid has the CFI bit as "a tag is present" (OpenFlow 1.5.1, section 7.2.3.8).
    vid.full = 0x1FFF
    vid.views = (View(tci, 0, 0, 13),)
    pcp.views = (View(tci, 13, 0, 3),)
    _both("eth_src", "OXM_OF_ETH_SRC", 4, "NXM_OF_ETH_SRC", Code(NXM0, 2), 48, "mac", "dl_src", prerequisites="ethernet", match_name="dl_src")  # fmt: skip
    _both("eth_dst", "OXM_OF_ETH_DST", 3, "NXM_OF_ETH_DST", Code(NXM0, 1), 48, "mac", "dl_dst", prerequisites="ethernet", match_name="dl_dst")  # fmt: skip


def _declare_network() -> None:
    _both("ip_src", "OXM_OF_IPV4_SRC", 11, "NXM_OF_IP_SRC", Code(NXM0, 7), 32, "ipv4", "nw_src", prerequisites="ipv4", match_name="nw_src")  # fmt: skip
    _both("ip_dst", "OXM_OF_IPV4_DST", 12, "NXM_OF_IP_DST", Code(NXM0, 8), 32, "ipv4", "nw_dst", prerequisites="ipv4", match_name="nw_dst")  # fmt: skip
    _both("ipv6_src", "OXM_OF_IPV6_SRC", 26, "NXM_NX_IPV6_SRC", _nx(19), 128, "ipv6", prerequisites="ipv6")
    _both("ipv6_dst", "OXM_OF_IPV6_DST", 27, "NXM_NX_IPV6_DST", _nx(20), 128, "ipv6", prerequisites="ipv6")
    _both("ipv6_label", "OXM_OF_IPV6_FLABEL", 28, "NXM_NX_IPV6_LABEL", _nx(27), 20, "label", prerequisites="ipv6", nbytes=4)  # fmt: skip
    _both("arp_spa", "OXM_OF_ARP_SPA", 22, "NXM_OF_ARP_SPA", Code(NXM0, 16), 32, "ipv4", prerequisites="arp")
    _both("arp_tpa", "OXM_OF_ARP_TPA", 23, "NXM_OF_ARP_TPA", Code(NXM0, 17), 32, "ipv4", prerequisites="arp")
    _both("arp_op", "OXM_OF_ARP_OP", 21, "NXM_OF_ARP_OP", Code(NXM0, 15), 16, "decimal", prerequisites="arp", maskable=False)  # fmt: skip
    _both("arp_sha", "OXM_OF_ARP_SHA", 24, "NXM_NX_ARP_SHA", _nx(17), 48, "mac", prerequisites="arp")
    _both("arp_tha", "OXM_OF_ARP_THA", 25, "NXM_NX_ARP_THA", _nx(18), 48, "mac", prerequisites="arp")
    dscp = _add(Field("ip_dscp", "OXM_OF_IP_DSCP", 6, "decimal", _of(8), prerequisites="ip", maskable=False))
    tos = _add(
        Field("nw_tos", "NXM_OF_IP_TOS", 8, "decimal", Code(NXM0, 5), prerequisites="ip", maskable=False)
    )
    tos.views = (View(dscp, 0, 2, 6),)
    _both("nw_ecn", "OXM_OF_IP_ECN", 9, "NXM_NX_IP_ECN", _nx(28), 2, "decimal", "ip_ecn", prerequisites="ip", maskable=False)  # fmt: skip
    _add(Field("nw_ttl", "NXM_NX_IP_TTL", 8, "decimal", _nx(29), prerequisites="ip", maskable=False))
    _add(Field("mpls_label", "OXM_OF_MPLS_LABEL", 20, "decimal", _of(34), prerequisites="mpls", maskable=False, nbytes=4))  # fmt: skip
    _add(Field("mpls_tc", "OXM_OF_MPLS_TC", 3, "decimal", _of(35), prerequisites="mpls", maskable=False))
    _add(Field("mpls_ttl", "NXM_NX_MPLS_TTL", 8, "decimal", _nx(30), prerequisites="mpls", maskable=False))
    _add(Field("mpls_bos", "OXM_OF_MPLS_BOS", 1, "decimal", _of(36), prerequisites="mpls", maskable=False, writable=False))  # fmt: skip
    _add(Field("ip_frag", "NXM_NX_IP_FRAG", 2, "frag", _nx(26), prerequisites="ip", writable=False, match_name="nw_frag"), "nw_frag")  # fmt: skip


def _declare_transport() -> None:
    for name, number, nxm in (("tcp", 13, 9), ("udp", 15, 11), ("sctp", 17, -1)):
        for i, side in enumerate(("src", "dst")):
            oxm = f"OXM_OF_{name.upper()}_{side.upper()}"
            old = () if nxm < 0 else (Code(NXM0, nxm + i),)
            _add(
                Field(
                    f"{name}_{side}", oxm.replace("OXM", "NXM") if old else oxm, 16, "transport",
                    _of(number + i), prerequisites=name, match_name=f"tp_{side}",
                ),
                *((f"tp_{side}",) if name == "tcp" else ()), codes=old, names=(oxm,),
            )  # fmt: skip
    onf = Code(OXM_EXPERIMENTER, 42, ONF)
    _add(
        Field("tcp_flags", "NXM_NX_TCP_FLAGS", 12, "tcp_flags", _of(42), prerequisites="tcp", writable=False, nbytes=2),  # fmt: skip
        codes=(_nx(34), onf), names=("OXM_OF_TCP_FLAGS",),
    )  # fmt: skip
    _both("icmp_type", "OXM_OF_ICMPV4_TYPE", 19, "NXM_OF_ICMP_TYPE", Code(NXM0, 13), 8, "decimal", prerequisites="icmp4", maskable=False)  # fmt: skip
    _both("icmp_code", "OXM_OF_ICMPV4_CODE", 20, "NXM_OF_ICMP_CODE", Code(NXM0, 14), 8, "decimal", prerequisites="icmp4", maskable=False)  # fmt: skip
    _both("icmpv6_type", "OXM_OF_ICMPV6_TYPE", 29, "NXM_NX_ICMPV6_TYPE", _nx(21), 8, "decimal", prerequisites="icmp6", maskable=False, match_name="icmp_type")  # fmt: skip
    _both("icmpv6_code", "OXM_OF_ICMPV6_CODE", 30, "NXM_NX_ICMPV6_CODE", _nx(22), 8, "decimal", prerequisites="icmp6", maskable=False, match_name="icmp_code")  # fmt: skip
    _both("nd_target", "OXM_OF_IPV6_ND_TARGET", 31, "NXM_NX_ND_TARGET", _nx(23), 128, "ipv6", prerequisites="nd")  # fmt: skip
    _both("nd_sll", "OXM_OF_IPV6_ND_SLL", 32, "NXM_NX_ND_SLL", _nx(24), 48, "mac", prerequisites="nd_solicit")  # fmt: skip
    _both("nd_tll", "OXM_OF_IPV6_ND_TLL", 33, "NXM_NX_ND_TLL", _nx(25), 48, "mac", prerequisites="nd_advert")  # fmt: skip
    for name, number, bits in (("nd_reserved", 1, 32), ("nd_options_type", 2, 8)):
        _add(
            Field(
                name, f"ERICOXM_OF_ICMPV6_{name.upper()}", bits, "decimal",
                Code(OXM_EXPERIMENTER, number, ERICSSON), prerequisites="nd", maskable=False,
            )
        )  # fmt: skip


def _declare_all() -> None:
    _both("eth_type", "OXM_OF_ETH_TYPE", 5, "NXM_OF_ETH_TYPE", Code(NXM0, 3), 16, "hex", "dl_type", prerequisites="ethernet", maskable=False, writable=False, match_name="dl_type")  # fmt: skip
    _both("nw_proto", "OXM_OF_IP_PROTO", 10, "NXM_OF_IP_PROTO", Code(NXM0, 6), 8, "decimal", "ip_proto", prerequisites="ip", maskable=False, writable=False)  # fmt: skip
    _add(Field("pkt_mark", "NXM_NX_PKT_MARK", 32, "hex", _nx(33)))
    _add(Field("conj_id", "NXM_NX_CONJ_ID", 32, "decimal", _nx(37), maskable=False, writable=False))
    actset = Code(OXM_EXPERIMENTER, 43, ONF)
    _add(
        Field("actset_output", "OXM_OF_ACTSET_OUTPUT", 32, "port", _of(43), maskable=False, writable=False),
        codes=(actset,), names=("ONFOXM_ET_ACTSET_OUTPUT",),
    )  # fmt: skip
    _declare_conntrack()
    _add(Field("packet_type", "OXM_OF_PACKET_TYPE", 32, "packet_type", _of(44), maskable=False, writable=False))  # fmt: skip
    _declare_registers()
    _declare_tunnel()
    _declare_link()
    _declare_network()
    _declare_transport()


_declare_all()
