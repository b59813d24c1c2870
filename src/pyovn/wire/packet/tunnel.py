"""Geneve and VXLAN headers inside UDP (RFC 8926, RFC 7348).

OVN's Geneve option is of class 0x0102, type 0x80 and 4 bytes: logical ingress port in bits 16..30,
egress port in bits 0..15; the VNI is the datapath (ovn-architecture(7), "Tunnel Encapsulations").
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pyovn.wire.packet.checksum import PacketError

GENEVE_PORT: Final = 6081
VXLAN_PORT: Final = 4789
ETH_BRIDGED: Final = 0x6558
OVN_CLASS: Final = 0x0102
OVN_TYPE: Final = 0x80


class GeneveOption(Struct, frozen=True):
    """``type`` has the critical bit 0x80; ``data`` is a multiple of 4 bytes."""

    option_class: int
    type: int
    data: bytes


class Geneve(Struct, frozen=True):
    """``protocol`` is an ethertype, Ethernet frames by default."""

    vni: int
    options: tuple[GeneveOption, ...] = ()
    oam: bool = False
    protocol: int = ETH_BRIDGED

    @staticmethod
    def parse(data: bytes) -> tuple[Geneve, bytes]:
        """Header and the inner packet."""
        if len(data) < 8:
            raise PacketError(f"a Geneve packet of {len(data)} bytes")
        end = 8 + (data[0] & 0x3F) * 4
        if data[0] >> 6 or end > len(data):
            raise PacketError("a Geneve header of unknown version, or cut short")
        options: list[GeneveOption] = []
        offset = 8
        while offset < end:
            if offset + 4 > end:
                raise PacketError("a Geneve option is cut short")
            stop = offset + 4 + (data[offset + 3] & 0x1F) * 4
            if stop > end:
                raise PacketError("a Geneve option is cut short")
            kind = data[offset] << 8 | data[offset + 1]
            options.append(GeneveOption(kind, data[offset + 2], data[offset + 4 : stop]))
            offset = stop
        header = Geneve(
            int.from_bytes(data[4:7], "big"),
            tuple(options),
            bool(data[1] & 0x80),
            data[2] << 8 | data[3],
        )
        return header, data[end:]

    def build(self, payload: bytes = b"") -> bytes:
        """Header and the inner packet; the critical bit is set when an option is critical."""
        options = b""
        for option in self.options:
            if len(option.data) & 3 or len(option.data) > 124:
                raise PacketError("a Geneve option's length is a multiple of 4 up to 124")
            head = option.option_class.to_bytes(2, "big") + bytes((option.type, len(option.data) // 4))
            options += head + option.data
        if len(options) > 252:
            raise PacketError("Geneve options of more than 252 bytes")
        critical = any(option.type & 0x80 for option in self.options)
        flags = self.oam << 7 | critical << 6
        head = bytes((len(options) // 4, flags)) + self.protocol.to_bytes(2, "big")
        return head + self.vni.to_bytes(3, "big") + b"\0" + options + payload

    def ovn_ports(self) -> tuple[int, int] | None:
        """(ingress, egress) logical port keys of OVN's option, or None."""
        for option in self.options:
            if option.option_class == OVN_CLASS and option.type == OVN_TYPE and len(option.data) == 4:
                word = int.from_bytes(option.data, "big")
                return word >> 16 & 0x7FFF, word & 0xFFFF
        return None

    @staticmethod
    def ovn(vni: int, ingress: int, egress: int) -> Geneve:
        """The header that OVN puts on a packet."""
        word = (ingress & 0x7FFF) << 16 | egress & 0xFFFF
        return Geneve(vni, (GeneveOption(OVN_CLASS, OVN_TYPE, word.to_bytes(4, "big")),))


class Vxlan(Struct, frozen=True):
    """Only the VNI; the flag that says it is there is always set."""

    vni: int

    @staticmethod
    def parse(data: bytes) -> tuple[Vxlan, bytes]:
        """Header and the inner frame."""
        if len(data) < 8 or not data[0] & 0x08:
            raise PacketError("a VXLAN packet without a VNI")
        return Vxlan(int.from_bytes(data[4:7], "big")), data[8:]

    def build(self, payload: bytes = b"") -> bytes:
        """Header and the inner frame."""
        return b"\x08\0\0\0" + self.vni.to_bytes(3, "big") + b"\0" + payload
