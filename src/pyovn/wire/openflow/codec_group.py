"""Groups and meters on the wire (OpenFlow 1.5.1, sections 7.3.4.3, 7.3.4.5, 7.3.5.6 and following).

The selection method of a select group travels in Open vSwitch's property of experimenter 0x154d.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import codec_actions, codec_actions_decode
from pyovn.wire.openflow.codec_match import decode_subfield_header, header, narrow_port, wide_port
from pyovn.wire.openflow.errors import BAD_ARGUMENT, BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.messages import GroupMod, MeterMod
from pyovn.wire.openflow.multiparts import Bucket, GroupEntry, GroupStats, MeterBand, MeterEntry

if TYPE_CHECKING:
    from pyovn.wire.openflow.codec_actions import ActionEncoder
    from pyovn.wire.openflow.codec_actions_decode import ActionDecoder

_NTR: Final = 0x0000154D
_PROPERTY: Final = struct.Struct("!HH")
_SECOND: Final = 1_000_000_000


def properties(data: bytes) -> list[tuple[int, bytes]]:
    """(type, value) of the property TLVs that fill ``data``; each is padded to 8 bytes."""
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(data):
        kind, size = _PROPERTY.unpack_from(data, offset)
        if size < 4 or offset + size > len(data):
            raise CodecError(*BAD_REQUEST_LEN, f"a property of {size} bytes")
        found.append((kind, data[offset + 4 : offset + size]))
        offset += size + (-size & 7)
    return found


def encode_property(kind: int, value: bytes) -> bytes:
    """One property TLV with its padding, which its length does not count."""
    size = 4 + len(value)
    return _PROPERTY.pack(kind, size) + value + bytes(-size & 7)


def _encode_bucket(bucket: Bucket, encoder: ActionEncoder) -> bytes:
    actions = encoder.encode(bucket.actions)
    tail = b""
    if bucket.weight is not None:
        tail += struct.pack("!HHH2x", 0, 8, bucket.weight)
    if bucket.watch_port is not None:
        tail += struct.pack("!HHI", 1, 8, wide_port(bucket.watch_port))
    if bucket.watch_group is not None:
        tail += struct.pack("!HHI", 2, 8, bucket.watch_group)
    size = 8 + len(actions) + len(tail)
    return struct.pack("!HHI", size, len(actions), bucket.id) + actions + tail


def _decode_buckets(data: bytes, decoder: ActionDecoder) -> tuple[Bucket, ...]:
    buckets: list[Bucket] = []
    offset = 0
    while offset < len(data):
        size, length, ident = struct.unpack_from("!HHI", data, offset)
        if size < 8 + length or offset + size > len(data):
            raise CodecError(*BAD_REQUEST_LEN, f"a bucket of {size} bytes")
        start = offset + 8
        actions = decoder.decode(data[start : start + length])
        weight = watch_port = watch_group = None
        for kind, value in properties(data[start + length : offset + size]):
            if kind == 0:
                (weight,) = struct.unpack_from("!H", value)
            elif kind == 1:
                watch_port = narrow_port(struct.unpack("!I", value)[0])
            elif kind == 2:
                (watch_group,) = struct.unpack("!I", value)
        buckets.append(Bucket(actions, ident, weight, watch_port, watch_group))
        offset += size
    return tuple(buckets)


def _encode_method(group: GroupEntry) -> bytes:
    if not group.selection_method:
        return b""
    value = struct.pack("!II4x16sQ", _NTR, 1, group.selection_method.encode(), group.selection_parameter)
    for name, mask in group.fields:
        field = FIELDS[name]
        value += header(field.code, field.nbytes) + mask.to_bytes(field.nbytes, "big")
    return encode_property(0xFFFF, value)


def _decode_method(data: bytes) -> tuple[str, int, tuple[tuple[str, int], ...]]:
    for kind, value in properties(data):
        if kind != 0xFFFF:
            continue
        vendor, subtype, method, parameter = struct.unpack_from("!II4x16sQ", value)
        if (vendor, subtype) != (_NTR, 1):
            raise CodecError(*BAD_ARGUMENT, f"group property {vendor:#x}/{subtype} is unknown")
        fields: list[tuple[str, int]] = []
        offset = 36
        while offset < len(value):
            field, offset = decode_subfield_header(value, offset)
            fields.append((field.name, int.from_bytes(value[offset : offset + field.nbytes], "big")))
            offset += field.nbytes
        return method.rstrip(b"\0").decode("utf-8", "replace"), parameter, tuple(fields)
    return "", 0, ()


def _entry(ident: int, kind: int, buckets: bytes, tail: bytes, decoder: ActionDecoder) -> GroupEntry:
    return GroupEntry(ident, kind, _decode_buckets(buckets, decoder), *_decode_method(tail))


def encode_group_mod(mod: GroupMod, encoder: ActionEncoder = codec_actions.OF15) -> bytes:
    """Body of OFPT_GROUP_MOD."""
    group = mod.group
    buckets = b"".join([_encode_bucket(bucket, encoder) for bucket in group.buckets])
    head = struct.pack("!HBxIH2xI", mod.command, group.type, group.id, len(buckets), mod.bucket_id)
    return head + buckets + _encode_method(group)


def decode_group_mod(body: bytes, decoder: ActionDecoder = codec_actions_decode.OF15) -> GroupMod:
    """Body of OFPT_GROUP_MOD."""
    command, kind, ident, size, bucket = struct.unpack_from("!HBxIH2xI", body)
    if 16 + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "the buckets of a group are cut short")
    return GroupMod(command, _entry(ident, kind, body[16 : 16 + size], body[16 + size :], decoder), bucket)


def encode_group_desc(group: GroupEntry, encoder: ActionEncoder = codec_actions.OF15) -> bytes:
    """One entry of OFPMP_GROUP_DESC."""
    buckets = b"".join([_encode_bucket(bucket, encoder) for bucket in group.buckets])
    tail = _encode_method(group)
    size = 16 + len(buckets) + len(tail)
    return struct.pack("!HBxIH6x", size, group.type, group.id, len(buckets)) + buckets + tail


def decode_group_desc(data: bytes, decoder: ActionDecoder = codec_actions_decode.OF15) -> GroupEntry:
    """One entry of OFPMP_GROUP_DESC."""
    _, kind, ident, size = struct.unpack_from("!HBxIH", data)
    if 16 + size > len(data):
        raise CodecError(*BAD_REQUEST_LEN, "the buckets of a group are cut short")
    return _entry(ident, kind, data[16 : 16 + size], data[16 + size :], decoder)


def encode_group_stats(stats: GroupStats) -> bytes:
    """One entry of OFPMP_GROUP_STATS."""
    seconds, rest = divmod(stats.duration, _SECOND)
    buckets = b"".join([struct.pack("!QQ", *bucket) for bucket in stats.buckets])
    return (
        struct.pack(
            "!H2xII4xQQII", 40 + len(buckets), stats.group, stats.ref_count, stats.packets, stats.bytes,
            seconds, rest,
        )
        + buckets
    )  # fmt: skip


def decode_group_stats(data: bytes) -> GroupStats:
    """One entry of OFPMP_GROUP_STATS."""
    _, ident, references, packets, octets, seconds, rest = struct.unpack_from("!H2xII4xQQII", data)
    buckets = tuple(struct.iter_unpack("!QQ", data[40:]))
    return GroupStats(ident, references, packets, octets, seconds * _SECOND + rest, buckets)


def _encode_bands(meter: MeterEntry) -> bytes:
    return b"".join([struct.pack("!HHIIB3x", b.type, 16, b.rate, b.burst, b.level) for b in meter.bands])


def _decode_bands(data: bytes) -> tuple[MeterBand, ...]:
    bands = struct.iter_unpack("!HHIIB3x", data)
    return tuple([MeterBand(kind, rate, burst, level) for kind, _, rate, burst, level in bands])


def encode_meter_mod(mod: MeterMod) -> bytes:
    """Body of OFPT_METER_MOD."""
    return struct.pack("!HHI", mod.command, mod.meter.flags, mod.meter.id) + _encode_bands(mod.meter)


def decode_meter_mod(body: bytes) -> MeterMod:
    """Body of OFPT_METER_MOD."""
    command, flags, ident = struct.unpack_from("!HHI", body)
    return MeterMod(command, MeterEntry(ident, flags, _decode_bands(body[8:])))


def encode_meter_desc(meter: MeterEntry) -> bytes:
    """One entry of OFPMP_METER_DESC."""
    bands = _encode_bands(meter)
    return struct.pack("!HHI", 8 + len(bands), meter.flags, meter.id) + bands


def decode_meter_desc(data: bytes) -> MeterEntry:
    """One entry of OFPMP_METER_DESC."""
    _, flags, ident = struct.unpack_from("!HHI", data)
    return MeterEntry(ident, flags, _decode_bands(data[8:]))
