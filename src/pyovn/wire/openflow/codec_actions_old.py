"""Actions of OpenFlow 1.0, 1.3 and 1.4, as differences from 1.5's (``codec_actions``).

OpenFlow 1.0 has its own few actions, and Open vSwitch's vendor actions for all else (ovs-actions(7) tells
which actions a version has).  1.3 and 1.4 lack 1.5's masked ``set_field`` and ``copy_field``, for which the
vendor's ``reg_load`` and ``reg_move`` stand, and meters are instructions there.

A ``set_field`` that becomes ``reg_load`` may need several: one per run of mask bits, at most 64 bits each.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import codec_actions_decode as decode
from pyovn.wire.openflow.codec_actions import ENCODERS, ActionEncoder, standard, vendor
from pyovn.wire.openflow.codec_match import encode_value, nxm_subfield_header
from pyovn.wire.openflow.errors import BAD_ACTION_TYPE, BAD_ARGUMENT, CodecError
from pyovn.wire.openflow.fields import FIELDS, OXM_EXPERIMENTER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.wire.openflow.fields import Field


def _load(action: act.SetField) -> bytes:
    """``reg_load`` actions that do what a ``set_field`` does."""
    field = action.field
    mask = field.full if action.mask is None else action.mask
    if field.oxm_class == OXM_EXPERIMENTER or field.form == "metadata":
        # reg_load cannot name these; reg_load2 holds the field with value and mask.
        return vendor(33, bytes(6) + encode_value(field, action.value, action.mask, field.nxm_code))
    out = b""
    for ofs, bits in act.runs(mask):
        name = nxm_subfield_header(act.Subfield(field, ofs, bits))
        value = action.value >> ofs & (1 << bits) - 1
        out += vendor(7, struct.pack("!H", ofs << 6 | bits - 1) + name + value.to_bytes(8, "big"))
    return out


def _move(action: act.Move) -> bytes:
    src, dst = action.src, action.dst
    if src.bits != dst.bits:
        raise CodecError(*BAD_ARGUMENT, "a move between subfields of different width")
    names = nxm_subfield_header(src) + nxm_subfield_header(dst)
    return vendor(6, struct.pack("!HHH", src.bits, src.ofs, dst.ofs) + names)


def _set_field_13(action: act.SetField) -> bytes:
    if action.mask is None or action.mask == action.field.full:
        return ENCODERS[act.SetField](action)
    return _load(action)


_OLD_FIELDS: Final[Mapping[str, tuple[int, Callable[[int], bytes]]]] = {
    "eth_src": (4, lambda v: v.to_bytes(6, "big")),
    "eth_dst": (5, lambda v: v.to_bytes(6, "big")),
    "ip_src": (6, lambda v: v.to_bytes(4, "big")),
    "ip_dst": (7, lambda v: v.to_bytes(4, "big")),
    "ip_dscp": (8, lambda v: bytes((v << 2,))),
    "nw_tos": (8, lambda v: bytes((v,))),
    **{f"{proto}_src": (9, lambda v: v.to_bytes(2, "big")) for proto in ("tcp", "udp", "sctp")},
    **{f"{proto}_dst": (10, lambda v: v.to_bytes(2, "big")) for proto in ("tcp", "udp", "sctp")},
    "vlan_vid": (1, lambda v: (v & 0xFFF).to_bytes(2, "big")),
    "vlan_pcp": (2, lambda v: bytes((v,))),
}
"""Fields that OpenFlow 1.0 sets with actions of its own."""


def _set_field_10(action: act.SetField) -> bytes:
    field = action.field
    old = _OLD_FIELDS.get(field.name)
    whole = action.mask is None or action.mask == field.full
    if old is None or not whole or (field.name == "vlan_vid" and not action.value & 0x1000):
        return _load(action)
    return standard(old[0], old[1](action.value))


def _missing(action: act.Action) -> bytes:
    raise CodecError(*BAD_ACTION_TYPE, f"OpenFlow 1.0 has no {type(action).__name__}")


def _plain(encode: Callable[[Any], bytes]) -> Callable[[ActionEncoder, Any], bytes]:
    """An encoder that does not need the others."""
    return lambda _encoder, action: encode(action)


OF13: Final = ActionEncoder(
    {act.SetField: _plain(_set_field_13), act.Move: _plain(_move)},
    nxm_subfield_header,
    {act.Meter: lambda a: (6, struct.pack("!HHI", 6, 8, a.id))},
)
"""OpenFlow 1.3's and 1.4's."""

OF10: Final = ActionEncoder(
    {
        act.SetField: _plain(_set_field_10),
        act.Move: _plain(_move),
        act.Output: _plain(lambda a: struct.pack("!HHHH", 0, 8, a.port, a.max_len)),
        act.Enqueue: _plain(lambda a: struct.pack("!HHH6xI", 11, 16, a.port, a.queue)),
        act.SetVlanVid: _plain(lambda a: standard(1, a.vid.to_bytes(2, "big"))),
        act.SetVlanPcp: _plain(lambda a: standard(2, bytes((a.pcp,)))),
        act.Group: _plain(lambda a: vendor(40, bytes(2) + a.id.to_bytes(4, "big"))),
        act.SetQueue: _plain(lambda a: vendor(4, bytes(2) + a.queue.to_bytes(4, "big"))),
        # A push of the tag is a side effect of setting it; OpenFlow 1.0 cannot say it by itself.
        act.PushVlan: _plain(lambda _: b""),
        act.PopVlan: _plain(lambda _: standard(3, b"")),
        act.DecTtl: lambda _, a: ENCODERS[act.DecTtl](a) if a.ids else vendor(18, b""),
        act.GotoTable: _plain(lambda a: ENCODERS[act.Resubmit](act.Resubmit(a.table))),
        act.WriteMetadata: _plain(lambda a: vendor(22, bytes(6) + struct.pack("!QQ", a.value, a.mask))),
        act.Meter: _plain(_missing),
        # Open vSwitch leaves these out without a word, as there is no action set in 1.0.
        act.ClearActions: _plain(lambda _: b""),
        act.WriteActions: _plain(lambda _: b""),
    },
    nxm_subfield_header,
)
"""OpenFlow 1.0's."""

_H: Final = struct.Struct("!H")
_TOS: Final = FIELDS["ip_dscp"]


def _set(field: Field, size: int) -> Callable[[bytes], act.Action]:
    return lambda data: act.SetField(field, int.from_bytes(data[4 : 4 + size], "big"))


DECODE_13: Final = decode.ActionDecoder({k: v for k, v in decode.STANDARD.items() if k not in (28, 29)})
"""Reads OpenFlow 1.3's and 1.4's."""

DECODE_10: Final = decode.ActionDecoder(
    {
        0: lambda data: act.Output(*struct.unpack_from("!HH", data, 4)),
        1: lambda data: act.SetVlanVid(_H.unpack_from(data, 4)[0] & 0xFFF),
        2: lambda data: act.SetVlanPcp(data[4] & 7),
        3: lambda _: act.PopVlan(),
        4: _set(FIELDS["eth_src"], 6),
        5: _set(FIELDS["eth_dst"], 6),
        6: _set(FIELDS["ip_src"], 4),
        7: _set(FIELDS["ip_dst"], 4),
        8: lambda data: act.SetField(_TOS, data[4] >> 2),
        9: _set(FIELDS["tcp_src"], 2),
        10: _set(FIELDS["tcp_dst"], 2),
        11: lambda data: act.Enqueue(*struct.unpack_from("!H6xI", data, 4)),
    }
)
"""Reads OpenFlow 1.0's; TCP's ports stand for those of any protocol (``actions.in_context``)."""
