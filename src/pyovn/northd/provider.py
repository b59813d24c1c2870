"""Ports to other networks: routers and localnets, which connection tracking passes by, and their queues.

ovn-northd(8), Logical Switch Datapaths, ingress tables 0 and 5, egress tables 1 and 9.  A packet crosses a
router port or a localnet port on another chassis than it came in, so a connection that is tracked there
would be half seen.  ``options:qdisc_queue_id`` (ovn-sb(5), Port_Binding) names the queue of a port's packets:
those that come from it, and those that leave by a localnet.

Not here: the physical side, which is the controllers' (``network_name``, ``tag``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.model import Item, Model, is_enabled, logical_flow, quoted
from pyovn.ovn.ports import EXTERNAL, LOCALNET, VTEP
from pyovn.ovn.registers import SWITCH_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref


def declare(model: Model) -> None:
    """Flows of router and localnet ports, and of ports with a queue."""
    ingress, egress = model.profile.switch_in, model.profile.switch_out
    check_in = f"{SWITCH_BITS['port_sec_drop']} = check_in_port_sec(); next;"

    def flows(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is not None:
            if port.type == LOCALNET or model.peer_of(port) is not None:
                yield from untracked(port, datapath)
            queue = port.options.get("qdisc_queue_id")
            if queue is not None and is_enabled(port) and port.type not in {VTEP, EXTERNAL}:
                yield from queued(port, datapath, queue)

    def untracked(port: nb.LogicalSwitchPort, datapath: Ref) -> Iterator[tuple[Item, str]]:
        name, why = quoted(port.name), "half of a connection is not tracked"
        yield (
            logical_flow(
                datapath, ingress["pre_lb"], 110, f"ip && inport == {name}", "next;", port=port.name
            ),
            why,
        )
        yield (
            logical_flow(
                datapath, egress["pre_lb"], 110, f"ip && outport == {name}", "ct_clear; next;", port=port.name
            ),
            why,
        )

    def queued(port: nb.LogicalSwitchPort, datapath: Ref, queue: str) -> Iterator[tuple[Item, str]]:
        name, stage = quoted(port.name), ingress["check_port_sec"]
        yield (
            logical_flow(
                datapath, stage, 70, f"inport == {name}", f"set_queue({queue}); {check_in}", port=port.name
            ),
            "the port's packets have a queue",
        )
        if port.type == LOCALNET:
            actions, last = f"set_queue({queue}); output;", egress["apply_port_sec"]
            yield (
                logical_flow(datapath, last, 100, f"outport == {name}", actions, port=port.name),
                "packets to the physical network have a queue",
            )

    model.want_sb("provider_ports", model.special_ports, flows)
