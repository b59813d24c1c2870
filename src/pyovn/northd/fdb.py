"""MAC learning: on ports where nobody has said which addresses are behind them.

ovn-northd(8), Logical Switch Datapaths, ingress tables 2 and 3.  A port with the address ``unknown`` and
without port security learns: its chassis puts each new source address into the southbound's FDB table,
and ``get_fdb`` of the L2 look-up finds it there.  A localnet port learns if ``options:localnet_learn_fdb``
says so (ovn-nb(5)); ports of other types do not.

Not here: rows of FDB that outlive their port (``leftovers``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.addresses import is_unknown, mac_of
from pyovn.northd.admission import ALL_SWITCHES
from pyovn.northd.model import Item, LogicalFlow, Model, logical_flow, quoted
from pyovn.ovn.ports import LOCALNET, VIF
from pyovn.ovn.registers import SWITCH_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref


def learns(port: nb.LogicalSwitchPort) -> bool:
    """Whether addresses behind ``port`` are learnt."""
    if port.type not in {VIF, LOCALNET} or not any(map(is_unknown, port.addresses)):
        return False
    if port.type == LOCALNET and port.options.get("localnet_learn_fdb", "").lower() != "true":
        return False
    return not any(mac_of(address) is not None for address in port.port_security)


def declare(model: Model) -> None:
    """Flows of ports that learn, and of everybody else."""
    lookup, put = model.profile.switch_in["lookup_fdb"], model.profile.switch_in["put_fdb"]
    found = SWITCH_BITS["lookup_fdb"]

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class == ALL_SWITCHES:
            yield logical_flow(where, lookup, 0, "1", "next;"), "a port that does not learn"
            yield logical_flow(where, put, 0, "1", "next;"), "a port that does not learn, or has learnt"

    def learning(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is None or not learns(port):
            return
        inport = f"inport == {quoted(port.name)}"
        ask, learn = f"{found} = lookup_fdb(inport, eth.src); next;", "put_fdb(inport, eth.src); next;"
        yield (
            logical_flow(datapath, lookup, 100, inport, ask, port=port.name),
            "is the sender known to be behind this port?",
        )
        yield (
            logical_flow(datapath, put, 100, f"{inport} && {found} == 0", learn, port=port.name),
            "now it is",
        )

    model.want_class_flows("fdb", flows)
    model.want_sb("fdb_ports", model.special_ports, learning)
