"""OFPMP_TABLE_FEATURES: what every table can match and do (OpenFlow 1.3.5 and 1.5.1, "Table Features").

All tables are alike but for the last, from which no ``goto_table`` leads on.  The fields are those that the
switch's flow key has, so the answer cannot promise what a flow would be refused for.  ``ovs-ofctl`` asks for
this before it sends a flow, because flows may name tables.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.program import TABLE_COUNT
from pyovn.wire.openflow.codec_match import header
from pyovn.wire.openflow.fields import ALL_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyovn.wire.openflow.fields import Field

_ALL_BITS: Final = 0xFFFFFFFFFFFFFFFF
_MAX_ENTRIES: Final = 1_000_000
_HEAD: Final = struct.Struct("!HBBI32xQQII")
_GOTO, _WRITE_METADATA, _APPLY = 1, 2, 4
_ACTIONS: Final = (0, 17, 18, 21, 22, 23, 24, 25)
"""output, push_vlan, pop_vlan, set_queue, group, set_nw_ttl, dec_nw_ttl, set_field."""

INSTRUCTIONS, NEXT_TABLES, MATCH, WILDCARDS = 0, 2, 8, 10
ACTIONS: Final = (4, 6)
SET_FIELDS: Final = (12, 14)


def _property(kind: int, body: bytes) -> bytes:
    size = 4 + len(body)
    return struct.pack("!HH", kind, size) + body + bytes(-size & 7)


def _short(numbers: Iterable[int]) -> bytes:
    return b"".join([struct.pack("!HH", number, 4) for number in numbers])


def _fields() -> list[Field]:
    return [field for field in ALL_FIELDS if field.name in SLOTS]


def _headers(fields: Iterable[Field], *, masks: bool) -> bytes:
    return b"".join(
        [
            header(
                f.code, f.nbytes * (2 if masks and f.maskable else 1), masked=masks and f.maskable
            )
            for f in fields
            if f.form != "metadata"
        ]
    )  # fmt: skip


@lru_cache(maxsize=2)
def _same_everywhere() -> bytes:
    """The properties that all tables share."""
    fields = _fields()
    settable = [field for field in fields if field.writable]
    return b"".join(
        [
            *[_property(kind, _short(_ACTIONS)) for kind in ACTIONS],
            *[_property(kind, _headers(settable, masks=False)) for kind in SET_FIELDS],
            _property(MATCH, _headers(fields, masks=True)),
            _property(WILDCARDS, _headers(fields, masks=False)),
        ]
    )


def table_features(limit: int) -> Iterator[bytes]:
    """The bodies of the messages that it takes, each of at most ``limit`` bytes."""
    segment: list[bytes] = []
    size = 0
    for number in range(TABLE_COUNT):
        entry = _entry(number)
        if size + len(entry) > limit:
            yield b"".join(segment)
            segment, size = [], 0
        segment.append(entry)
        size += len(entry)
    yield b"".join(segment)


def _entry(number: int) -> bytes:
    later = range(number + 1, TABLE_COUNT)
    instructions = [_WRITE_METADATA, _APPLY]
    if later:
        instructions.insert(0, _GOTO)
    properties = _property(INSTRUCTIONS, _short(instructions)) + _property(NEXT_TABLES, bytes(later))
    body = properties + _same_everywhere()
    return _HEAD.pack(_HEAD.size + len(body), number, 0, 0, _ALL_BITS, _ALL_BITS, 0, _MAX_ENTRIES) + body
