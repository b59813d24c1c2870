"""``ofproto/trace`` on the control socket: its words; the trace is ``trace``'s.

``[DATAPATH] DP_FLOW`` or ``BRIDGE FLOW``, then perhaps a packet in hexadecimal, which takes the place of
all that the flow says but the input port.  Options may stand anywhere.  ``-generate`` is taken and does
nothing: a flow has too few headers for a packet that would leave the bridge only when some action needs one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.daemon.unixctl import CommandError
from pyovn.vswitch.compose import parse_datapath_flow
from pyovn.vswitch.control_dummy import frame_of
from pyovn.vswitch.flowkey import SLOTS, UnknownFieldError, pack_match
from pyovn.vswitch.packetflow import extract
from pyovn.vswitch.trace import parse_state, trace
from pyovn.wire.openflow.text import parse_match
from pyovn.wire.openflow.text_values import TextError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.vswitch.bridge import Bridge
    from pyovn.vswitch.switch import Switch

USAGE = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]"
_DATAPATH = "ovs-dummy"
_IN_PORT = SLOTS["in_port"]


def trace_command(switch: Switch, args: Sequence[str]) -> str:
    """The text for the words of a command; raises ``CommandError``."""
    words, states, named = _options(args)
    frame = frame_of(words[-1]) if len(words) > 1 else None
    if frame is not None:
        words.pop()
    if len(words) not in {1, 2}:
        raise CommandError("Must specify bridge name and flow, or a datapath flow")
    bridge, key = _origin(switch, words)
    if frame is not None:
        key = extract(frame, key & _IN_PORT.mask)
    return trace(bridge.pipeline, key, len(frame or b""), states or None, named=named)


def _options(args: Sequence[str]) -> tuple[list[str], list[int], bool]:
    words: list[str] = []
    states: list[int] = []
    named = False
    rest = iter(args)
    for word in rest:
        if word == "--ct-next":
            value = next(rest, None)
            if value is None:
                raise CommandError("Missing argument for option --ct-next")
            try:
                states.append(parse_state(value))
            except ValueError as e:
                raise CommandError(str(e)) from None
        elif word == "--names":
            named = True
        elif word.startswith("-") and word not in {"-generate", "--generate"}:
            raise CommandError(f"{word}: unknown option")
        elif not word.startswith("-"):
            words.append(word)
    return words, states, named


def _origin(switch: Switch, words: list[str]) -> tuple[Bridge, int]:
    """The bridge where the packet starts, and its key."""
    text = words[-1]
    if "(" not in text:
        if len(words) == 1:
            raise CommandError(f"syntax error at {text} (or the bridge name was omitted)")
        bridge = switch.bridges.get(words[0])
        if bridge is None:
            raise CommandError(f"{words[0]}: unknown bridge")
        return bridge, _openflow(bridge, text)
    if len(words) == 2 and words[0] != _DATAPATH:
        raise CommandError("Cannot find the datapath")
    try:
        key = parse_datapath_flow(text)
    except (TextError, ValueError, KeyError) as e:
        raise CommandError(f"syntax error at {text}: {e}") from None
    number = _IN_PORT.read(key)
    for bridge in switch.bridges.values():
        for port in bridge.ports.values():
            if port.datapath_number == number != 0:
                return bridge, key & ~_IN_PORT.mask | port.number << _IN_PORT.offset
    raise CommandError("Invalid datapath flow")


def _openflow(bridge: Bridge, text: str) -> int:
    names = {name: port.number for name, port in bridge.ports.items()}
    try:
        return pack_match(parse_match(text, names))[0]
    except (TextError, UnknownFieldError, ValueError, KeyError) as e:
        reason = str(e).replace("unknown keyword", "unknown field")
        raise CommandError(f"Bad openflow flow syntax: {text}: {reason}") from None
