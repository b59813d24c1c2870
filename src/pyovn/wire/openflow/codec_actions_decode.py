"""Bytes to actions and instructions: the inverse of ``codec_actions``.

Besides what we send, this reads what other controllers send for the same: NXAST_RESUBMIT,
NXAST_REG_MOVE, NXAST_REG_LOAD, OFPAT_SET_NW_TTL.  An action of unknown type becomes ``Unknown`` with
its bytes: a switch refuses it, a controller can still compare and delete the flow.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.codec_actions import NICIRA
from pyovn.wire.openflow.codec_match import decode_subfield_header, decode_value, narrow_port
from pyovn.wire.openflow.errors import (
    BAD_ACTION_LEN,
    BAD_ARGUMENT,
    BAD_INSTRUCTION_LEN,
    UNKNOWN_INSTRUCTION,
    CodecError,
)
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Decoder = Callable[[bytes], act.Action]

_MEMORY_LIMIT: Final = 1 << 15

_H: Final = struct.Struct("!H")
_I: Final = struct.Struct("!I")
_TUN_ID: Final = FIELDS["tun_id"]
_NW_TTL: Final = FIELDS["nw_ttl"]
_IN_PORT_OXM: Final = FIELDS["in_port_oxm"]


def _subfield(data: bytes, offset: int, ofs: int, bits: int) -> act.Subfield:
    field, _ = decode_subfield_header(data, offset)
    return _checked(act.Subfield(field, ofs, bits))


def _checked(sub: act.Subfield) -> act.Subfield:
    if sub.bits < 1 or sub.ofs + sub.bits > sub.field.bits:
        raise CodecError(*BAD_ARGUMENT, f"bits {sub.ofs}+{sub.bits} do not fit {sub.field.name}")
    return sub


def _packed_subfield(data: bytes, offset: int, packed: int) -> act.Subfield:
    return _subfield(data, offset, packed >> 6, (packed & 63) + 1)


def _output(data: bytes) -> act.Action:
    port, limit = struct.unpack_from("!IH", data, 4)
    return act.Output(narrow_port(port), limit)


def _set_field(data: bytes) -> act.Action:
    field, value, mask, _ = decode_value(data, 4)
    if field is _IN_PORT_OXM:
        field, value = FIELDS["in_port"], narrow_port(value)
    return act.SetField(field, value, None if mask == field.full else mask)


def _copy_field(data: bytes) -> act.Action:
    bits, src_ofs, dst_ofs = struct.unpack_from("!HHH", data, 4)
    source, offset = decode_subfield_header(data, 12)
    destination, _ = decode_subfield_header(data, offset)
    return act.Move(
        _checked(act.Subfield(source, src_ofs, bits)), _checked(act.Subfield(destination, dst_ofs, bits))
    )


def _reg_move(data: bytes) -> act.Action:
    bits, src_ofs, dst_ofs = struct.unpack_from("!HHH", data, 10)
    source, offset = decode_subfield_header(data, 16)
    destination, _ = decode_subfield_header(data, offset)
    return act.Move(
        _checked(act.Subfield(source, src_ofs, bits)), _checked(act.Subfield(destination, dst_ofs, bits))
    )


def _reg_load(data: bytes) -> act.Action:
    (packed,) = _H.unpack_from(data, 10)
    sub = _packed_subfield(data, 12, packed)
    return act.load(int.from_bytes(data[16:24], "big"), sub)


def _reg_load2(data: bytes) -> act.Action:
    field, value, mask, _ = decode_value(data, 16)
    return act.SetField(field, value, None if mask == field.full else mask)


def _resubmit(data: bytes) -> act.Action:
    (port,) = _H.unpack_from(data, 10)
    return act.Resubmit(None, None if port == act.PORT_IN_PORT else port)


def _resubmit_table(with_ct: bool) -> Decoder:
    def decode(data: bytes) -> act.Action:
        port, table = struct.unpack_from("!HB", data, 10)
        return act.Resubmit(
            None if table == 0xFF else table, None if port == act.PORT_IN_PORT else port, with_ct
        )

    return decode


def _stack(data: bytes) -> act.Subfield:
    (ofs,) = _H.unpack_from(data, 10)
    field, offset = decode_subfield_header(data, 12)
    return _checked(act.Subfield(field, ofs, _H.unpack_from(data, offset)[0]))


def _output_reg(data: bytes) -> act.Action:
    (packed,) = _H.unpack_from(data, 10)
    sub = _packed_subfield(data, 12, packed)
    (limit,) = _H.unpack_from(data, 16)
    return act.OutputField(sub, 0 if limit == 0xFFFF else limit)


def _output_reg2(data: bytes) -> act.Action:
    packed, limit = struct.unpack_from("!HH", data, 10)
    return act.OutputField(_packed_subfield(data, 14, packed), 0 if limit == 0xFFFF else limit)


def _controller(data: bytes) -> act.Action:
    limit, ident, reason = struct.unpack_from("!HHB", data, 10)
    return act.Controller(limit, b"", ident, reason)


def _controller2(data: bytes) -> act.Action:
    limit, ident, reason, userdata, pause, meter = 0xFFFF, 0, act.REASON_ACTION, b"", False, None
    offset = 16
    while offset < len(data):
        kind, size = struct.unpack_from("!HH", data, offset)
        value = data[offset + 4 : offset + size]
        if size < 4 or len(value) != size - 4:
            raise CodecError(*BAD_ACTION_LEN, "a property of controller is cut short")
        if kind == 0:
            (limit,) = _H.unpack_from(value)
        elif kind == 1:
            (ident,) = _H.unpack_from(value)
        elif kind == 2:
            reason = value[0]
        elif kind == 3:
            userdata = value
        elif kind == 4:
            pause = True
        elif kind == 5:
            (meter,) = _I.unpack(value)
        else:
            raise CodecError(*BAD_ARGUMENT, f"property {kind} of controller is unknown")
        offset += size + (-size & 7)
    return act.Controller(limit, userdata, ident, reason, pause, meter)


def _nat(data: bytes) -> act.Nat:
    flags, present = struct.unpack_from("!HH", data, 12)
    offset = 16
    values: list[int | None] = []
    for bit, size in enumerate((4, 4, 16, 16, 2, 2)):
        if present >> bit & 1:
            if offset + size > len(data):
                raise CodecError(*BAD_ACTION_LEN, "a nat range is cut short")
            values.append(int.from_bytes(data[offset : offset + size], "big"))
            offset += size
        else:
            values.append(None)
    version = 4 if present & 3 else 6 if present & 12 else 0
    low, high = (values[2], values[3]) if version == 6 else (values[0], values[1])
    return act.Nat(flags, version, low, high, values[4], values[5])


def _ct(decoder: ActionDecoder, data: bytes) -> act.Action:
    flags, source, immediate, table, alg = struct.unpack_from("!HIHB3xH", data, 10)
    zone = _packed_subfield(data, 12, immediate) if source else immediate
    nat: act.Nat | None = None
    inner: list[act.Action] = []
    for action in decoder.decode(data[24:]):
        if isinstance(action, act.Nat):
            nat = action
        else:
            inner.append(action)
    return act.Ct(
        bool(flags & 1), bool(flags & 2), None if table == 0xFF else table, zone, nat, tuple(inner), alg
    )


def _dec_ttl_ids(data: bytes) -> act.Action:
    (count,) = _H.unpack_from(data, 10)
    return act.DecTtl(struct.unpack_from(f"!{count}H", data, 16))


def _check_pkt_larger(data: bytes) -> act.Action:
    length, ofs = struct.unpack_from("!HH", data, 10)
    return act.CheckPktLarger(length, _subfield(data, 14, ofs, 1))


def _delete_field(data: bytes) -> act.Action:
    return act.DeleteField(decode_subfield_header(data, 10)[0])


def _sample(*, port: bool, direction: bool) -> Decoder:
    def decode(data: bytes) -> act.Action:
        probability, collectors, domain, point = struct.unpack_from("!HIII", data, 10)
        number, way = (*struct.unpack_from("!HB", data, 24),) if port else (None, 0)
        return act.Sample(
            probability, collectors, domain, point, None if number == act.PORT_NONE else number,
            way if direction else 0,
        )  # fmt: skip

    return decode


STANDARD: Final[Mapping[int, Decoder]] = {
    0: _output,
    17: lambda data: act.PushVlan(_H.unpack_from(data, 4)[0]),
    18: lambda _: act.PopVlan(),
    21: lambda data: act.SetQueue(_I.unpack_from(data, 4)[0]),
    22: lambda data: act.Group(_I.unpack_from(data, 4)[0]),
    23: lambda data: act.SetField(_NW_TTL, data[4]),
    24: lambda _: act.DecTtl(),
    25: _set_field,
    28: _copy_field,
    29: lambda data: act.Meter(_I.unpack_from(data, 4)[0]),
}
VENDOR: Final[Mapping[int, Decoder]] = {
    1: _resubmit,
    2: lambda data: act.SetField(_TUN_ID, _I.unpack_from(data, 12)[0]),
    4: lambda data: act.SetQueue(_I.unpack_from(data, 12)[0]),
    5: lambda _: act.PopQueue(),
    6: _reg_move,
    7: _reg_load,
    8: lambda data: act.Note(data[10:]),
    9: lambda data: act.SetField(_TUN_ID, struct.unpack_from("!Q", data, 16)[0]),
    14: _resubmit_table(with_ct=False),
    15: _output_reg,
    16: lambda data: act.Learn(data[10:]),
    17: lambda _: act.Exit(),
    18: lambda _: act.DecTtl(),
    19: lambda data: act.FinTimeout(*struct.unpack_from("!HH", data, 10)),
    20: _controller,
    21: _dec_ttl_ids,
    22: lambda data: act.WriteMetadata(*struct.unpack_from("!QQ", data, 16)),
    27: lambda data: act.Push(_stack(data)),
    28: lambda data: act.Pop(_stack(data)),
    29: _sample(port=False, direction=False),
    32: _output_reg2,
    33: _reg_load2,
    34: lambda data: act.Conjunction(_I.unpack_from(data, 12)[0], data[10], data[11]),
    36: _nat,
    37: _controller2,
    38: _sample(port=True, direction=False),
    39: lambda data: act.OutputTruncated(*struct.unpack_from("!HI", data, 10)),
    40: lambda data: act.Group(_I.unpack_from(data, 12)[0]),
    41: _sample(port=True, direction=True),
    43: lambda _: act.CtClear(),
    44: _resubmit_table(with_ct=True),
    49: _check_pkt_larger,
    50: _delete_field,
}


_NESTING: Final[Mapping[int, Callable[[ActionDecoder, bytes], act.Action]]] = {
    35: _ct,
    42: lambda decoder, data: act.Clone(decoder.decode(data[16:])),
}


class ActionDecoder:
    """Decodes the actions of one version: ``standard`` numbers them, vendor actions are the same in all.

    Lists are remembered by their bytes.
    """

    __slots__ = ("_instructions", "_lists", "_standard", "_vendor")

    def __init__(self, standard: Mapping[int, Decoder]) -> None:
        self._standard = dict(standard)
        self._vendor: dict[int, Decoder] = {
            **VENDOR,
            **{kind: partial(decode, self) for kind, decode in _NESTING.items()},
        }
        self._lists: dict[bytes, tuple[act.Action, ...]] = {}
        self._instructions: dict[bytes, tuple[act.Action, ...]] = {}

    def _decode_one(self, data: bytes) -> act.Action:
        kind = data[0] << 8 | data[1]
        if kind != 0xFFFF:
            decoder = self._standard.get(kind)
        elif len(data) >= 16 and _I.unpack_from(data, 4)[0] == NICIRA:
            decoder = self._vendor.get(data[8] << 8 | data[9])
        else:
            decoder = None
        return act.Unknown(data) if decoder is None else decoder(data)

    def decode(self, data: bytes) -> tuple[act.Action, ...]:
        """A list of actions; raises ``CodecError``.

        Also ``struct.error`` and ``IndexError`` for one cut short and ``RecursionError`` for one nested
        too deep; ``codec.decode`` makes a ``CodecError`` of them.
        """
        known = self._lists.get(data)
        if known is None:
            known = self._decode_list(data)
            if len(self._lists) >= _MEMORY_LIMIT:
                self._lists.clear()
            self._lists[data] = known
        return known

    def _decode_list(self, data: bytes) -> tuple[act.Action, ...]:
        actions: list[act.Action] = []
        offset, end = 0, len(data)
        while offset < end:
            size = data[offset + 2] << 8 | data[offset + 3]
            if size < 8 or size & 7 or offset + size > end:
                raise CodecError(*BAD_ACTION_LEN, f"an action of {size} bytes where {end - offset} are left")
            actions.append(self._decode_one(data[offset : offset + size]))
            offset += size
        return tuple(actions)

    def decode_instructions(self, data: bytes) -> tuple[act.Action, ...]:
        """The instructions of a flow as one list of actions, apply_actions first."""
        known = self._instructions.get(data)
        if known is None:
            known = self._decode_instructions(data)
            if len(self._instructions) >= _MEMORY_LIMIT:
                self._instructions.clear()
            self._instructions[data] = known
        return known

    def _decode_instructions(self, data: bytes) -> tuple[act.Action, ...]:
        found: dict[int, tuple[act.Action, ...]] = {}
        offset, end = 0, len(data)
        while offset < end:
            kind = data[offset] << 8 | data[offset + 1]
            size = data[offset + 2] << 8 | data[offset + 3]
            if size < 8 or size & 7 or offset + size > end:
                raise CodecError(
                    *BAD_INSTRUCTION_LEN, f"an instruction of {size} bytes, {end - offset} are left"
                )
            if kind in (3, 4):
                inner = self.decode(data[offset + 8 : offset + size])
                found[kind] = inner if kind == 4 else (act.WriteActions(inner),)
            elif kind in _INSTRUCTIONS:
                found[kind] = (_INSTRUCTIONS[kind](data[offset : offset + size]),)
            else:
                raise CodecError(*UNKNOWN_INSTRUCTION, f"instruction {kind} is unknown")
            offset += size
        return tuple([action for kind in (6, 4, 5, 3, 2, 1) for action in found.get(kind, ())])


_INSTRUCTIONS: Final[Mapping[int, Decoder]] = {
    1: lambda data: act.GotoTable(data[4]),
    2: lambda data: act.WriteMetadata(*struct.unpack_from("!QQ", data, 8)),
    5: lambda _: act.ClearActions(),
    6: lambda data: act.Meter(_I.unpack_from(data, 4)[0]),
}

OF15: Final = ActionDecoder(STANDARD)
"""OpenFlow 1.5's."""

decode_actions: Final = OF15.decode
decode_instructions: Final = OF15.decode_instructions
