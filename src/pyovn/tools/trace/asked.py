"""What a trace is asked for: forms of output, and what to take for given (ovn-trace(8), "Trace Options").

The options stand on the command line, or before the arguments of the daemon's command ``trace``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.explain.tracking import World, contradictions, format_state, parse_state
from pyovn.logical.actions_ct import Backend
from pyovn.logical.lexer import IPV4, IPV6, Constant
from pyovn.tools.ctl.errors import warn

if TYPE_CHECKING:
    from pyovn.daemon.options import CommandLine

FORMS: Final = ("detailed", "summary", "minimal")
MODULE: Final = "ovntrace"
"""The log module of what is doubtful."""

TRACE: Final = (
    opt.Option("detailed", help='table-by-table "backtrace" (default)'),
    opt.Option("summary", help="less detailed, more parseable"),
    opt.Option("minimal", help="minimum to explain externally visible behavior"),
    opt.Option("all", help="provide all forms of output"),
    opt.Option("friendly-names"),
    opt.Option("no-friendly-names", help="do not substitute human friendly names for UUIDs"),
    opt.Option("ct", "", "required", "what connection tracking reports, once for each pass", "STATE,..."),
)
"""Options of one trace, wherever it is asked for."""
DIRECT: Final = (
    opt.Option("lb-dst", "", "required", "the backend that load balancers choose", "IP[:PORT]"),
    opt.Option("select-id", "", "required", "the id that select chooses", "ID"),
    opt.Option("ovs", "", "optional", "show the OpenFlow flows, from REMOTE", "REMOTE"),
)
"""Options that the daemon does not have."""
_DESTINATION: Final = re.compile(
    r"\[(?P<six>[^]]+)\](?P<port6>:\d*)?|(?P<four>[\d.]+)(?P<port4>:\d*)?|(?P<bare>.+)"
)


class QuestionError(ValueError):
    """An option that makes no sense."""


def forms_of(line: CommandLine) -> list[str]:
    """The forms to print, in their fixed order."""
    return [form for form in FORMS if form in line or "all" in line] or ["detailed"]


def friendly_names(line: CommandLine) -> bool:
    """Whether names of a cloud management system are replaced; of contradicting options the last counts."""
    named = [given.name for given in line if given.name.endswith("friendly-names")]
    return not named or named[-1] == "friendly-names"


def world_of(line: CommandLine) -> World:
    """What is given about the world outside the southbound; raises ``QuestionError``."""
    world = World()
    for given in line:
        value = given.value or ""
        if given.name == "ct":
            world.states.append(_state(value))
        elif given.name == "lb-dst":
            world.lb_dst = _destination(value)
        elif given.name == "select-id":
            if re.fullmatch(r"[+-]?\d+", value) is None:
                raise QuestionError(f"{value}: bad select-id")
            world.select = int(value)
    return world


def _state(text: str) -> int:
    try:
        state = parse_state(text)
    except ValueError as error:
        raise QuestionError(str(error)) from None
    wrong = [f"{format_state(state)}: invalid connection state: {text}" for text in contradictions(state)]
    if wrong:
        warn(MODULE, "\n".join(wrong))
    return state


def _destination(text: str) -> Backend:
    found = _DESTINATION.fullmatch(text)
    address = found and (_constant(found["six"] or found["bare"], IPV6) or _constant(found["four"], IPV4))
    if found is None or address is None:
        warn("socket_util", f'{text}: bad IP address "{text}"', "ERR")
        raise QuestionError(f"{text}: bad address")
    digits = (found["port6"] or found["port4"] or ":")[1:]
    port = int(digits or 0)
    if port >> 16:
        warn("socket_util", f'{text}: bad port number "{digits}"', "ERR")
        raise QuestionError(f"{text}: bad address")
    return Backend(address, port)


def _constant(text: str | None, form: str) -> Constant | None:
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    if text is None:
        return None
    try:
        return Constant(int(IPv4Address(text) if form == IPV4 else IPv6Address(text)), form=form)
    except AddressValueError:
        return None
