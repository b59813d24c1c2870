"""The frame at each hop as a capture file that Wireshark reads: pcapng, one interface per place.

Where a tunnel is crossed the frame is there twice: as the switch sent it, and with its outer headers as it is
on the wire.  Times are the number of the hop in microseconds: nothing was really sent.

Format: draft-ietf-opsawg-pcapng; blocks 4.1 (section), 4.2 (interface), 4.3 (packet).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.explain.model import Hop

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ORDER: Final = 0x1A2B3C4D
_ETHERNET: Final = 1
_IF_NAME, _COMMENT = 2, 1


def pcapng(hops: Iterable[Hop]) -> bytes:
    """The bytes of a capture."""
    frames: list[tuple[str, str, bytes]] = []
    for hop in hops:
        direction = "comes in" if hop.direction == "in" else "goes out"
        frames.append(
            (f"{hop.place}/{hop.interface}", f"{direction} by {hop.interface} of {hop.place}", hop.frame)
        )
        if hop.wire:
            frames.append((f"{hop.place}/underlay", f"as {hop.place} sends it on the underlay", hop.wire))
    names = list(dict.fromkeys(name for name, _comment, _frame in frames))
    out = [_block(_SECTION, struct.pack("<IHHq", _ORDER, 1, 0, -1))]
    for name in names:
        head = struct.pack("<HHI", _ETHERNET, 0, 0)
        out.append(_block(_INTERFACE, head + _option(_IF_NAME, name) + _option(0, "")))
    for number, (name, comment, frame) in enumerate(frames):
        head = struct.pack("<IIIII", names.index(name), 0, number, len(frame), len(frame))
        out.append(_block(_PACKET, head + _padded(frame) + _option(_COMMENT, comment) + _option(0, "")))
    return b"".join(out)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, text: str) -> bytes:
    data = text.encode()
    return struct.pack("<HH", code, len(data)) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
