"""ovs-vsctl emer-reset: back to a switch that nobody controls (ovs-vsctl(8)).

Bridges, ports and interfaces stay; who controls them, watches them or gets copies of their packets goes, and
so does ``other_config`` of bridges, but for ``hwaddr``, and of ports.  The manual page says that every
record loses its ``other_config``; Debian's program leaves the switch's, interfaces' and queues', and this
one does as it does.  Policing of what interfaces receive, by bits, ends as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import EMPTY_MAP, EMPTY_SET, FrozenMap
from pyovn.tools.ctl.grammar import Command, Verb
from pyovn.tools.vsctl.layout import BRIDGE, INTERFACE, PORT, SWITCH

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs

GONE: Final = ("Mirror", "Controller", "Manager", "SSL", "NetFlow", "sFlow", "IPFIX")
KEPT: Final = "hwaddr"
_BRIDGE_SETS: Final = ("controller", "mirrors")
_POLICING: Final = ("ingress_policing_rate", "ingress_policing_burst")
_BRIDGE_OPTIONAL: Final = ("fail_mode", "netflow", "sflow", "ipfix")


def need_reset(needs: Needs, _command: Command) -> None:
    """What is reset."""
    needs.add(SWITCH, "manager_options", "ssl")
    needs.add(BRIDGE, *_BRIDGE_SETS, *_BRIDGE_OPTIONAL, "other_config")
    needs.add(PORT, "other_config")
    needs.add(INTERFACE, *_POLICING)
    for table in GONE:
        needs.add(table)


def run_reset(context: Context, _command: Command) -> None:
    """Delete what controls and watches the switch."""
    model = context.model
    switch = model.first(SWITCH)
    assert switch is not None
    switch.put("manager_options", EMPTY_SET)
    switch.put("ssl", None)
    for bridge in model.rows(BRIDGE):
        for column in _BRIDGE_SETS:
            bridge.put(column, EMPTY_SET)
        for column in _BRIDGE_OPTIONAL:
            bridge.put(column, None)
        config = bridge.strings("other_config")
        bridge.put("other_config", FrozenMap({KEPT: config[KEPT]} if KEPT in config else {}))
    for port in model.rows(PORT):
        port.put("other_config", EMPTY_MAP)
    for interface in model.rows(INTERFACE):
        for column in _POLICING:
            interface.put(column, 0)
    for table in GONE:
        for row in list(model.rows(table)):
            model.delete(row)


VERBS: Final = (Verb("emer-reset", 0, 0, run_reset, need_reset),)
