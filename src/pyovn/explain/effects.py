"""What each logical action does to the packet of a trace, and what the trace says of it.

``EFFECTS`` has one function per kind of action; an action that is not in it changes neither the packet nor
its way (``set_queue``, ``igmp``, ``put_fdb``, ``ct_commit`` ...: ovn-trace(8), "STATEFUL ACTIONS").
Families with more to say have modules of their own: ``lookups``, ``replies``, ``tracking``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.explain.microflow import format_microflow
from pyovn.explain.report import Kind, Node
from pyovn.logical import actions_field, actions_flow, actions_report, actions_unserved
from pyovn.logical.ast import PortName
from pyovn.logical.evaluate import read_field, write_field
from pyovn.logical.lexer import DECIMAL, IPV4, IPV6, MAC, format_integer
from pyovn.ovn.keys import NO_PORT, NO_PORT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.microflow import Microflow
    from pyovn.explain.simulation import Walk
    from pyovn.logical.ast import FieldRef


class Place(NamedTuple):
    """Where an action is executed: ``packet`` is changed in place, ``node`` takes what is said."""

    walk: Walk
    packet: Microflow
    table: int
    node: Node
    stack: list[int]
    """What ``push`` of the same flow has put down."""

    def fork(self, kind: Kind, text: str) -> Place:
        """A copy of the packet on a way of its own, below a node of ``kind``."""
        return Place(self.walk, dict(self.packet), self.table, self.node.add(kind, text), [])


Effect = "Callable[[Place, Any], None]"

_LOGICAL: Final = frozenset(("xxreg0", "xxreg1", "xreg4", "reg10", "reg14", "reg15", "ct_mark", "ct_label"))
"""Fields that are not of the packet itself: the minimal form does not tell of their changes."""
_NOWHERE: Final = frozenset(("", NO_PORT_NAME))
_FORMS: Final = {
    **dict.fromkeys(("eth.src", "eth.dst", "arp.sha", "arp.tha", "nd.sll", "nd.tll"), MAC),
    **dict.fromkeys(("ip4.src", "ip4.dst", "arp.spa", "arp.tpa"), IPV4),
    **dict.fromkeys(("ip6.src", "ip6.dst", "nd.target"), IPV6),
    **dict.fromkeys(("ip.proto", "ip.ttl", "ip.dscp", "ip.ecn", "arp.op"), DECIMAL),
    **dict.fromkeys(("icmp4.type", "icmp4.code", "icmp6.type", "icmp6.code"), DECIMAL),
    **dict.fromkeys(
        (f"{protocol}.{end}" for protocol in ("tcp", "udp", "sctp") for end in ("src", "dst")), DECIMAL
    ),
}
"""How a whole field is printed; other fields, and some bits of a field, in hexadecimal."""


def _tell(place: Place, target: FieldRef, text: str) -> None:
    """Tell the minimal form about a change of the packet itself."""
    if target.symbol.base not in _LOGICAL:
        place.node.add(Kind.MODIFY, text)


def _tell_copy(place: Place, target: FieldRef, source: FieldRef) -> None:
    """The value that was copied, printed as that of the field that it comes from."""
    value, form = read_field(place.packet, target), _FORMS.get(source.symbol.name)
    whole = form is not None and source.width == source.symbol.width
    _tell(place, target, f"{target} = {format_integer(value, form or '') if whole else _hex(value)}")


def _set_constant(place: Place, action: actions_field.SetConstant) -> None:
    target, value, packet = action.target, action.value, place.packet
    if isinstance(value, PortName):
        key = NO_PORT if value.name in _NOWHERE else place.walk.key_of(value.name)
        write_field(packet, target, key or NO_PORT)
        return
    if value.mask is None:
        write_field(packet, target, value.value)
    else:
        write_field(packet, target, read_field(packet, target) & ~value.mask | value.value)
    _tell(place, target, str(action).rstrip(";"))


def _move(place: Place, action: actions_field.MoveField) -> None:
    write_field(place.packet, action.target, read_field(place.packet, action.source))
    _tell_copy(place, action.target, action.source)


def _exchange(place: Place, action: actions_field.Exchange) -> None:
    left, right, packet = action.left, action.right, place.packet
    old = read_field(packet, left), read_field(packet, right)
    write_field(packet, left, old[1])
    write_field(packet, right, old[0])
    _tell_copy(place, left, right)
    _tell_copy(place, right, left)


def _hex(value: int) -> str:
    return f"{value:#x}" if value else "0"


def _push(place: Place, action: actions_field.PushField) -> None:
    value = read_field(place.packet, action.source)
    place.stack.append(value)
    place.node.add(Kind.MODIFY, f"push({action.source}) -> {_hex(value)}")


def _pop(place: Place, action: actions_field.PopField) -> None:
    if not place.stack:
        place.node.add(Kind.MODIFY, f"pop({action.target}) <- /* empty stack */")
        return
    value = place.stack.pop()
    write_field(place.packet, action.target, value & (1 << action.target.width) - 1)
    place.node.add(Kind.MODIFY, f"pop({action.target}) <- {_hex(value)}")


def _decrement_ttl(place: Place, _action: actions_field.DecrementTtl) -> None:
    ttl = place.packet.get("nw_ttl", 0)
    if ttl == 0:
        place.node.add(Kind.ERROR, "TTL underflow")
        return
    place.packet["nw_ttl"] = ttl - 1
    place.node.add(Kind.MODIFY, "ip.ttl--")


def _next(place: Place, action: actions_flow.Next) -> None:
    target = place.table + 1 if action.table is None else action.table
    place.walk.go(place.packet, target, action.pipeline, place.node)


def _output(place: Place, _action: actions_flow.Output) -> None:
    place.walk.output(place.packet, place.node)


def _clone(place: Place, action: actions_flow.Clone) -> None:
    place.walk.execute(action.actions, place.fork(Kind.TRANSFORMATION, "clone"))


def _log(place: Place, action: actions_report.Log) -> None:
    direction = "IN" if place.walk.is_ingress else "OUT"
    said = f"LOG: ACL name={action.name or '<unnamed>'}, direction={direction}, verdict={action.verdict}"
    packet = format_microflow(place.packet)
    place.node.add(Kind.TRANSFORMATION, f'{said}, severity={action.severity}, packet="{packet}"')


def _dns_lookup(place: Place, action: actions_report.DnsLookup) -> None:
    """No answer, as if no name were known."""
    place.node.add(Kind.ERROR, "dns_lookup action not implemented")
    write_field(place.packet, action.result, 0)


def _put_options(place: Place, action: actions_unserved.PutOptions) -> None:
    """As if the packet were the request that the options answer."""
    place.node.add(Kind.REMARK, "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */")
    place.node.add(Kind.MODIFY, str(action).partition(" = ")[2].rstrip(";"))
    write_field(place.packet, action.result, 1)


def _unserved(place: Place, action: actions_unserved.Unserved) -> None:
    """Most of them change nothing that a trace knows of."""
    if action.name in actions_unserved.OVN_FIELDS:
        place.node.add(Kind.MODIFY, action.text.rstrip(";"))


EFFECTS: Final[dict[type, Callable[[Place, Any], None]]] = {
    actions_field.SetConstant: _set_constant,
    actions_field.MoveField: _move,
    actions_field.Exchange: _exchange,
    actions_field.PushField: _push,
    actions_field.PopField: _pop,
    actions_field.DecrementTtl: _decrement_ttl,
    actions_flow.Next: _next,
    actions_flow.Output: _output,
    actions_flow.Clone: _clone,
    actions_report.Log: _log,
    actions_report.DnsLookup: _dns_lookup,
    actions_unserved.PutOptions: _put_options,
    actions_unserved.Unserved: _unserved,
}
