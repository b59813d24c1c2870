"""``netdev-dummy/*`` on the control socket: packets into dummy devices, and their state.

A packet is given in hexadecimal or in the datapath's notation (``compose``); ``--len`` makes one in
notation longer.  A dummy device has one queue, number 0, which is all that ``--qid`` may name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import MANY, CommandError
from pyovn.vswitch.compose import compose, parse_datapath_flow
from pyovn.wire.openflow.text_values import TextError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.vswitch.switch import Switch

    Entry = tuple[str, str, int, int, Callable[[Sequence[str]], str]]

ETHERNET: Final = 14
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_LEADING_NUMBER: Final = re.compile(r"\s*[-+]?\d+")


def frame_of(text: str) -> bytes | None:
    """A frame from hexadecimal digits; None when they are not one, raises ``CommandError`` when too few."""
    if not _HEX.fullmatch(text):
        return None
    if len(text) < 2 * ETHERNET:
        raise CommandError("Packet data too short for Ethernet")
    return bytes.fromhex(text)


class DummyCommands:
    """The commands of one switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def table(self) -> tuple[Entry, ...]:
        """All of them."""
        usage = "name [--qid queue_id] packet|flow [--len packet_len]"
        return (
            ("netdev-dummy/conn-state", "[netdev]", 0, 1, _connection_state),
            ("netdev-dummy/receive", usage, 2, MANY, self.receive),
            ("netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2, self.set_admin_state),
        )

    def receive(self, args: Sequence[str]) -> str:
        """``netdev-dummy/receive``."""
        name, *words = args
        if self.switch.port(name) is None:
            raise CommandError("no such dummy netdev")
        if words[:1] == ["--qid"]:
            if _number(words[1] if len(words) > 1 else "") != 0:
                raise CommandError("bad rx queue id.")
            words = words[2:]
        frames: list[bytes] = []
        while words:
            word = words.pop(0)
            frame = bytes.fromhex(word) if len(word) >= 2 * ETHERNET and _HEX.fullmatch(word) else None
            if frame is None:
                length = 0
                if words[:1] == ["--len"]:
                    length = _number(words[1] if len(words) > 1 else "")
                    if length < ETHERNET:
                        raise CommandError("too small packet len")
                    words = words[2:]
                frame = _from_notation(word, length)
            frames.append(frame)
        for frame in frames:
            self.switch.inject(name, frame)
        return ""

    def set_admin_state(self, args: Sequence[str]) -> str:
        """``netdev-dummy/set-admin-state``."""
        *names, state = args
        if state not in {"up", "down"}:
            raise CommandError("Invalid Admin State")
        for name in names:
            if self.switch.port(name) is None:
                raise CommandError("Unknown Dummy Interface")
        self.switch.set_admin_state(names, up=state == "up")
        return "OK"


def _connection_state(args: Sequence[str]) -> str:
    """``netdev-dummy/conn-state``: no dummy device of ours has a connection to another process."""
    return f"{args[0]}: unknown\n" if args else ""


def _number(text: str) -> int:
    """The number that a word starts with, or 0, as C's programs read it."""
    found = _LEADING_NUMBER.match(text)
    return int(found[0]) if found is not None else 0


def _from_notation(text: str, length: int) -> bytes:
    try:
        frame = compose(parse_datapath_flow(text))
    except (ValueError, KeyError, TextError) as e:
        if "(" not in text:
            raise CommandError(f"syntax error at {text}") from None
        raise CommandError(f"bad flow syntax: {e}") from None
    if length and length < len(frame):
        raise CommandError("too small packet len")
    return frame + bytes(max(0, length - len(frame)))
