"""Actions and instructions to bytes (OpenFlow 1.5.1, sections 7.2.5 and 7.2.6; Nicira's extensions).

One encoder per type, in a table; lists are remembered as a whole, since a network repeats few lists
in many flows.  What the standard can say is said in the standard's way (set_field, copy_field,
output, group ...), the rest as vendor actions of experimenter 0x2320, as Open vSwitch does.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.codec_match import encode_value, subfield_header, wide_port
from pyovn.wire.openflow.errors import BAD_ARGUMENT, BAD_SET_ARGUMENT, CodecError
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MEMORY_LIMIT: Final = 1 << 15

_HEADER: Final = struct.Struct("!HH")
_NX: Final = struct.Struct("!HHIH")
_OUTPUT: Final = struct.Struct("!HHIH6x")
_RESUBMIT: Final = struct.Struct("!HHIHHB3x")
_COPY: Final = struct.Struct("!HHHHH2x")
_CT: Final = struct.Struct("!HIHB3xH")
_CONJUNCTION: Final = struct.Struct("!HHIHBBI")
NICIRA: Final = 0x2320
_VLAN_VID: Final = FIELDS["vlan_vid"]
_VLAN_PCP: Final = FIELDS["vlan_pcp"]


def standard(kind: int, body: bytes) -> bytes:
    """A standard action, padded with zeros; its length counts the padding."""
    size = 4 + len(body)
    padding = -size & 7
    return _HEADER.pack(kind, size + padding) + body + bytes(padding)


def vendor(subtype: int, body: bytes) -> bytes:
    """A vendor action of Open vSwitch's, padded with zeros."""
    size = 10 + len(body)
    padding = -size & 7
    return _NX.pack(0xFFFF, size + padding, NICIRA, subtype) + body + bytes(padding)


def _output(action: act.Output) -> bytes:
    return _OUTPUT.pack(0, 16, wide_port(action.port), action.max_len)


def _set_field(action: act.SetField) -> bytes:
    field = action.field
    mask = field.full if action.mask is None else action.mask
    if not 0 <= action.value <= field.full or action.value & ~mask:
        raise CodecError(*BAD_SET_ARGUMENT, f"set_field of {field.name} to {action.value:#x}/{mask:#x}")
    return standard(25, encode_value(field, action.value, action.mask, field.subfield_code))


def _move(action: act.Move) -> bytes:
    src, dst = action.src, action.dst
    if src.bits != dst.bits:
        raise CodecError(*BAD_ARGUMENT, "a move between subfields of different width")
    names = subfield_header(src) + subfield_header(dst)
    size = 12 + len(names)
    padding = -size & 7
    return _COPY.pack(28, size + padding, src.bits, src.ofs, dst.ofs) + names + bytes(padding)


def _stack(subtype: int) -> Callable[[ActionEncoder, Any], bytes]:
    def encode(encoder: ActionEncoder, action: act.Push | act.Pop) -> bytes:
        sub = action.subfield
        return vendor(subtype, sub.ofs.to_bytes(2, "big") + encoder.name(sub) + sub.bits.to_bytes(2, "big"))

    return encode


def _resubmit(action: act.Resubmit) -> bytes:
    return _RESUBMIT.pack(
        0xFFFF,
        16,
        NICIRA,
        44 if action.with_ct else 14,
        act.PORT_IN_PORT if action.port is None else action.port,
        0xFF if action.table is None else action.table,
    )


def ofs_nbits(subfield: act.Subfield) -> int:
    """Offset and width in 16 bits, as Nicira's actions pack them."""
    return subfield.ofs << 6 | subfield.bits - 1


def _output_field(encoder: ActionEncoder, action: act.OutputField) -> bytes:
    sub = action.source
    name = encoder.name(sub)
    head = ofs_nbits(sub).to_bytes(2, "big")
    limit = (action.max_len or 0xFFFF).to_bytes(2, "big")
    return vendor(15, head + name + limit) if len(name) == 4 else vendor(32, head + limit + name)


def _controller(action: act.Controller) -> bytes:
    out = bytes(6)
    if action.max_len != 0xFFFF:
        out += struct.pack("!HHH2x", 0, 8, action.max_len)
    if action.controller_id:
        out += struct.pack("!HHH2x", 1, 8, action.controller_id)
    if action.reason != act.REASON_ACTION:
        out += struct.pack("!HHB3x", 2, 5, action.reason)
    if action.userdata:
        size = 4 + len(action.userdata)
        out += struct.pack("!HH", 3, size) + action.userdata + bytes(-size & 7)
    if action.pause:
        out += struct.pack("!HH4x", 4, 4)
    if action.meter is not None:
        out += struct.pack("!HHI", 5, 8, action.meter)
    return vendor(37, out)


def _nat(nat: act.Nat) -> bytes:
    """NXAST_NAT: which parts of the range are there, then those."""
    if nat.flags & 3 == 3 or (not nat.flags & 3 and nat.flags):
        raise CodecError(*BAD_ARGUMENT, "nat needs src or dst for its flags, not both")
    present, tail = 0, b""
    first, size = (0, 4) if nat.version == 4 else (2, 16)
    for bit, value, width in (
        (first, nat.ip_min, size),
        (first + 1, nat.ip_max, size),
        (4, nat.port_min, 2),
        (5, nat.port_max, 2),
    ):
        if value is not None:
            present |= 1 << bit
            tail += value.to_bytes(width, "big")
    return vendor(36, struct.pack("!2xHH", nat.flags, present) + tail)


def _ct(encoder: ActionEncoder, action: act.Ct) -> bytes:
    flags = action.commit | action.force << 1
    zone = action.zone
    if isinstance(zone, act.Subfield):
        source, immediate = int.from_bytes(encoder.name(zone)[:4], "big"), ofs_nbits(zone)
    else:
        source, immediate = 0, zone
    body = _CT.pack(flags, source, immediate, 0xFF if action.table is None else action.table, action.alg)
    if action.nat is not None:
        body += _nat(action.nat)
    return vendor(35, body + encoder.encode(action.actions))


def _note(action: act.Note) -> bytes:
    return vendor(8, action.data or bytes(6))


def _dec_ttl(action: act.DecTtl) -> bytes:
    if not action.ids:
        return b"\0\x18\0\x08\0\0\0\0"
    ids = action.ids
    return vendor(21, len(ids).to_bytes(2, "big") + bytes(4) + struct.pack(f"!{len(ids)}H", *ids))


def _check_pkt_larger(encoder: ActionEncoder, action: act.CheckPktLarger) -> bytes:
    sub = action.destination
    return vendor(49, struct.pack("!HH", action.length, sub.ofs) + encoder.name(sub))


def _sample(action: act.Sample) -> bytes:
    body = struct.pack("!HIII", action.probability, action.collector_set, action.domain, action.point)
    if action.port is None and not action.direction:
        return vendor(29, body)
    port = act.PORT_NONE if action.port is None else action.port
    return vendor(41, body + struct.pack("!HB5x", port, action.direction))


def tagged(push: bool) -> bytes:
    """``push_vlan`` where an old action implies it."""
    return standard(17, b"\x81\0") if push else b""


def _instruction_only(action: act.Action) -> bytes:
    raise CodecError(*BAD_ARGUMENT, f"{type(action).__name__} is an instruction, not an action")


ENCODERS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    act.Output: _output,
    act.OutputTruncated: lambda a: vendor(39, struct.pack("!HI", a.port, a.max_len)),
    act.Group: lambda a: standard(22, a.id.to_bytes(4, "big")),
    act.SetQueue: lambda a: standard(21, a.queue.to_bytes(4, "big")),
    act.PopQueue: lambda _: vendor(5, b""),
    act.Resubmit: _resubmit,
    act.SetField: _set_field,
    act.Move: _move,
    act.Controller: _controller,
    act.Conjunction: lambda a: _CONJUNCTION.pack(0xFFFF, 16, NICIRA, 34, a.clause, a.n, a.id),
    act.CtClear: lambda _: vendor(43, b""),
    act.Nat: _nat,
    act.Note: _note,
    act.PushVlan: lambda a: standard(17, a.ethertype.to_bytes(2, "big")),
    act.PopVlan: lambda _: standard(18, b""),
    act.SetVlanVid: lambda a: tagged(a.push) + _set_field(act.SetField(_VLAN_VID, a.vid | 0x1000)),
    act.SetVlanPcp: lambda a: tagged(a.push) + _set_field(act.SetField(_VLAN_PCP, a.pcp)),
    act.Enqueue: lambda a: (
        standard(21, a.queue.to_bytes(4, "big")) + _output(act.Output(a.port)) + vendor(5, b"")
    ),
    act.DecTtl: _dec_ttl,
    act.FinTimeout: lambda a: vendor(19, struct.pack("!HH", a.idle_timeout, a.hard_timeout)),
    act.Exit: lambda _: vendor(17, b""),
    act.Learn: lambda a: vendor(16, a.body),
    act.Sample: _sample,
    act.Unknown: lambda a: a.raw,
    act.Meter: lambda a: standard(29, a.id.to_bytes(4, "big")),
    act.GotoTable: _instruction_only,
    act.WriteMetadata: _instruction_only,
    act.ClearActions: _instruction_only,
    act.WriteActions: _instruction_only,
}


_NESTING: Final[Mapping[type, Callable[[ActionEncoder, Any], bytes]]] = {
    act.OutputField: _output_field,
    act.Push: _stack(27),
    act.Pop: _stack(28),
    act.Ct: _ct,
    act.CheckPktLarger: _check_pkt_larger,
    act.Clone: lambda encoder, a: vendor(42, bytes(6) + encoder.encode(a.actions)),
    act.DeleteField: lambda encoder, a: vendor(
        50, encoder.name(act.Subfield(a.field, 0, 1)).ljust(14, b"\0")
    ),
}
"""Encoders that need the encoder again: for lists within, or for the names that it gives to fields."""


class ActionEncoder:
    """Encodes the actions of one version of OpenFlow; ``changes`` are its differences from 1.5.

    A list is remembered with its bytes.  ``name`` gives the header that names a subfield's field.
    """

    __slots__ = ("_encoders", "_instructions", "_lists", "name", "other_instructions")

    name: Callable[[act.Subfield], bytes]

    def __init__(
        self,
        changes: Mapping[type, Callable[[ActionEncoder, Any], bytes]],
        name: Callable[[act.Subfield], bytes] = subfield_header,
        other_instructions: Mapping[type, Callable[[Any], tuple[int, bytes]]] | None = None,
    ) -> None:
        """``other_instructions`` are actions of 1.5 that stand among the instructions in this version."""
        self.name = name
        self.other_instructions = dict(other_instructions or {})
        self._lists: dict[tuple[act.Action, ...], bytes] = {}
        self._instructions: dict[tuple[act.Action, ...], bytes] = {}
        nesting = {**_NESTING, **changes}
        self._encoders: dict[type, Callable[[Any], bytes]] = {
            **ENCODERS,
            **{kind: partial(encode, self) for kind, encode in nesting.items()},
        }

    def encode(self, actions: tuple[act.Action, ...]) -> bytes:
        """A list of actions; raises ``CodecError`` for what no list can hold."""
        known = self._lists.get(actions)
        if known is None:
            encoders = self._encoders
            known = b"".join([encoders[type(action)](action) for action in actions])
            if len(self._lists) >= _MEMORY_LIMIT:
                self._lists.clear()
            self._lists[actions] = known
        return known

    def encode_instructions(self, actions: tuple[act.Action, ...]) -> bytes:
        """The instructions of a flow; the empty list of actions has none."""
        known = self._instructions.get(actions)
        if known is None:
            known = self._encode_instructions(actions)
            if len(self._instructions) >= _MEMORY_LIMIT:
                self._instructions.clear()
            self._instructions[actions] = known
        return known

    def _encode_instructions(self, actions: tuple[act.Action, ...]) -> bytes:
        apply: list[act.Action] = []
        others: dict[int, bytes] = {}
        for action in actions:
            other = self.other_instructions.get(type(action))
            if other is not None:
                number, body = other(action)
                others[number] = body
                continue
            match action:
                case act.GotoTable(table):
                    others[1] = struct.pack("!HHB3x", 1, 8, table)
                case act.WriteMetadata(value, mask):
                    others[2] = struct.pack("!HH4xQQ", 2, 24, value, mask)
                case act.WriteActions(inner):
                    body = self.encode(inner)
                    others[3] = struct.pack("!HH4x", 3, 8 + len(body)) + body
                case act.ClearActions():
                    others[5] = b"\0\5\0\x08\0\0\0\0"
                case _:
                    apply.append(action)
        out = others.get(6, b"")
        if apply:
            body = self.encode(tuple(apply))
            out += b"\0\4" + (8 + len(body)).to_bytes(2, "big") + b"\0\0\0\0" + body
        # The order in which ovs-actions(7) says instructions run, whatever their order in the flow.
        return out + b"".join([others[kind] for kind in (5, 3, 2, 1) if kind in others])


OF15: Final = ActionEncoder({})
"""OpenFlow 1.5's."""

encode_actions: Final = OF15.encode
encode_instructions: Final = OF15.encode_instructions
