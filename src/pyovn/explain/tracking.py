"""Connection tracking, and other choices that a trace has to make.

Nobody remembers connections here, so the user says what is known of them.
Each pass through the tracker takes the next of the states given with ``--ct``; when there are none left,
connections are tracked and established.  A pass forks: the copy that was tracked goes on in the next
table, the packet itself continues after the action (ovn-trace(8), "STATEFUL ACTIONS").
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyovn.explain.report import Kind
from pyovn.logical import actions_ct, actions_nat, actions_unserved
from pyovn.logical.evaluate import write_field
from pyovn.logical.lexer import IPV4, IPV6, format_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.effects import Place
    from pyovn.explain.microflow import Microflow
    from pyovn.logical.actions_ct import Backend

CT_STATES: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
"""Bits of ct_state, lowest first (ovs-fields(7))."""
_BIT: Final = {name: 1 << number for number, name in enumerate(CT_STATES)}
TRACKED: Final = _BIT["trk"]
DEFAULT: Final = TRACKED | _BIT["est"]
_DEFAULTED: Final = " /* default (use --ct to customize) */"
_REMEMBERED: Final = ("ct_state", "ct_mark", "ct_label")


def _is_named(backend: Backend, wanted: Backend) -> bool:
    """Whether ``--lb-dst`` names this backend: address and port, as both are written."""
    return backend.address.value == wanted.address.value and backend.port == wanted.port


@dataclass(slots=True)
class World:
    """What a trace takes for given about everything outside the southbound."""

    states: list[int] = field(default_factory=list)
    """ct_state of the passes through the tracker, in their order; each is used up."""
    lb_dst: Backend | None = None
    select: int | None = None
    chance: random.Random = field(default_factory=random.Random)

    def next_state(self) -> tuple[int, str]:
        """The state of the next connection, and a remark when nobody gave it."""
        return (self.states.pop(0), "") if self.states else (DEFAULT, _DEFAULTED)


def format_state(state: int) -> str:
    """As ``new|trk``."""
    return "|".join(name for name in CT_STATES if state & _BIT[name])


def parse_state(text: str) -> int:
    """The flags of ``--ct``, which always include trk; ``ValueError`` names one that is unknown."""
    state = TRACKED
    for word in text.replace(",", " ").split():
        if word not in _BIT:
            raise ValueError(f"{word}: unknown connection tracking state flag")
        state |= _BIT[word]
    return state


def contradictions(state: int) -> list[str]:
    """What no connection tracker would report, a sentence each."""
    said = []
    if state & _BIT["inv"] and state & ~(TRACKED | _BIT["inv"]):
        said.append('when "inv" is set, only "trk" may also be set')
    return said + [
        f'"{first}" and "{shown}" are mutually exclusive'
        for first, second, shown in _EXCLUSIVE
        if state & _BIT[first] and state & _BIT[second]
    ]


_EXCLUSIVE: Final = (("new", "est", "est"), ("new", "rpl", "rpy"))
"""Two flags, and what the second is called in the sentence."""


def _pass(place: Place, title: str, changes: Microflow, more: int = 0, *, again: bool = False) -> None:
    """Track a copy and let it go on in the next table; what is tracked already is not, but ``again``."""
    state, remark = place.packet.get("ct_state", 0), ""
    if again or not state & TRACKED:
        reported, remark = place.walk.world.next_state()
        state |= reported
    fork = place.fork(Kind.TRANSFORMATION, f"{title}{remark}")
    fork.packet.update(changes, ct_state=state | more)
    place.walk.enter_table(fork.packet, place.table + 1, fork.node)


def _ct_next(place: Place, _action: actions_ct.CtNext) -> None:
    state, remark = place.walk.world.next_state()
    fork = place.fork(Kind.TRANSFORMATION, f"ct_next(ct_state={format_state(state)}{remark})")
    fork.packet["ct_state"] = state
    place.walk.enter_table(fork.packet, place.table + 1, fork.node)


def _ct_clear(place: Place, _action: actions_ct.ClearCt) -> None:
    for name in _REMEMBERED:
        place.packet.pop(name, None)


def _ct_nat(place: Place, action: actions_nat.CtNat) -> None:
    kind = action.name.removesuffix("_in_czone").removeprefix("ct_")
    # The word for the common zone is run together in the trace's titles, as C prints it.
    title = f"ct_{kind}{'in_czone' if action.name.endswith('_in_czone') else ''}"
    address = action.address
    if address is None:
        if kind == "snat" and place.walk.datapath.is_gateway:
            return  # on a gateway router, undoing SNAT does nothing (ovn-trace(8))
        _pass(place, f"{title} /* assuming no un-{kind} entry, so no change */", {})
        return
    end = "dst" if kind == "dnat" else "src"
    field_, shown = (f"ip_{end}", f"ip4.{end}") if address.form == IPV4 else (f"ipv6_{end}", f"ip6.{end}")
    value = format_integer(address.value, address.form)
    _pass(place, f"{title}({shown}={value})", {field_: address.value}, _BIT[kind])


def _ct_commit_nat(place: Place, _action: actions_nat.CtCommitNat) -> None:
    _pass(place, "ct_commit_nat /* assuming no un-nat entry, so no change */", {})


def _ct_lb(place: Place, action: actions_ct.CtLoadBalance) -> None:
    backend = _backend(place, action)
    changes: Microflow = {}
    if backend is not None:
        changes[_DESTINATION[backend.address.form][1]] = backend.address.value
        port = _PORTS.get(place.packet.get("nw_proto", 0))
        if backend.port and port is not None:
            changes[port] = backend.port
    _pass(place, action.name, changes, _BIT["dnat"] if changes else 0, again=True)


def _backend(place: Place, action: actions_ct.CtLoadBalance) -> Backend | None:
    """One of the packet's address family: that of ``--lb-dst``, or any."""
    wanted, kind = place.walk.world.lb_dst, place.packet.get("eth_type")
    if not action.backends:
        return wanted if wanted is not None and _DESTINATION[wanted.address.form][0] == kind else None
    fitting = [b for b in action.backends if _DESTINATION[b.address.form][0] == kind]
    if not fitting:
        place.node.add(Kind.ERROR, "no load balancing destination (use --lb-dst)")
        return None
    named = [b for b in fitting if wanted is not None and _is_named(b, wanted)]
    return named[0] if named else place.walk.world.chance.choice(fitting)


def _select(place: Place, action: actions_unserved.Select) -> None:
    """One of the members by chance, and on to the next table with a copy."""
    ids = [number for number, _ in action.members]
    chosen, remark = place.walk.world.select, ""
    if chosen is None or chosen not in ids:
        chosen = place.walk.world.chance.choice(ids)
        remark = " /* Randomly selected. Use --select-id to specify. */"
    fork = place.fork(Kind.TRANSFORMATION, f"select: {action.result} = {chosen}{remark}")
    write_field(fork.packet, action.result, chosen)
    place.walk.enter_table(fork.packet, place.table + 1, fork.node)


_DESTINATION: Final = {IPV4: (0x800, "ip_dst"), IPV6: (0x86DD, "ipv6_dst")}
_PORTS: Final = {6: "tcp_dst", 17: "udp_dst", 132: "sctp_dst"}

EFFECTS: Final[dict[type, Callable[[Place, Any], None]]] = {
    actions_ct.CtNext: _ct_next,
    actions_ct.ClearCt: _ct_clear,
    actions_ct.CtLoadBalance: _ct_lb,
    actions_nat.CtNat: _ct_nat,
    actions_nat.CtCommitNat: _ct_commit_nat,
    actions_unserved.Select: _select,
}
