"""Pipeline: the logical flows of 21 April 2015, from the northbound.

Four tables for each switch; ``resubmit`` goes on to the next one, and the last one outputs:

====================  ========  ==============================================  =========================
table                 priority  match                                           actions
====================  ========  ==============================================  =========================
0 admission           100       ``vlan.present``                                ``drop``
0                     100       ``eth.src[40]``                                 ``drop``
0 port security       50        ``inport == "P"`` [`` && eth.src == {M }``]     ``resubmit``
0                     0         ``1``                                           ``drop``
1 broadcast           100       ``eth.dst[40]``                                 a chain over all ports
1 unicast             50        ``eth.dst == M``                                ``outport = "P"; resubmit;``
1 unknown             0         ``1``                                           a chain over "unknown" ports
2 ACLs                the ACL's the ACL's                                       ``resubmit`` or ``drop``
2                     0         ``1``                                           ``resubmit``
3 port security       100       ``outport == "P" && eth.dst[40]``               ``output("P")``
3                     50        ``outport == "P"`` [`` && eth.dst == {M }``]    ``output("P")``
====================  ========  ==============================================  =========================

A chain is ``outport = "P2"; resubmit; outport = "P1"; resubmit;``.  An output to the port that a packet came
from does nothing.  The forms are those of the article of that day; the order in a chain was that of a hash
table, and here it is by name, the last first, which is how the article prints it.

Two faults of the day, mended within a week, are not reproduced: the chain over "unknown" ports is each
switch's own, and a port's security does not keep broadcasts from it (the row of priority 100 in table 3,
which only a port with Ethernet addresses in ``port_security`` has).

As in 2015: ``allow-related`` is ``allow`` and ``reject`` is ``drop``; ``log`` is not regarded; IP addresses
in ``port_security`` are not enforced.  What came later (direction and tier of ACLs, ACLs of port groups,
disabled ports, types of ports, routers) has no place here: both directions go to table 2.

Cost: a port more is one derivation for its own rows and one per chain that it is in, however large the
switch.  A chain is one string, though, as it was in 2015: it is joined anew once per pass and written whole,
about 24 bytes and a name for each port (0.3 MB for 10,000 ports), also when 1,000 ports came at once.  What
that may take of the time is bounded by ``pace``.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovn.ethernet import ethernet_of
from pyovn.ovn.ports import UNKNOWN_ADDRESS
from pyovn.schemas import ovn2015 as old

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyovn.compat2015.model import Model
    from pyovn.incremental import Fold
    from pyovn.ovsdb.values import UUID
    from pyovn.schemas import northbound as nb

ADMISSION, DESTINATION, RULES, DELIVERY = range(4)
ALL_PORTS: Final = 100
"""The priority of the chain over all ports, in table ``DESTINATION``."""
UNKNOWN: Final = 0
"""The priority of the chain over ports that take what nobody else does."""
DROP, RESUBMIT = "drop", "resubmit"
_ACTIONS: Final = {"drop": DROP, "reject": DROP}
_FIXED: Final = (
    (ADMISSION, 100, "vlan.present", DROP, "there are no VLANs on a logical switch"),
    (ADMISSION, 100, "eth.src[40]", DROP, "nothing comes from a multicast address"),
    (ADMISSION, 0, "1", DROP, "what comes from no port of the switch"),
    (RULES, 0, "1", RESUBMIT, "what no ACL decides"),
)


class Flow(NamedTuple):
    """A wanted row of Pipeline."""

    datapath: UUID
    table_id: int
    priority: int
    match: str
    actions: str

    @property
    def table(self) -> str:
        """Pipeline."""
        return old.Pipeline.TABLE

    @property
    def key(self) -> tuple[Any, ...]:
        """Itself; a chain is the same row when its ports change."""
        return _key(self)

    @property
    def columns(self) -> tuple[tuple[str, Any], ...]:
        """All of them."""
        return (
            ("logical_datapath", self.datapath),
            ("table_id", self.table_id),
            ("priority", self.priority),
            ("match", self.match),
            ("actions", self.actions),
        )


class Member(NamedTuple):
    """A port that is in a chain of its switch."""

    switch: UUID
    priority: int
    """``ALL_PORTS`` or ``UNKNOWN``."""
    port: str


def _key(flow: Flow) -> tuple[Any, ...]:
    is_chain = flow.table_id == DESTINATION and flow.priority in {ALL_PORTS, UNKNOWN}
    return (*flow[:4], None) if is_chain else flow


def identify(row: old.Pipeline) -> tuple[Any, ...]:
    """The key of a row that is there."""
    return _key(Flow(row.logical_datapath, row.table_id, row.priority, row.match, row.actions))


def declare(model: Model) -> None:
    """Write the table."""
    engine = model.engine

    def members(port: nb.LogicalSwitchPort) -> Iterator[tuple[Member, str]]:
        switch = model.datapath_of(port)
        if switch is not None:
            yield Member(switch, ALL_PORTS, port.name), "a port of the switch"
            if UNKNOWN_ADDRESS in port.addresses:
                yield Member(switch, UNKNOWN, port.name), "its addresses are not all known"

    chains: Fold[Member, tuple[UUID, int], str, list[str]] = engine.fold(
        "chains",
        engine.derive("chain_members", model.ports, members),
        lambda member: [((member.switch, member.priority), member.port)],
        empty=list,
        add=_add,
        take=_take,
        view=_chain,
    )

    def of_switch(switch: nb.LogicalSwitch) -> Iterator[tuple[Flow, str]]:
        for table, priority, match, actions, why in _FIXED:
            yield Flow(switch.uuid, table, priority, match, actions), why

    def broadcast(switch: nb.LogicalSwitch) -> Iterator[tuple[Flow, str]]:
        actions = chains.value((switch.uuid, ALL_PORTS))
        yield Flow(switch.uuid, DESTINATION, ALL_PORTS, "eth.dst[40]", actions), "broadcast and multicast"

    def unknown(switch: nb.LogicalSwitch) -> Iterator[tuple[Flow, str]]:
        actions = chains.value((switch.uuid, UNKNOWN))
        if actions:
            yield Flow(switch.uuid, DESTINATION, UNKNOWN, "1", actions), "what is for no known address"

    def of_port(port: nb.LogicalSwitchPort) -> Iterator[tuple[Flow, str]]:
        switch = model.datapath_of(port)
        return iter(()) if switch is None else _port_flows(switch, port)

    def of_rule(acl: nb.ACL) -> Iterator[tuple[Flow, str]]:
        for switch in model.switches_of_acl.all(acl.uuid):
            actions = _ACTIONS.get(acl.action, RESUBMIT)
            yield Flow(switch.uuid, RULES, acl.priority, acl.match, actions), "an ACL"

    for name, source, function in (
        ("pipeline_switches", model.switches, of_switch),
        ("pipeline_broadcast", model.switches, broadcast),
        ("pipeline_unknown", model.switches, unknown),
        ("pipeline_ports", model.ports, of_port),
        ("pipeline_acls", model.acls, of_rule),
    ):
        model.want_ovn(name, source, function)


def _port_flows(switch: UUID, port: nb.LogicalSwitchPort) -> Iterator[tuple[Flow, str]]:
    name = _quoted(port.name)
    allowed = _ethernet(port.port_security)
    yield (
        Flow(switch, ADMISSION, 50, f"inport == {name}{_one_of('eth.src', allowed)}", RESUBMIT),
        "what the port may send",
    )
    for mac in _ethernet(port.addresses):
        yield Flow(switch, DESTINATION, 50, f"eth.dst == {mac}", _to(name)), "an address of the port"
    output = f"output({name})"
    if allowed:
        match = f"outport == {name} && eth.dst[40]"
        yield Flow(switch, DELIVERY, 100, match, output), "port security is not about broadcasts"
    yield (
        Flow(switch, DELIVERY, 50, f"outport == {name}{_one_of('eth.dst', allowed)}", output),
        "what the port may receive",
    )


def _ethernet(texts: Iterable[str]) -> list[str]:
    """The Ethernet addresses that elements begin with; elements without one do not count."""
    return sorted({mac for mac in map(ethernet_of, texts) if mac is not None})


def _one_of(field: str, macs: list[str]) -> str:
    """A further condition, if there are addresses."""
    return f" && {field} == {{{''.join(mac + ' ' for mac in macs)}}}" if macs else ""


def _quoted(name: str) -> str:
    """A name as a string of the flow language, which is one of JSON."""
    return json.dumps(name, ensure_ascii=False)


def _to(quoted_name: str) -> str:
    return f"outport = {quoted_name}; {RESUBMIT};"


def _chain(names: list[str]) -> str:
    return " ".join([_to(_quoted(name)) for name in reversed(names)])


def _add(names: list[str], name: str) -> list[str]:
    insort(names, name)
    return names


def _take(names: list[str], name: str) -> list[str]:
    del names[bisect_left(names, name)]
    return names
