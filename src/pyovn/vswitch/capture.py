"""Packet captures of dummy ports, as files that tcpdump and Wireshark read (the classic pcap format).

An interface's ``options`` name the files, as Open vSwitch's dummy devices have it: ``pcap`` takes both
directions, ``tx_pcap`` what the switch sends, ``rxq_pcap`` what it receives.  Frames are flushed as they
come, so that a test may read the file while the switch runs.  Timestamps are the runtime's wall clock.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

CAPTURE_OPTIONS: Final = frozenset(("pcap", "tx_pcap", "rxq_pcap"))
_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 1)
_RECORD: Final = struct.Struct("<IIII")


class Capture:
    """One file; raises ``OSError`` when it cannot be written."""

    __slots__ = ("_file", "_wall")

    def __init__(self, path: str, wall: Callable[[], float]) -> None:
        self._file: BinaryIO = Path(path).open("wb")  # noqa: SIM115 - it stays open as long as the port
        self._file.write(_HEADER)
        self._file.flush()
        self._wall = wall

    def write(self, frame: bytes) -> None:
        """Append a frame."""
        micros = int(self._wall() * 1e6)
        self._file.write(
            _RECORD.pack(micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame
        )
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PortCaptures:
    """The files of one port."""

    __slots__ = ("_all", "received", "sent")

    def __init__(self, options: Mapping[str, str], wall: Callable[[], float]) -> None:
        self._all: list[Capture] = []
        both = self._open(options.get("pcap"), wall)
        self.sent = both + self._open(options.get("tx_pcap"), wall)
        self.received = both + self._open(options.get("rxq_pcap"), wall)

    def _open(self, path: str | None, wall: Callable[[], float]) -> list[Capture]:
        if not path:
            return []
        self._all.append(Capture(path, wall))
        return [self._all[-1]]

    def close(self) -> None:
        """Close all files."""
        for capture in self._all:
            capture.close()
